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
        half_written(tmp_path / ".sealed" / ".abc.json.5"),
        half_written(tmp_path / ".delivered" / "abc" / ".card.json.5"),
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


def test_copies_for_what_was_not_delivered_go_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / ".delivered"
    for name in (".abc.123", ".abc.124", "abc", ".abc"):
        half_written(home / name / "members" / "a" / "model.safetensors")
    half_written(tmp_path / ".mine.123" / "a")  # a folder that tl-run does not make
    (tmp_path / "there").mkdir()
    (home / ".abc.125").symlink_to(tmp_path / "there")
    for folder in (*tmp_path.rglob("*/"), *home.glob(".abc.*")):
        os.utime(folder, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    os.utime(home / ".abc.124" / "members" / "a" / "model.safetensors")  # somebody is about it

    assert clean(["--leftovers", "--yes", "--runs-dir", str(tmp_path)]) == 0

    kept = {path.name for path in home.iterdir()}
    assert kept == {".abc.124", ".abc.125", "abc", ".abc"}
    assert {path.name for path in tmp_path.iterdir()} >= {".mine.123", "there"}
    assert "freed 4 B" in capsys.readouterr().out


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
