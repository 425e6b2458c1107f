import multiprocessing
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from waiting import PATIENCE

from tlrun.core.errors import RunBusy
from tlrun.core.notes import Note, Waiting
from tlrun.store.finished import Finished, finish
from tlrun.store.rundir import CHECKPOINTS, RunDir

from problems import RESULT, no_note


@pytest.fixture
def place(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path, "digits/scratch", "seed=0_abc")


def test_a_run_is_finished_only_when_it_says_so(place: RunDir) -> None:
    assert place.record() is None
    place.begin("seed: 0\n", {"fingerprint": {"torch": "2"}})
    started = place.record()
    assert started is not None
    assert started["status"] == "running"
    assert started["fingerprint"] == {"torch": "2"}

    place.log({"step": 1})
    finish([Finished(place, RESULT, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {"seconds": 0.5})])

    record = place.record()
    assert record is not None
    assert record["status"] == "finished"
    assert record["seconds"] == 0.5
    assert record["pid"] == started["pid"]
    assert place.result() == RESULT
    assert torch.equal(load_file(place.path / "model.safetensors")["w"], torch.ones(2))
    assert torch.equal(load_file(place.path / "predictions.safetensors")["p"], torch.zeros(3))
    assert sorted(path.name for path in place.path.iterdir()) == [
        "config.yaml",
        "metrics.jsonl",
        "model.safetensors",
        "predictions.safetensors",
        "result.json",
        "run.json",
    ]


def test_a_new_attempt_loses_nothing_that_was_finished(place: RunDir) -> None:
    for text in ("one", "two", "three"):
        place.begin(text, {})
        place.log({"attempt": text})
        if text != "three":
            place.close("finished", {})

    old = sorted((place.runs_dir / ".superseded" / place.group).iterdir())
    assert [(path / "config.yaml").read_text() for path in old] == ["one", "two"]
    assert [(path / "metrics.jsonl").exists() for path in old] == [True, True]
    assert (place.path / "config.yaml").read_text() == "three"


@pytest.mark.parametrize("goes_on", [True, False])
def test_what_was_not_finished_is_gone_on_with_in_its_folder(place: RunDir, goes_on: bool) -> None:
    """Nothing of it stays that would be appended to or mixed up; nor is it set aside."""
    place.begin("one", {})
    place.log({"step": 1})
    place.keep("traceback.txt", "…")
    (place.path / ".run.json.1").write_text("half")
    checkpoint = place.path / CHECKPOINTS / "key" / "step-000000001"
    checkpoint.mkdir(parents=True)
    place.close("failed", {})

    place.begin("two", {}, goes_on=goes_on)

    kept = [CHECKPOINTS] if goes_on else []
    assert sorted(path.name for path in place.path.iterdir()) == [*kept, "config.yaml", "run.json"]
    assert checkpoint.exists() == goes_on
    assert not (place.runs_dir / ".superseded").exists()


@pytest.mark.parametrize("path", ["/r", "/a/r", "/a/b/c/d/r"])
def test_a_run_may_stand_anywhere(path: str) -> None:
    """One that was mailed does, close to the root of the disk, too."""
    assert RunDir.at(Path(path)).path == Path(path)


def test_an_unreadable_record_is_no_record(place: RunDir) -> None:
    place.begin("", {})
    (place.path / "run.json").write_text("{half")

    assert place.record() is None


def test_a_failed_run_keeps_reason_and_extra_files(place: RunDir) -> None:
    place.begin("", {})
    place.close("failed", {"reason": "nan"})
    place.keep("traceback.txt", "Traceback…")

    record = place.record()
    assert record is not None
    assert (record["status"], record["reason"]) == ("failed", "nan")
    assert (place.path / "traceback.txt").read_text() == "Traceback…"


def hold(place: RunDir, ready: Event, release: Event) -> None:
    with place.locked(wait=False, note=print):
        place.begin("", {})
        ready.set()
        release.wait(PATIENCE)


@pytest.fixture
def holder(place: RunDir) -> Iterator[tuple[BaseProcess, Event]]:
    """A process that has the run, and what lets go of it."""
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    process = context.Process(target=hold, args=(place, ready, release))
    process.start()
    assert ready.wait(PATIENCE)
    yield process, release
    process.kill()
    process.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_second_process_is_refused_or_waits_and_says_for_whom(
    place: RunDir, holder: tuple[BaseProcess, Event]
) -> None:
    process, release = holder
    notes: list[Note] = []

    def note(told: Note) -> None:
        notes.append(told)
        release.set()

    with (
        pytest.raises(RunBusy, match=f"process {process.pid} on .* is working on this run"),
        place.locked(wait=False, note=notes.append),
    ):
        pass
    with place.locked(wait=True, note=note):
        process.join(PATIENCE)

    (told,) = notes
    assert isinstance(told, Waiting)
    assert (told.path, told.doing) == (place.path, "working on this run")
    assert told.who.startswith(f"process {process.pid} on ")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_lock_goes_with_a_killed_process(
    place: RunDir, holder: tuple[BaseProcess, Event]
) -> None:
    process, _ = holder
    process.kill()
    process.join()

    with place.locked(wait=False, note=no_note):
        pass
