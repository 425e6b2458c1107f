import json
from pathlib import Path

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
