"""A run that was stopped goes on where it was, in any stage, and ends with the same bits."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tlrun.config.registry import names
from tlrun.core.notes import CheckpointDamaged, Note, NotKept, StageLoaded, StageResumed
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS
from tlrun.store.checkpoints import Checkpoints

from photos import put_classes
from problems import Watcher, config, performed, planned
from properties import assert_same_run
from reviews import domains_csv

EVERY_STEP = {"seconds": None, "steps": 1}
STEPS = 6
ESTIMATORS = {"constant_prediction", "gradient_boosting", "linear_model", "tfidf"}
LEARNT = [name for name in names("strategy") if name not in ESTIMATORS]
DIGITS = {"fused": {"name": "digits_domains", "target": "inverted"}}


@dataclass
class Stopping(Watcher):
    """A screen that stops the run, as Ctrl-C does, in update number `after` of this attempt."""

    after: int = 10**9
    made: int = 0
    told: list[Note] = field(default_factory=list)

    def note(self, note: Note, runs: int = 1) -> None:
        super().note(note, runs)
        self.told.append(note)

    def of(self, kind: type[Note]) -> list[Any]:
        """The notes of one kind."""
        return [note for note in self.told if isinstance(note, kind)]

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        super().step(step, terms)
        self.made += 1
        if self.made == self.after:
            raise KeyboardInterrupt


def attempt(runs_dir: Path, screen: Watcher, **changes: Any) -> Outcome:
    given = config(runs_dir, **{"checkpoint": EVERY_STEP, **changes})
    return performed(planned(given, screen), THIS, screen)


def stopped(runs_dir: Path, after: int, **changes: Any) -> Stopping:
    screen = Stopping(after=after)
    with pytest.raises(KeyboardInterrupt):
        attempt(runs_dir, screen, **changes)
    return screen


def stopped_at_every_step(runs_dir: Path, **changes: Any) -> Iterator[Stopping]:
    """Attempts at one run, each of which is stopped in its second update, until it is finished.

    So every one but the first goes on from a checkpoint, and makes one update and its checkpoint.
    """
    for _ in range(100):
        screen = Stopping(after=2)
        yield screen
        try:
            attempt(runs_dir, screen, **changes)
        except KeyboardInterrupt:
            continue
        return
    pytest.fail("it does not come to an end")


def assert_goes_on_at_every_step(tmp_path: Path, **changes: Any) -> None:
    whole = attempt(tmp_path / "whole", Watcher(), **changes)
    screens = list(stopped_at_every_step(tmp_path / "stopped", **changes))

    last = attempt(tmp_path / "stopped", Watcher(), **changes | {"rerun": False})
    assert last.found
    assert_same_run(last.path, whole.path)
    resumed = [note.step for screen in screens for note in screen.of(StageResumed)]
    assert set(range(1, STEPS)) <= set(resumed)
    files = {path.name for path in whole.path.iterdir()}
    assert {path.name for path in last.path.iterdir()} == files


@pytest.mark.parametrize("strategy", LEARNT)
def test_every_strategy_goes_on_from_every_step(tmp_path: Path, strategy: str) -> None:
    """With the best weights so far, a schedule of λ and one of the learning rate on their way."""
    assert_goes_on_at_every_step(
        tmp_path,
        strategy={"name": strategy},
        dataset=DIGITS.get(strategy, {"name": "digits"}) | {"val_share": 0.2},
        trainer={
            "name": "trainer",
            "steps": STEPS,
            "batch_size": 16,
            "eval_every": 2,
            "select": "best",
        },
        optimizer={"name": "adamw", "lr": 0.01, "schedule": "cosine"},
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"stages": False},  # of the run's own, each
        {"strategy": {"name": "structure_transfer", "structure": "width"}},
        {
            "strategy": {"name": "feature_transfer", "train": "last"},
            "backbone": {"name": "mlp", "hidden": [8, 8]},
        },
        {"rerun": True},
        {"backbone": {"name": "conv", "channels": [4, 4], "norm": "batch"}},
        {"optimizer": {"name": "sgd", "lr": 0.1, "nesterov": True}},
    ],
    ids=repr,
)
def test_so_does_every_kind_of_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert_goes_on_at_every_step(tmp_path, **changes)


def table(path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    rows = [f"{a},{b},{'no' if a + b < 0 else 'yes'}" for a, b in rng.normal(size=(40, 2))]
    path.write_text("\n".join(["a,b,y", *rows]))
    return {"name": "table_csv", "path": str(path), "predict": "y", "test_folds": 2}


def texts(path: Path) -> dict[str, Any]:
    domains_csv(path)
    return {"name": "text_csv", "path": str(path), "cache": str(path.with_name("cache"))}


def photos(path: Path) -> dict[str, Any]:
    put_classes(path, ("cat", "dog"))
    return {"name": "image_folder", "path": str(path), "size": 8, "cache": str(path / ".cache")}


BACKBONES: dict[str, tuple[Callable[[Path], dict[str, Any]], dict[str, Any]]] = {
    "folds of a table": (table, {"name": "mlp", "hidden": [6]}),
    "texts, lstm": (texts, {"name": "lstm", "embedding": 4, "hidden": 4}),
    "texts, bag": (texts, {"name": "bag", "embedding": 4}),
    "photos, conv": (photos, {"name": "conv", "channels": [4, 4], "norm": "batch"}),
    "photos, timm": (photos, {"name": "timm", "model": "test_resnet", "weights": None}),
}


SLOW = {"photos, resnet": (photos, {"name": "torchvision", "model": "resnet18", "weights": None})}


@pytest.mark.parametrize(
    "name", [*BACKBONES, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_so_does_every_kind_of_input_and_backbone(tmp_path: Path, name: str) -> None:
    make, backbone = (BACKBONES | SLOW)[name]
    assert_goes_on_at_every_step(
        tmp_path,
        dataset=make(tmp_path / "data"),
        backbone=backbone,
        strategy={"name": "single_task"},
        trainer={
            "name": "trainer",
            "steps": STEPS,
            "batch_size": 4,
            "eval_every": 4,
            "augment": ["flip", "crop"] if "photos" in name else None,
        },
    )


def test_a_stage_that_runs_share_goes_on_in_whichever_run_needs_it_next(tmp_path: Path) -> None:
    stopped(tmp_path, after=4)
    other = Stopping()
    attempt(tmp_path, other, strategy={"name": "feature_transfer"})

    (resumed,) = other.of(StageResumed)
    assert (resumed.stage, resumed.step) == ("source", 3)
    assert not list(tmp_path.glob(".stages/.*"))  # it is finished, and needs no checkpoint

    again = Stopping()
    attempt(tmp_path, again)
    assert [note.stage for note in again.of(StageLoaded)] == ["source"]


def test_a_damaged_checkpoint_is_told_by_name_and_the_one_before_it_counts(tmp_path: Path) -> None:
    stopped(tmp_path, after=10)
    (newest,) = tmp_path.glob("digits/*/*/checkpoints/*/step-*3/tensors.safetensors")
    newest.write_bytes(newest.read_bytes()[:-1] + b"\1")
    screen = Stopping()
    attempt(tmp_path, screen)

    (damaged,) = screen.of(CheckpointDamaged)
    assert damaged.path == newest.parent
    assert "tensors.safetensors" in damaged.problem
    assert [note.step for note in screen.of(StageResumed)] == [2]


def test_a_checkpoint_whose_tensors_do_not_fit_is_passed_over(tmp_path: Path) -> None:
    """Whole by its digests, and of the right name: somebody has made it so."""
    stopped(tmp_path, after=4)
    (folder,) = tmp_path.glob(".stages/.*.checkpoints")
    kept = Checkpoints(folder, folder.name.split(".")[1])
    three = next(kept.whole(lambda *_: None))
    kept.keep(replace(three, tensors={"model/w": torch.zeros(1)}))
    screen = Stopping()
    attempt(tmp_path, screen)

    assert [note.path.name for note in screen.of(CheckpointDamaged)] == ["step-000000003"]
    assert [note.step for note in screen.of(StageResumed)] == [2]


def test_where_no_checkpoint_can_be_kept_the_run_goes_on_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "keep", full)
    screen = Stopping()
    outcome = attempt(tmp_path, screen)

    assert outcome.result["headline"]["test"] is not None
    assert [note.problem for note in screen.of(NotKept)] == ["No space left on device"]


def test_by_default_a_short_run_makes_none_and_a_run_without_any_begins_anew(
    tmp_path: Path,
) -> None:
    for seconds in (60.0, None):
        home = tmp_path / str(seconds)
        stopped(home, after=10, checkpoint={"seconds": seconds, "steps": None})
        assert not list(home.rglob("step-*"))
        again = Stopping()
        attempt(home, again)
        assert not again.of(StageResumed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_step_end_and_makes_a_checkpoint(
    tmp_path: Path, number: signal.Signals
) -> None:
    """However long it is until the next one is due; unless there are to be none."""

    class Hit(Stopping):
        def step(self, step: int, terms: Mapping[str, float]) -> None:
            Watcher.step(self, step, terms)
            if self.steps == self.after:
                os.kill(os.getpid(), number)

    def raises(number: int, _: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, raises)
    try:
        for steps, made in ((10**9, ["step-000000003"]), (None, [])):
            home = tmp_path / str(steps)
            checkpoint = {"seconds": None, "steps": steps}
            with pytest.raises(KeyboardInterrupt):
                attempt(home, Hit(after=STEPS + 3), checkpoint=checkpoint)
            assert [path.name for path in home.rglob("step-*")] == made
    finally:
        signal.signal(number, before)


def test_seconds_count_what_earlier_attempts_have_trained(tmp_path: Path) -> None:
    stopped(tmp_path, after=10)
    (state,) = tmp_path.glob("digits/*/*/checkpoints/*/step-*3/state.json")
    before = json.loads(state.read_text())["seconds"]
    outcome = attempt(tmp_path, Watcher())

    record = json.loads((outcome.path / "run.json").read_text())
    source, target = (stage["seconds"] for stage in record["stages"])
    assert target > before
    assert outcome.seconds >= source + target
