import multiprocessing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from waiting import PATIENCE

from tlrun.core.errors import RunBusy, UserError
from tlrun.core.notes import Note, Waiting
from tlrun.store.files import write_whole
from tlrun.store.rundir import RunDir, check_writable

RESULT = {
    "headline": {"test": 1.0},
    "metrics": {},
    "labels": {},
    "steps": 1,
    "examples": 1,
    "size": {},
}


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
    place.finish(RESULT, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {"seconds": 0.5})

    record = place.record()
    assert record is not None
    assert record["status"] == "finished"
    assert record["seconds"] == 0.5
    assert record["pid"] == started["pid"]
    assert place.result() == RESULT
    assert torch.equal(load_file(place.path / "model.safetensors")["w"], torch.ones(2))
    assert torch.equal(load_file(place.path / "predictions.safetensors")["p"], torch.zeros(3))
    assert sorted(path.name for path in place.path.iterdir()) == [
        "config.yaml", "metrics.jsonl", "model.safetensors", "predictions.safetensors", "result.json", "run.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken", ["model.safetensors", "predictions.safetensors", "result.json", "run.json"]
)
def test_a_crash_while_finishing_leaves_it_unfinished(
    place: RunDir, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    place.begin("", {})

    def crash(path: Path, content: bytes) -> None:
        if path.name == broken:
            raise OSError("crash")
        write_whole(path, content)

    monkeypatch.setattr("tlrun.store.rundir.write_whole", crash)
    monkeypatch.setattr("tlrun.store.files.write_whole", crash)
    with pytest.raises(OSError, match="crash"):
        place.finish({"headline": 1}, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {})

    record = place.record()
    assert record is not None
    assert record["status"] == "running"


def test_a_new_attempt_loses_nothing_of_the_old_ones(place: RunDir) -> None:
    for text in ("one", "two", "three"):
        place.begin(text, {})
        place.log({"attempt": text})

    old = sorted((place.runs_dir / ".superseded" / place.group).iterdir())
    assert [(path / "config.yaml").read_text() for path in old] == ["one", "two"]
    assert [(path / "metrics.jsonl").exists() for path in old] == [True, True]
    assert (place.path / "config.yaml").read_text() == "three"


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


class Holder:
    """Another process, which holds a run from here on until it is released."""

    def __init__(self, place: RunDir) -> None:
        context = multiprocessing.get_context("fork")
        self._held, self._release, self.left = (context.Event() for _ in range(3))
        self.process = context.Process(target=self._hold, args=(place,))
        self.process.start()
        assert self._held.wait(PATIENCE)

    def _hold(self, place: RunDir) -> None:
        with place.locked(wait=False, note=print):
            place.begin("", {})
            self._held.set()
            self._release.wait(PATIENCE)
            self.left.set()

    def release(self) -> None:
        self._release.set()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_second_process_is_refused_or_waits_and_says_for_whom(place: RunDir) -> None:
    holder = Holder(place)
    who = f"process {holder.process.pid}"
    notes: list[Note] = []

    def note(note: Note) -> None:
        notes.append(note)
        assert not holder.left.is_set()
        holder.release()

    with (
        pytest.raises(RunBusy, match=f"{who} on .* is working on this run"),
        place.locked(wait=False, note=notes.append),
    ):
        pass
    with place.locked(wait=True, note=note):
        assert holder.left.is_set()
    holder.process.join()

    (told,) = notes
    assert isinstance(told, Waiting)
    assert told.path == place.path
    assert told.who.startswith(who)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_lock_goes_with_a_killed_process(place: RunDir) -> None:
    holder = Holder(place)
    holder.process.kill()
    holder.process.join()

    assert not holder.left.is_set()
    with place.locked(wait=False, note=print):
        pass


def test_a_folder_that_cannot_be_written_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(UserError, match="runs_dir: expected a folder that can be written"):
        check_writable(tmp_path / "file" / "runs")
