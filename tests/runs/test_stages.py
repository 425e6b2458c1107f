"""Stages that are found, and features that are computed once."""

import json
import multiprocessing
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, load_file, save
from waiting import PATIENCE

from tlrun.core.errors import RunFailed
from tlrun.core.notes import Note, Waiting
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.models.model import Model
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, planned_stages
from tlrun.runs.resuming import Resuming
from tlrun.runs.stages import StageRunner
from tlrun.store.entries import entries
from tlrun.store.features import HOME
from tlrun.store.stages import HOME as STAGES
from tlrun.store.stages import write_stage
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.schedules import Constant
from tlrun.training.evaluation import encoded

from problems import Watcher, config, performed, planned, problem
from properties import assert_same_run

OTHERS: list[dict[str, Any]] = [
    {"strategy": {"name": "feature_transfer"}},
    {"strategy": {"name": "structure_transfer"}},
    {"strategy": {"name": "source_only"}},
    {"strategy": {"name": "source_only", "budget": "total"}},
    {"lam": {"name": "constant", "value": 10.0}},
    {"lam": {"name": "cosine", "value": 3.0}},
    {"dataset": {"name": "digits", "labels_per_class": 9}},
    {"dataset": {"name": "digits", "shift": "inverted", "metric": "auc"}},
]
APART: list[dict[str, Any]] = [
    {"seed": 1},
    {"backbone": {"name": "mlp", "hidden": [17]}},
    {"optimizer": {"name": "adam", "lr": 0.004}},
    {"trainer": {"name": "trainer", "steps": 7, "batch_size": 16, "eval_every": 4}},
    {"dataset": {"name": "digits", "val_share": 0.4}},
    {"dataset": {"name": "digits", "split_seed": 1}},
    {"threads": 2},
]


def done(runs_dir: Path, watcher: Watcher | None = None, **changes: Any) -> Outcome:
    watcher = watcher or Watcher()
    return performed(planned(config(runs_dir, **changes), watcher), THIS, watcher)


def record(outcome: Outcome) -> Any:
    return json.loads((outcome.path / "run.json").read_text())


@pytest.mark.parametrize("changes", OTHERS)
def test_a_stage_that_one_run_trained_is_found_by_another_and_changes_no_bit(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    done(tmp_path / "a")
    watcher = Watcher()
    found = done(tmp_path / "a", watcher, **changes)
    alone = done(tmp_path / "b", **changes, stages=False)

    assert record(found)["stages"][0]["found"]
    assert not record(alone)["stages"][0]["found"]
    assert [stage.name for _, stage in watcher.stages][:1] != ["source"]
    assert any("source" in note and "found in" in note for note in watcher.notes)
    assert_same_run(found.path, alone.path)
    assert (found.path / "metrics.jsonl").read_bytes() == (
        alone.path / "metrics.jsonl"
    ).read_bytes()
    assert len(list((tmp_path / "a" / ".stages").iterdir())) == 1
    assert not (tmp_path / "b" / ".stages").exists()


@pytest.mark.parametrize("changes", APART)
def test_what_decides_a_stage_sets_it_apart(tmp_path: Path, changes: dict[str, Any]) -> None:
    done(tmp_path)
    other = done(tmp_path, **changes)

    assert not record(other)["stages"][0]["found"]
    assert len(list((tmp_path / ".stages").iterdir())) == 2


def test_a_found_stage_counts_the_seconds_it_took(tmp_path: Path) -> None:
    first, second = done(tmp_path), done(tmp_path, lam={"name": "constant", "value": 2.0})
    spared = record(second)["stages"][0]["seconds"]

    assert spared == record(first)["stages"][0]["seconds"] > 0
    assert record(second)["seconds"] > spared


def test_rerun_takes_nothing_from_the_store(tmp_path: Path) -> None:
    done(tmp_path)
    again = done(tmp_path, rerun=True)

    assert not record(again)["stages"][0]["found"]


@pytest.mark.parametrize(
    "name", ["model.safetensors", "metrics.jsonl", "stage.json", "manifest.json"]
)
def test_a_flipped_byte_in_a_stored_stage_is_caught_named_and_trained_again(
    tmp_path: Path, name: str
) -> None:
    done(tmp_path)
    (entry,) = (tmp_path / ".stages").iterdir()
    good = (entry / "model.safetensors").read_bytes()
    content = bytearray((entry / name).read_bytes())
    content[len(content) // 2] ^= 1
    (entry / name).write_bytes(content)
    watcher = Watcher()
    other = done(tmp_path, watcher, strategy={"name": "source_only"})

    assert not record(other)["stages"][0]["found"]
    (told,) = (note for note in watcher.notes if "training the stage again" in note)
    assert str(entry) in told
    assert name in told
    assert (entry / "model.safetensors").read_bytes() == good


def smaller(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    name = min(tensors)
    return {**tensors, name: tensors[name][:-1].clone()}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda tensors: {name: tensor.to(torch.int8) for name, tensor in tensors.items()},
        lambda tensors: {name: tensors[name] for name in sorted(tensors)[1:]},
        lambda tensors: {**tensors, "trunks.another": torch.ones(1)},
        smaller,
    ],
    ids=["int8", "missing", "more", "misshapen"],
)
def test_a_whole_stage_of_another_model_is_told_and_trained_again(
    tmp_path: Path, wrong: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
) -> None:
    """Its digests are right: not damage but another program may have written it."""
    done(tmp_path)
    (place,) = entries(tmp_path, STAGES)
    files = place.read()
    assert files is not None
    model = files["model.safetensors"]
    place.write({**files, "model.safetensors": save(wrong(load(model)))})
    watcher = Watcher()
    other = done(tmp_path, watcher, strategy={"name": "source_only"})

    assert not record(other)["stages"][0]["found"]
    (told,) = (note for note in watcher.notes if "training the stage again" in note)
    assert "model.safetensors" in told
    assert (place.read() or {})["model.safetensors"] == model


def test_a_stage_at_the_place_of_another_is_told_and_trained_again(tmp_path: Path) -> None:
    done(tmp_path)
    (one,) = (tmp_path / ".stages").iterdir()
    done(tmp_path, seed=1)
    (other,) = (path for path in (tmp_path / ".stages").iterdir() if path != one)
    good = (other / "model.safetensors").read_bytes()
    shutil.rmtree(other)
    shutil.copytree(one, other)
    watcher = Watcher()
    done(tmp_path, watcher, seed=1, strategy={"name": "source_only"})

    (told,) = (note for note in watcher.notes if "training the stage again" in note)
    assert one.name in told
    assert str(other) in told
    assert (other / "model.safetensors").read_bytes() == good


class Racer(Watcher):
    """Whoever trains goes on only once the other has said that it waits."""

    def __init__(self, waits: Any) -> None:
        super().__init__()
        self._waits = waits

    def note(self, note: Note, runs: int = 1) -> None:
        super().note(note, runs)
        if isinstance(note, Waiting):
            self._waits.set()

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        assert self._waits.wait(PATIENCE)


def _race(runs_dir: Path, arm: dict[str, Any], waits: Any, out: Any) -> None:
    asked = planned(config(runs_dir, strategy=arm), Watcher())
    watcher = Racer(waits)
    outcome = performed(asked, THIS, watcher)
    waited = [note for note in watcher.notes if ": waiting for process " in note]
    out.put((record(outcome)["stages"][0]["found"], waited))


# of Python 3.12 on, where a thread is about
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_processes_that_need_one_stage_train_it_once_and_the_other_says_that_it_waits(
    tmp_path: Path,
) -> None:
    context = multiprocessing.get_context("fork")
    waits, out = context.Event(), context.Queue()
    arms = [{"name": "parameter_transfer"}, {"name": "source_only"}]
    racers = [context.Process(target=_race, args=(tmp_path, arm, waits, out)) for arm in arms]
    for racer in racers:
        racer.start()
    told = sorted((out.get(timeout=PATIENCE) for _ in racers), key=str)
    for racer in racers:
        racer.join()

    assert [found for found, _ in told] == [False, True]
    assert told[0][1] == []
    assert len(told[1][1]) == 1
    assert "training the stage source" in told[1][1][0]
    assert len(list((tmp_path / ".stages").iterdir())) == 1


def test_a_stage_whose_training_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunFailed):
        done(
            tmp_path,
            optimizer={"name": "sgd", "lr": 1000.0, "weight_decay": 1000.0},
            trainer={"name": "trainer"},
        )

    assert not (tmp_path / ".stages").exists()


def test_a_stage_that_cannot_be_kept_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlrun.runs.stages.write_stage", full)
    watcher = Watcher()
    outcome = done(tmp_path, watcher)

    assert record(outcome)["status"] == "finished"
    assert any("the stage is not kept (No space left on device)" in note for note in watcher.notes)


@dataclass(frozen=True)
class Pooled(Strategy):
    """A first stage of two domains with two tasks, kept for others, and one more after it."""

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        first = Stage(
            "sources", tuple(problem.domains), steps, lam=Constant(1.0), init="source", shared=True
        )
        return first, replace(first, name="again", shared=False)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        total = steps.loss("source") + steps.loss("target")
        return Objective(total, {"sum": total})


def test_a_stage_may_have_several_domains_and_tasks(tmp_path: Path) -> None:
    """Two label spaces and BatchNorm statistics of two domains come back from the store to the
    bit."""
    backbone = {"name": "mlp", "hidden": [6], "norm": "batch"}
    asked = planned(config(tmp_path, backbone=backbone), Watcher())
    ours = problem("split")
    run = replace(asked.run, strategy=Pooled())
    stages = run.strategy.stages(ours, run.lam, 5)
    pooled = replace(asked, run=run, folds=[planned_stages(run, ours, stages, "cpu")])
    weights = []
    for expected in (False, True):
        runner = StageRunner(Resuming(pooled, Watcher()), ours, THIS)
        pooled.run_dir.path.mkdir(parents=True, exist_ok=True)
        first = runner.run_stage(pooled.stages[0], None)
        second = runner.run_stage(pooled.stages[1], first.model)
        weights.append(second.model.state_dict())
        assert (first.found, second.found) == (expected, False)

    assert {name.split(".")[3] for name in weights[0] if ".statistics." in name} == {
        "source/",
        "target/",
    }
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert [domain["name"] for domain in pooled.stages[0].inputs["domains"]] == ["source", "target"]


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("val_share", [0.0, 0.4])
def test_cached_and_computed_features_give_one_run_up_to_rounding(
    tmp_path: Path, norm: str, val_share: float
) -> None:
    nodes: dict[str, Any] = {
        "strategy": {"name": "feature_transfer"},
        "backbone": {"name": "conv", "channels": [4, 8], "norm": norm},
        "dataset": {"name": "digits", "val_share": val_share},
    }
    trainer = {"name": "trainer", "steps": 60, "batch_size": 32, "eval_every": 10}
    one = done(tmp_path, **nodes, trainer=trainer)
    other = done(tmp_path, **nodes, trainer=trainer | {"cache_features": False})
    weights, theirs = (load_file(o.path / "model.safetensors") for o in (one, other))

    assert one.path != other.path
    assert list((tmp_path / HOME).iterdir()) != []
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, theirs[name], atol=1e-6, rtol=1e-5)
    predictions = [
        load_file(o.path / "predictions.safetensors")["target/digit"] for o in (one, other)
    ]
    torch.testing.assert_close(*predictions, atol=1e-5, rtol=1e-5)


def test_features_are_computed_once_for_every_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second λ computes no feature; its bits are those of a run that had to compute them."""
    computed: list[str] = []
    real = encoded

    def counting(model: Model, domain: str, *more: Any) -> Any:
        computed.append(domain)
        return real(model, domain, *more)

    monkeypatch.setattr("tlrun.runs.encoding.encoded", counting)
    trainer = {"name": "trainer", "steps": 60, "batch_size": 16, "eval_every": 30}
    arm: dict[str, Any] = {"strategy": {"name": "feature_transfer"}, "trainer": trainer}
    done(tmp_path / "a", **arm)
    # training and test examples of each
    assert sorted(computed) == ["source", "source", "target", "target"]
    second = done(tmp_path / "a", **arm, lam={"name": "constant", "value": 4.0})
    assert len(computed) == 4
    alone = done(tmp_path / "b", **arm, lam={"name": "constant", "value": 4.0})

    assert len(computed) == 8
    assert_same_run(second.path, alone.path)


def test_a_stage_that_reads_few_of_many_examples_does_not_compute_the_features_of_all(
    tmp_path: Path,
) -> None:
    watcher = Watcher()
    # 6 steps of 16 of 719 source examples
    done(tmp_path, watcher, strategy={"name": "feature_transfer"})

    sizes = [len(np.load(file / "features.npy")) for file in (tmp_path / HOME).iterdir()]
    assert 719 not in sizes
    assert 50 in sizes


def test_no_feature_is_stored_where_phi_is_free(tmp_path: Path) -> None:
    done(tmp_path, strategy={"name": "feature_transfer", "train": "all"})

    assert not (tmp_path / ".cache").exists()


def test_on_a_full_disk_a_stage_takes_the_place_of_its_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **named: Any) -> None:
        if list(tmp_path.glob(".stages/.*.checkpoints")):
            raise OSError(28, "No space left on device")
        write_stage(*arguments, **named)

    monkeypatch.setattr("tlrun.runs.stages.write_stage", full)
    watcher = Watcher()
    done(tmp_path, watcher, checkpoint={"seconds": None, "steps": 3})

    assert len(list(tmp_path.glob(".stages/*"))) == 1
    assert not any("not kept" in line for line in watcher.notes)
