import errno
import os
import sys
from pathlib import Path

import pytest
import torch

from tlrun.store.files import write_json, write_whole
from tlrun.store.finished import Finished, drop_left, finish
from tlrun.store.rundir import CHECKPOINTS, RunDir

from problems import no_note


@pytest.fixture
def place(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path, "digits/scratch", "seed=0_abc")


@pytest.mark.parametrize(
    "broken", ["model.safetensors", "predictions.safetensors", "result.json", "run.json"]
)
def test_a_crash_while_finishing_leaves_it_unfinished(
    place: RunDir, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    place.begin("", {})

    def crash(path: Path, content: bytes, synced: bool = True) -> None:
        if path.name == broken:
            raise OSError("crash")
        write_whole(path, content, synced)

    monkeypatch.setattr("tlrun.store.finished.write_whole", crash)
    monkeypatch.setattr("tlrun.store.files.write_whole", crash)
    with pytest.raises(OSError, match="crash"):
        finish([Finished(place, {"headline": 1}, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {})])

    record = place.record()
    assert record is not None
    assert record["status"] == "running"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which file it is")
def test_files_are_synced_once_each_and_all_before_the_run_says_that_it_is_finished(
    place: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power then leaves a whole run, or one that is not finished."""
    synced: list[str] = []

    def fsync(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").resolve().name)
        record = place.record()
        assert record is not None
        assert record["status"] == "running"

    monkeypatch.setattr(os, "fsync", fsync)
    place.begin("", {})
    place.keep_json("data.json", {})
    place.log({"step": 1})
    assert synced == []
    with monkeypatch.context() as last:
        last.setattr("tlrun.store.files.sync_folder", lambda _: None)
        finish([Finished(place, {"headline": 1}, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {})])

    *files, aside = synced
    assert aside.startswith(".run.json")
    above = [place.path.parent, place.path.parent.parent, place.runs_dir, place.runs_dir.parent]
    names = [path.name for path in (*place.path.iterdir(), *above)]  # where those names stand too
    assert sorted(files) == sorted(names)


def test_of_several_runs_none_says_that_it_is_finished_before_the_files_of_all_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of all are written, and then synced, so that a disk has them to do at once."""
    places = [RunDir(tmp_path, "digits/scratch", f"seed={seed}_abc") for seed in range(3)]
    for each in places:
        each.begin("", {})
    done = [Finished(each, {}, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {}) for each in places]
    told: list[str] = []

    def synced(folder: Path) -> None:
        assert all((each.path / "result.json").exists() for each in places)
        assert {str((each.record() or {})["status"]) for each in places} == {"running"}
        told.append(folder.name)

    monkeypatch.setattr("tlrun.store.finished.sync_files", synced)
    finish(done)

    assert sorted(told) == [
        each.name for each in places
    ]  # once each; threads take them in any order
    assert {str((each.record() or {})["status"]) for each in places} == {"finished"}


@pytest.mark.parametrize("status", ["finished", "running"])
def test_checkpoints_that_a_killed_process_has_left_go_once_the_run_is_finished(
    place: RunDir, status: str
) -> None:
    place.begin("", {})
    kept = place.path / CHECKPOINTS / "key"
    kept.mkdir(parents=True)
    write_json(place.path / "run.json", {"status": status})
    with place.locked(wait=False, note=no_note):
        drop_left([place])
        assert kept.exists()  # somebody has the run
    drop_left([place])

    assert kept.exists() is (status == "running")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_on_a_full_disk_what_came_out_takes_the_place_of_checkpoints(
    place: RunDir, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """And where even that does not fit, nothing of it stays to fill the disk."""
    place.begin("", {})
    kept = place.path / CHECKPOINTS / "key"
    kept.mkdir(parents=True)

    def full(path: Path, content: bytes, synced: bool = True) -> None:
        if path.name == "predictions.safetensors" and kept.exists():
            raise OSError(error, os.strerror(error))
        write_whole(path, content, synced)

    monkeypatch.setattr("tlrun.store.finished.write_whole", full)
    run = Finished(place, {"headline": 1}, {"w": torch.ones(2)}, {"p": torch.zeros(3)}, {})
    if error == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(error)):
            finish([run])
        left = sorted(path.name for path in place.path.iterdir())
        assert left == [CHECKPOINTS, "config.yaml", "run.json"]
    else:
        finish([run])
        assert (place.record() or {})["status"] == "finished"
