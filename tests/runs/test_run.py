import hashlib
import json
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import Dropout, Sequential
from waiting import PATIENCE

from tlrun.config.build import build
from tlrun.core.errors import Mistake, RunBusy, RunFailed, Terminated, UserError
from tlrun.core.notes import Note, RunAnew, Waiting
from tlrun.core.objective import Schedule, Steps
from tlrun.core.problem import HeldOutTest, Problem, Split
from tlrun.data.batches import Batch
from tlrun.data.datasets.digits import Digits
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, restore
from tlrun.models.trunk import set_memory_format
from tlrun.report.study.predictions import predictions_of
from tlrun.runs.outcome import Outcome, load_run, load_runs
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.run import find_finished
from tlrun.runs.trained_backbone import load_backbone
from tlrun.runs.trained_model import load_model
from tlrun.store.digests import OWN
from tlrun.store.found import runs
from tlrun.strategies.base import Control, Stage
from tlrun.strategies.scratch import Scratch
from tlrun.training.evaluation import evaluate
from tlrun.training.forward import Forward
from tlrun.training.optimizers import Updates

from problems import Watcher, config, outcomes_of, performed, planned, sign
from properties import assert_same_bits, assert_same_run

ARMS = [
    {"name": "parameter_transfer"},
    {"name": "feature_transfer"},
    {"name": "scratch", "budget": "target"},
    {"name": "scratch", "budget": "total"},
    {"name": "source_only", "budget": "total"},
    {"name": "joint"},
]


def done(runs_dir: Path, watcher: Watcher | None = None, **changes: Any) -> Path:
    watcher = watcher or Watcher()
    return performed(planned(config(runs_dir, **changes), watcher), THIS, watcher).path


def test_a_run_leaves_what_it_promises(tmp_path: Path) -> None:
    path = done(tmp_path)
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    result, record = (
        json.loads((path / "result.json").read_text()),
        json.loads((path / "run.json").read_text()),
    )

    assert path.parent == tmp_path / "digits" / "parameter_transfer"
    assert path.name.startswith("lam=1_seed=0_")
    assert [(row["stage"], row["step"]) for row in rows] == [
        ("source", 4),
        ("source", 6),
        ("target", 4),
        ("target", 6),
    ]
    assert [row["lam"] for row in rows] == [0, 0, 1, 1]
    assert result["headline"]["name"] == "target accuracy"
    assert result["labels"] == {"source": 719, "target": 50}
    assert (result["steps"], result["examples"]) == (12, 16 * 6 + 2 * 16 * 6)
    assert record["status"] == "finished"
    assert record["test_opened"] == 1
    assert record["seconds"] > 0
    assert record["fingerprint"]["threads"] == 1


def test_config_yaml_is_the_run_it_stands_in(tmp_path: Path) -> None:
    path = done(tmp_path, lam={"name": "constant", "value": float("inf")})
    kept: Any = OmegaConf.to_container(OmegaConf.load(path / "config.yaml"))

    assert planned(config(tmp_path) | kept, Watcher()).run_dir.path == path


def test_the_same_command_finds_its_finished_run_without_training(tmp_path: Path) -> None:
    first = done(tmp_path)
    before = {file.name: file.read_bytes() for file in first.iterdir()}
    watcher = Watcher()
    again = performed(planned(config(tmp_path), watcher), THIS, watcher)

    assert again.found
    assert again.path == first
    assert watcher.steps == 0
    assert {file.name: file.read_bytes() for file in first.iterdir()} == before


def test_same_seed_same_bits_twice(tmp_path: Path) -> None:
    for arm in ARMS:
        one, other = (done(tmp_path / place, strategy=arm) for place in ("a", "b"))
        assert_same_run(one, other)
        assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    one, other = done(tmp_path), done(tmp_path, seed=1)

    assert one != other
    assert (one / "result.json").read_bytes() != (other / "result.json").read_bytes()


def test_a_run_does_not_depend_on_what_ran_before_it_in_the_process(tmp_path: Path) -> None:
    one = done(tmp_path / "a")
    torch.rand(7)
    done(tmp_path / "b", seed=5)
    other = done(tmp_path / "b")

    assert_same_run(one, other)


@pytest.mark.parametrize("strategy", ["parameter_transfer", "feature_transfer"])
def test_how_images_lie_in_memory_changes_results_by_rounding_alone(
    tmp_path: Path, strategy: str
) -> None:
    """Under SGD: Adam makes a whole step of a gradient that is 0 but for rounding."""
    weights = []
    for memory_format in ("channels_last", "contiguous"):
        asked = config(
            tmp_path,
            backbone={"name": "conv", "channels": [4, 6], "norm": "batch"},
            strategy={"name": strategy},
            optimizer={"name": "sgd"},
            trainer={"name": "trainer", "steps": 4, "memory_format": memory_format},
        )
        path = performed(planned(asked, Watcher()), THIS, Watcher()).path
        weights.append(load_file(path / "model.safetensors"))

    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-4), name


def test_the_model_on_disk_gives_the_predictions_on_disk(tmp_path: Path) -> None:
    asked = config(tmp_path, backbone={"name": "conv", "channels": [4], "norm": "batch"})
    path = performed(planned(asked, Watcher()), THIS, Watcher()).path
    run = build(asked)
    ours = run.dataset.load(0)
    model = restore(
        draw_model(run.backbone, ours.inputs, ours.tasks_by_domain, "target", 9),
        load_file(path / "model.safetensors"),
    )
    tasks, test = ours.tasks.values(), ours.test.open()["target"]
    kept = load_file(path / "predictions.safetensors")["target/digit"]
    contiguous = evaluate(model, "target", tasks, test)[1]
    set_memory_format(model.trunks, "channels_last")  # as the run had it
    outputs = evaluate(model, "target", tasks, test)[1]

    assert torch.allclose(contiguous["digit"], kept, atol=1e-5)
    assert torch.equal(outputs["digit"], kept)


def test_test_examples_are_not_read_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher()
    load = Digits.load

    class Early(HeldOutTest):
        """Raises when it is opened before the last of the twelve steps."""

        def open(self) -> Mapping[str, Split]:
            assert watcher.steps == 12, "the test set was read early"
            return super().open()

    def guarded(self: Digits, seed: int) -> Problem:
        ours = load(self, seed)
        return Problem(ours.domains, Early(ours.test.open()), ours.digest)

    monkeypatch.setattr(Digits, "load", guarded)
    path = done(tmp_path, watcher, dataset={"name": "digits", "val_share": 0.4})

    assert json.loads((path / "run.json").read_text())["test_opened"] == 1
    assert watcher.steps == 12
    with pytest.raises(
        RunFailed, match="the test set was read early"
    ):  # the guard can fail: thirteen steps are not twelve
        done(tmp_path, watcher, seed=1)


def test_arms_of_one_seed_draw_the_same_batches_and_initial_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Per domain, an arm's batches are the first of one endless sequence; per origin, fresh weights
    are the same."""
    drawn: dict[str, list[str]] = {}
    fresh: dict[str, dict[str, Tensor]] = {}
    real_draw = draw_model

    class Watched(Forward):
        def __call__(self, batches: Mapping[str, Batch]) -> Steps:
            for name, batch in batches.items():
                content = batch.inputs.numpy().tobytes() + batch.labels["digit"].numpy().tobytes()
                arm_batches[name].append(hashlib.sha256(content).hexdigest())
            return super().__call__(batches)

    def draw(backbone: Any, spec: Any, domains: Any, init: Any, *more: Any) -> Model:
        model = real_draw(backbone, spec, domains, init, *more)
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        assert_same_bits(fresh.setdefault(init, weights), weights)
        return model

    monkeypatch.setattr("tlrun.training.loop.Forward", Watched)
    monkeypatch.setattr("tlrun.runs.beginning.draw_model", draw)
    trainer = {**config(tmp_path)["trainer"], "cache_features": False}
    for arm in [*ARMS, {"name": "structure_transfer"}]:
        arm_batches: dict[str, list[str]] = defaultdict(list)
        done(tmp_path, strategy=arm, stages=False, trainer=trainer)
        for domain, batches in arm_batches.items():
            known = drawn.setdefault(domain, batches)
            common = min(len(known), len(batches))
            assert known[:common] == batches[:common], (arm, domain)
            drawn[domain] = max(known, batches, key=len)

    assert len(drawn["source"]) == len(drawn["target"]) == 12
    assert set(fresh) == {"source", "target"}


def test_an_answer_is_the_run_and_its_controls_and_controls_are_shared(tmp_path: Path) -> None:
    watcher = Watcher()
    first = outcomes_of(config(tmp_path, controls=True), watcher)
    trained = watcher.steps
    second = outcomes_of(
        config(tmp_path, controls=True, strategy={"name": "feature_transfer"}), watcher
    )

    assert [o.name for o in first] == [
        THIS,
        "scratch",
        "scratch, total budget",
        "source_only",
        "joint, λ=1",
    ]
    assert [o.found for o in second] == [False, True, True, True, True]
    assert [o.path for o in first[1:]] == [o.path for o in second[1:]]
    # the target stage: the source stage is the one that the first run trained
    assert watcher.steps - trained == 6
    assert outcomes_of(config(tmp_path), Watcher())[0].found


def test_seeds_of_one_setting_share_it_and_other_settings_do_not(tmp_path: Path) -> None:
    settings = [
        performed(planned(config(tmp_path, **changes), Watcher()), THIS, Watcher()).setting
        for changes in ({}, {"seed": 1}, {"lam": {"name": "constant", "value": 2}})
    ]

    assert settings[0] == settings[1] != settings[2]


def test_another_fingerprint_runs_anew_says_why_and_loses_nothing(tmp_path: Path) -> None:
    path = done(tmp_path)
    record = json.loads((path / "run.json").read_text())
    sign(path, fingerprint=record["fingerprint"] | {"torch": "1.0"})

    accepting = Watcher()
    accepted = performed(planned(config(tmp_path, reuse="any"), accepting), THIS, accepting)
    assert accepted.found
    assert accepted.differs.startswith("torch 1.0 then")

    watcher = Watcher()
    assert not performed(planned(config(tmp_path), watcher), THIS, watcher).found
    assert "finished, but torch 1.0 then" in watcher.notes[0]
    assert [note for note in watcher.notes[1:] if "this run · source " not in note] == []
    old = (
        tmp_path
        / ".superseded"
        / "digits"
        / "parameter_transfer"
        / f"{path.name}_1"
        / "result.json"
    )
    assert old.read_bytes() == (path / "result.json").read_bytes()


def test_rerun_trains_the_run_asked_for_again_but_not_its_controls(tmp_path: Path) -> None:
    outcomes_of(config(tmp_path, controls=True), Watcher())
    again = outcomes_of(config(tmp_path, controls=True, rerun=True), Watcher())

    assert [o.found for o in again] == [False, True, True, True, True]


@pytest.mark.parametrize(
    "damage", ["killed", "no result", "half a result", "empty result", "no model", "no record"]
)
def test_what_is_not_finished_is_started_again(tmp_path: Path, damage: str) -> None:
    path = done(tmp_path)
    good = (path / "result.json").read_bytes()
    if damage == "killed":
        record = json.loads((path / "run.json").read_text()) | {"status": "running"}
        (path / "run.json").write_text(json.dumps(record))
    elif damage == "no record":
        (path / "run.json").unlink()
    elif damage == "empty result":
        (path / "result.json").write_text("{}")
    elif damage == "no model":
        (path / "model.safetensors").unlink()
    elif damage == "no result":
        (path / "result.json").unlink()
    else:
        (path / "result.json").write_bytes(good[:20])

    watcher = Watcher()
    again = performed(planned(config(tmp_path), watcher), THIS, watcher)

    assert not again.found
    assert str(path) in watcher.notes[0]
    assert [note for note in watcher.notes[1:] if "this run · source " not in note] == []
    assert (path / "result.json").read_bytes() == good


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a learnt structure and, of its next seed, another."""
    home = tmp_path_factory.mktemp("kept")
    for seed in (0, 1):
        done(home, strategy={"name": "structure_transfer"}, seed=seed)
    return home


KEPT = (
    "config.yaml", "data.json", "metrics.jsonl", "model.safetensors", "predictions.safetensors",
    "result.json", "run.json", "structure.json",
)  # fmt: skip
HOW = ("flip", "truncate", "zero", "empty", "delete", "swap")


def damage(file: Path, how: str, other: Path) -> None:
    """Change a file of a run. other: the run whose file of this name `swap` puts there."""
    content = bytearray(file.read_bytes())
    match how:
        case "flip":
            content[len(content) // 2] ^= 1
        case "truncate":
            del content[len(content) // 2 :]
        case "zero":
            content = bytearray(len(content))
        case "empty":
            content.clear()
        case "swap":
            content = bytearray((other / file.name).read_bytes())
    file.write_bytes(content)
    if how == "delete":
        file.unlink()


def found(home: Path, seed: int = 0) -> tuple[Outcome | None, list[Note]]:
    """What is found of a run of `twice`, and what is told of it."""
    notes: list[Note] = []

    class Listening(Watcher):
        def note(self, note: Note, runs: int = 1) -> None:
            notes.append(note)

    asked = planned(config(home, strategy={"name": "structure_transfer"}, seed=seed), Watcher())
    return find_finished(asked, THIS, Listening()), notes


def folder_of(home: Path, seed: int) -> Path:
    (folder,) = (home / "digits" / "structure_transfer").glob(f"*seed={seed}_*")
    return folder


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("large", [False, True])
def test_a_damaged_file_of_a_finished_run_is_named_and_the_run_does_not_count(
    twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, large: bool
) -> None:
    home = shutil.copytree(twice, tmp_path / "runs")
    one, other = (folder_of(home, seed) for seed in (0, 1))
    if large:
        monkeypatch.setattr("tlrun.store.digests.LARGE", 1)
        sign(one)
    assert {file.name for file in one.iterdir()} == set(KEPT)
    assert found(home)[0] is not None
    for name in KEPT:
        file = one / name
        content = file.read_bytes()
        if how == "swap" and (other / name).read_bytes() == content:
            continue  # the data report of both, say
        damage(file, how, other)
        outcome, (note,) = found(home)
        assert outcome is None, name
        assert isinstance(note, RunAnew)
        assert note.path == one
        assert (name in note.details) == (note.why == "damaged"), name
        assert name == "run.json" or note.why == "damaged"
        file.write_bytes(content)
    assert found(home)[0] is not None  # other times of writing, the same bits


@pytest.mark.parametrize("how", HOW)
def test_what_is_damaged_is_made_again_and_the_old_folder_is_kept(
    twice: Path, tmp_path: Path, how: str
) -> None:
    home = shutil.copytree(twice, tmp_path / "runs")
    one, other = (folder_of(home, seed) for seed in (0, 1))
    damage(one / KEPT[2 + HOW.index(how)], how, other)
    watcher = Watcher()
    done(home, watcher, strategy={"name": "structure_transfer"})

    assert_same_run(one, folder_of(twice, 0))
    assert (one / "metrics.jsonl").read_bytes() == (
        folder_of(twice, 0) / "metrics.jsonl"
    ).read_bytes()
    assert (home / ".superseded" / "digits" / "structure_transfer" / f"{one.name}_1").is_dir()
    assert found(home)[0] is not None


def test_every_changed_byte_of_run_json_is_noticed(twice: Path, tmp_path: Path) -> None:
    home = shutil.copytree(twice, tmp_path / "runs")
    file = folder_of(home, 0) / "run.json"
    content = file.read_bytes()
    asked = planned(config(home, strategy={"name": "structure_transfer"}), Watcher())
    for place in np.random.default_rng(0).choice(len(content), 150, replace=False).tolist():
        changed = bytearray(content)
        changed[place] ^= 1
        with suppress(ValueError):
            if json.loads(changed) == json.loads(content):
                continue  # the last digit of a number, which says nothing
        file.write_bytes(changed)
        assert find_finished(asked, THIS, Watcher()) is None, place


def test_a_run_json_without_its_digest_is_older_or_damaged(twice: Path, tmp_path: Path) -> None:
    """That of today's sources has one; of an older tl-run it is outdated all the same."""
    home = shutil.copytree(twice, tmp_path / "runs")
    file = folder_of(home, 0) / "run.json"
    record = json.loads(file.read_text())
    for key in (OWN, "digests", "large", "run"):
        del record[key]
    file.write_text(json.dumps(record))
    assert [note.why for note in found(home)[1] if isinstance(note, RunAnew)] == ["damaged"]
    older = record | {"fingerprint": {**record["fingerprint"], "tlrun sources": "older"}}
    file.write_text(json.dumps(older))
    assert [note.why for note in found(home)[1] if isinstance(note, RunAnew)] == ["outdated"]
    asked = config(home, strategy={"name": "structure_transfer"}, reuse="any")
    assert find_finished(planned(asked, Watcher()), THIS, Watcher()) is not None


def test_a_folder_at_the_place_of_another_run_is_told_whose_it_is(
    twice: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(twice, tmp_path / "runs")  # a whole runs_dir may be anywhere
    one, other = (folder_of(home, seed) for seed in (0, 1))
    assert all(found(home, seed)[0] is not None for seed in (0, 1))
    shutil.rmtree(other)
    shutil.copytree(one, other)

    outcome, (note,) = found(home, 1)
    assert outcome is None
    assert isinstance(note, RunAnew)
    assert f"that of digits/structure_transfer/{one.name}" in note.details
    assert found(home)[0] is not None
    assert [run.path for run in load_runs(home)] == [one]
    assert [run.status for run in runs(home)] == ["finished", "damaged"]
    assert load_run(other).seed == 0  # a folder that is named may have been moved
    done(home, strategy={"name": "structure_transfer"}, seed=1)
    assert_same_run(other, folder_of(twice, 1))


def test_what_is_added_later_is_no_damage(twice: Path, tmp_path: Path) -> None:
    home = shutil.copytree(twice, tmp_path / "runs")
    for name in ("final.json", "final.safetensors", "traceback.txt"):
        (folder_of(home, 0) / name).write_text("later")

    assert found(home)[0] is not None


def test_weights_and_predictions_are_proved_whenever_they_are_read(
    twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large ones that changed while their size and time of writing stayed, as on a failing disk."""
    home = shutil.copytree(twice, tmp_path / "runs")
    one = folder_of(home, 0)
    monkeypatch.setattr("tlrun.store.digests.LARGE", 1)
    sign(one)
    whole, _ = found(home)
    assert whole is not None
    load_model(one), load_backbone(one)
    assert predictions_of(whole)
    for name in ("model.safetensors", "predictions.safetensors"):
        before = (one / name).stat()
        damage(one / name, "flip", one)
        os.utime(one / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert found(home)[0] is not None
    for load in (load_model, load_backbone):
        with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
            load(one)
    assert predictions_of(whole) == {}


def test_a_run_that_fails_is_marked_and_the_next_attempt_may_succeed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("inside")

    with monkeypatch.context() as patch:
        patch.setattr("tlrun.runs.stages.fit", broken)
        with pytest.raises(
            RunFailed, match=r"ZeroDivisionError: inside \(details in traceback.txt there\)"
        ):
            done(tmp_path)
    (path,) = (tmp_path / "digits" / "parameter_transfer").iterdir()
    record = json.loads((path / "run.json").read_text())
    assert (record["status"], record["reason"]) == ("failed", "ZeroDivisionError: inside")
    assert "broken" in (path / "traceback.txt").read_text()

    assert done(tmp_path) == path


def test_a_full_disk_at_the_end_is_a_failed_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlrun.store.rundir.write_json", full)
    with pytest.raises(RunFailed, match=r"no space left on the disk; free some \(tl-run clean\)"):
        done(tmp_path)


def test_a_backbone_that_draws_random_numbers_gives_the_same_bits_whatever_ran_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_plain = Mlp.build
    monkeypatch.setattr(
        Mlp, "build", lambda self, shape: Sequential(build_plain(self, shape), Dropout(0.5))
    )
    one = done(tmp_path / "a")
    torch.rand(7)
    other = done(tmp_path / "b")

    assert_same_run(one, other)


def test_best_chooses_in_both_stages_through_the_whole_run(tmp_path: Path) -> None:
    nodes: dict[str, Any] = {
        "dataset": {"name": "digits", "val_share": 0.4},
        "optimizer": {"name": "adam", "lr": 0.05},
    }
    trainer = {"name": "trainer", "steps": 40, "batch_size": 16, "eval_every": 5}
    best = done(tmp_path, **nodes, trainer=trainer | {"select": "best"})
    rows = [json.loads(line) for line in (best / "metrics.jsonl").read_text().splitlines()]
    lowest = min(row["val"]["target/digit"]["loss"] for row in rows if row["stage"] == "target")
    kept = json.loads((best / "result.json").read_text())["metrics"]["val"]["target/digit"]["loss"]

    assert kept == pytest.approx(lowest)
    assert {"source/digit"} == set(rows[0]["val"])


POOLING: dict[str, dict[str, Any]] = {
    "source_only": {"strategy": {"name": "source_only"}},
    "λ=0": {"lam": {"name": "constant", "value": 0.0}},
    "joint, λ=0": {"strategy": {"name": "joint"}, "lam": {"name": "constant", "value": 0.0}},
}


@pytest.mark.parametrize("arm", POOLING)
def test_a_run_says_where_it_scores_a_domain_with_what_batchnorm_knows_of_several_others(
    tmp_path: Path, arm: str
) -> None:
    watcher = Watcher()
    dataset = {"name": "digits_domains", "target": "inverted"}
    normed = {"name": "mlp", "hidden": [16], "norm": "batch"}
    done(tmp_path, watcher, dataset=dataset, backbone=normed, **POOLING[arm])

    (pooled,) = [note for note in watcher.notes if "BatchNorm" in note]
    assert pooled.startswith("this run: inverted was never trained on: ")
    assert pooled.endswith("BatchNorm uses the pooled statistics of noise, occlusion")


QUIET: dict[str, dict[str, Any]] = {
    "no BatchNorm": {"backbone": {"name": "mlp", "hidden": [16]}, **POOLING["source_only"]},
    "one source": {"dataset": {"name": "digits"}, **POOLING["source_only"]},
    "trained on": {},
    "frozen": {"strategy": {"name": "feature_transfer"}},
    "λ=∞": {"lam": {"name": "constant", "value": float("inf")}},
    "from random weights": {"strategy": {"name": "scratch"}},
    "towers": {
        "strategy": {"name": "single_task"},
        "dataset": {"name": "digits_domains"},
    },
}


@pytest.mark.parametrize("arm", QUIET)
def test_a_run_says_nothing_of_batchnorm_where_nothing_is_pooled(tmp_path: Path, arm: str) -> None:
    watcher = Watcher()
    dataset = {"name": "digits_domains", "target": "inverted"}
    normed = {"name": "mlp", "hidden": [16], "norm": "batch"}
    done(tmp_path, watcher, **{"dataset": dataset, "backbone": normed, **QUIET[arm]})

    assert [note for note in watcher.notes if "BatchNorm" in note] == []


def test_divergence_is_a_failed_run_that_names_the_term(tmp_path: Path) -> None:
    with pytest.raises(
        RunFailed, match=r"stage source, step \d+, λ=0: expected a finite L_S, found (nan|inf)"
    ):
        done(
            tmp_path,
            optimizer={"name": "sgd", "lr": 1000.0, "weight_decay": 1000.0},
            trainer={"name": "trainer"},
        )


@pytest.mark.parametrize("kept", ["stage", "run"])
def test_nothing_is_kept_of_weights_that_are_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """Of the last update of the stage that others share, or of the run's own."""
    inner = Updates.step
    ends = {"stage": ["source"], "run": ["source", "target"]}[kept]
    made: list[int] = []

    def step(self: Updates) -> None:
        inner(self)
        made.append(1)
        if len(made) == 6 * len(ends):
            self._parameters[0].data.view(-1)[0] = float("nan")

    monkeypatch.setattr(Updates, "step", step)
    with pytest.raises(RunFailed, match=rf"stage {ends[-1]}, step 6, .* expected a finite weight"):
        done(tmp_path)

    stages = [file.parent for file in tmp_path.glob(".stages/**/*.safetensors")]
    assert len(stages) == len(ends) - 1
    (record,) = [json.loads(file.read_text()) for file in tmp_path.glob("*/*/*/run.json")]
    assert record["status"] == "failed"
    assert not list(tmp_path.glob("*/*/*/*.safetensors"))
    assert not list(tmp_path.glob("*/*/*/result.json"))


def test_no_checkpoint_is_made_of_weights_that_are_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of weights that no loss sees, with one made after every step."""
    inner, made = Updates.step, list[int]()

    def step(self: Updates) -> None:
        inner(self)
        made.append(1)
        if len(made) == 3:
            self._parameters[0].data.view(-1)[0] = float("inf")

    monkeypatch.setattr(Updates, "step", step)
    every = {"steps": 1, "seconds": 1e9}
    with pytest.raises(RunFailed, match=r"step 3, λ=0: expected a finite weight \S+, found inf"):
        done(tmp_path, checkpoint=every)

    kept = [load_file(file) for file in tmp_path.rglob("*.safetensors")]
    assert kept
    assert all(bool(t.isfinite().all()) for each in kept for t in each.values())


@pytest.mark.parametrize(
    ("error", "signal"), [(KeyboardInterrupt, "SIGINT"), (Terminated, "SIGTERM")]
)
def test_an_interrupted_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], signal: str
) -> None:
    class Stopping(Watcher):
        def step(self, step: int, terms: Mapping[str, float]) -> None:
            raise error

    with pytest.raises(error):
        done(tmp_path, Stopping())
    (path,) = (tmp_path / "digits" / "parameter_transfer").iterdir()
    record = json.loads((path / "run.json").read_text())

    assert (record["status"], record["reason"]) == ("interrupted", signal)
    assert record["pid"] == os.getpid()


class Held(Watcher):
    """A run that somebody else has, and lets go as soon as this screen is told of it."""

    def __init__(self, run: Plan) -> None:
        super().__init__()
        self._run, self._held, self._release = run, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with self._run.run_dir.locked(wait=False, note=print):
            self._held.set()
            self._release.wait(PATIENCE)

    def note(self, note: Note, runs: int = 1) -> None:
        super().note(note, runs)
        if isinstance(note, Waiting):
            self._release.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._held.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._release.set()
        self._thread.join()


def test_the_run_asked_for_is_refused_while_another_has_it_and_a_control_waits(
    tmp_path: Path,
) -> None:
    """One command: what was asked for is busy, and what only stands beside it comes."""
    ours = planned(config(tmp_path), Watcher())
    beside = planned(config(tmp_path, strategy={"name": "scratch"}), Watcher())

    with Held(ours) as other, pytest.raises(RunBusy):
        outcomes_of(config(tmp_path, controls=True), other)
    assert not beside.run_dir.path.exists()
    with Held(beside) as other:
        outcomes = outcomes_of(config(tmp_path, controls=True), other)

    assert [note for note in other.notes if "waiting for" in note]
    assert not outcomes[1].found
    assert outcomes[1].path == beside.run_dir.path


@dataclass(frozen=True)
class Impossible(Scratch):
    """A control that no problem can have."""

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        raise UserError(Mistake("strategy", "another problem", "this one"))


def test_nothing_starts_where_one_control_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = {"scratch": Control(Scratch()), "impossible": Control(Impossible())}
    monkeypatch.setattr("tlrun.strategies.parameter_transfer.transfer_controls", lambda _: controls)
    with pytest.raises(UserError, match="strategy: expected another problem, found this one"):
        outcomes_of(config(tmp_path, controls=True), Watcher())

    assert list(tmp_path.iterdir()) == []


def test_a_control_that_cannot_work_stops_no_run_that_does_not_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = {"scratch": Control(Scratch()), "impossible": Control(Impossible())}
    monkeypatch.setattr("tlrun.strategies.parameter_transfer.transfer_controls", lambda _: controls)
    (outcome,) = outcomes_of(config(tmp_path), Watcher())

    assert set(outcome.controls) == {"scratch"}


def test_progress_is_shown_per_stage(tmp_path: Path) -> None:
    watcher = Watcher()
    done(tmp_path, watcher)

    assert [(run, stage.name, stage.steps) for run, stage in watcher.stages] == [
        (THIS, "source", 6), (THIS, "target", 6),
    ]  # fmt: skip
    assert all(isinstance(stage, Stage) for _, stage in watcher.stages)


def test_a_large_table_is_told_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.runs.run.LARGE", 100)
    rows = ["a,y", *(f"{k * 7 % 31 / 8},{k % 2}" for k in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    node = {"name": "table_csv", "path": str(tmp_path / "t.csv"), "duplicates": "keep"}
    watcher = Watcher()
    outcomes_of(
        config(tmp_path / "runs", dataset=node, strategy={"name": "constant_prediction"}), watcher
    )

    assert watcher.notes[0].endswith("t.csv: reading 0 MB")
