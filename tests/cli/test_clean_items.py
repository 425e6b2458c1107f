import os
import time
from pathlib import Path

import pytest

from tlrun.cli.clean import clean
from tlrun.store.rundir import RunDir

LONG_AGO = time.time() - 7200


def half_written(path: Path, when: float = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("half")
    os.utime(path, (when, when))
    return path


def test_what_killed_processes_left_half_written_goes_and_nothing_else(tmp_path: Path) -> None:
    left = [
        half_written(tmp_path / ".probe.123"),
        half_written(tmp_path / ".studies" / ".abc.json.123"),
        half_written(tmp_path / ".sweeps" / "abc" / ".sweep.json.7"),
        half_written(tmp_path / "digits" / "scratch" / "seed=0_a" / ".run.json.99"),
        half_written(tmp_path / ".folds" / "digits" / "scratch" / "seed=0_b" / ".run.json.99"),
    ]
    stays = [
        half_written(tmp_path / ".probe.124", when=time.time()),  # somebody is about it
        half_written(tmp_path / "digits" / "scratch" / "seed=0_a" / "model.safetensors"),
        half_written(tmp_path / ".hidden"),
        half_written(tmp_path / ".studies" / "abc.json"),
    ]
    assert clean(["--leftovers", "--yes", "--runs-dir", str(tmp_path)]) == 0

    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in stays)


def test_what_was_made_anew_goes_only_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDir(tmp_path, "digits/scratch", "seed=0_abc")
    for _ in range(2):
        run.begin("seed: 0\n", {})
        run.close("finished", {})
    (old,) = tmp_path.glob(".superseded/digits/scratch/*")

    assert clean(["--yes", "--runs-dir", str(tmp_path)]) == 0
    assert old.exists()
    with run.locked(wait=False, note=print):  # whoever has the run may be about it
        assert clean(["--superseded", "--yes", "--runs-dir", str(tmp_path)]) == 0
        assert old.exists()
    assert clean(["--superseded", "--yes", "--runs-dir", str(tmp_path)]) == 0
    assert not old.exists()
    assert (run.record() or {})["status"] == "finished"
    assert "1 superseded run" in capsys.readouterr().out
