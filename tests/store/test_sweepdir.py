import json
from pathlib import Path

import pytest

from tlrun.store.rundir import RunDir
from tlrun.store.sweepdir import SweepDir


def place(tmp_path: Path, name: str) -> RunDir:
    return RunDir(tmp_path, "digits/scratch", name)


def test_the_same_runs_are_the_same_sweep_in_any_order(tmp_path: Path) -> None:
    one, two = place(tmp_path, "a"), place(tmp_path, "b")

    assert SweepDir.of(tmp_path, [one, two, one]) == SweepDir.of(tmp_path, [two, one])
    assert SweepDir.of(tmp_path, [one]) != SweepDir.of(tmp_path, [two])
    assert SweepDir.of(tmp_path, [one]).path.parent == tmp_path / ".sweeps"


def test_it_keeps_a_record_and_a_log_a_run(tmp_path: Path) -> None:
    folder = SweepDir.of(tmp_path, [place(tmp_path, "a")])
    folder.write({"status": "running"})
    log = folder.log(place(tmp_path, "a"))
    folder.add(log, "why")
    folder.add(log, "again")

    assert json.loads((folder.path / "sweep.json").read_text()) == {"status": "running"}
    assert log.read_text() == "why\nagain\n"
    assert log.name == "digits_scratch_a.log"
    assert folder.log(place(tmp_path, "b")) != log


def test_the_logs_of_runs_that_nobody_has_are_forgotten(tmp_path: Path) -> None:
    runs = [place(tmp_path, name) for name in ("a", "b", "c")]
    folder = SweepDir.of(tmp_path, runs)
    folder.forget(runs)  # there is none yet
    for run in runs:
        folder.add(folder.log(run), "why")
    with runs[1].locked(wait=False, note=print):
        folder.forget(runs[:2])

    assert [folder.log(run).exists() for run in runs] == [False, True, True]


def test_a_disk_that_is_full_fails_no_sweep_for_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    folder = SweepDir.of(tmp_path, [place(tmp_path, "a")])
    monkeypatch.setattr(Path, "mkdir", full)
    folder.write({"status": "running"})
    folder.add(folder.log(place(tmp_path, "a")), "why")

    assert not folder.path.exists()
