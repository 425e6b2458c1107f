import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tlrun.cli import clean as cleaning
from tlrun.cli import main as cli
from tlrun.cli.clean import clean
from tlrun.core.errors import UserError
from tlrun.store import features, problems, stages, weights
from tlrun.store.entries import Entry, entry
from tlrun.store.locks import locked
from tlrun.store.rundir import RunDir

DAY = 86400
STATUSES = ("finished", "failed", "interrupted", "running", "unreadable")


def kept(runs_dir: Path, home: str, key: str, days: float = 0) -> Entry:
    place = entry(runs_dir, home, key)
    place.write({"stage.json": b"{}"})
    os.utime(place.path / "manifest.json", (time.time() - days * DAY,) * 2)
    return place


def run(runs_dir: Path, name: str, status: str, **record: Any) -> RunDir:
    place = RunDir(runs_dir, "digits/scratch", name)
    place.begin("seed: 0\n", record)
    place.keep_json("run.json", {**(place.record() or {}), "status": status, **record})
    if status == "unreadable":
        (place.path / "run.json").write_text("{")
    return place


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """Everything a folder of runs may hold, and something beside it."""
    runs_dir = tmp_path / "runs"
    kept(runs_dir, stages.HOME, "aaa", days=40)
    kept(runs_dir, stages.HOME, "bbb", days=1)
    (runs_dir / stages.HOME / ".ccc.123").mkdir()
    (runs_dir / stages.HOME / "damaged").mkdir()
    (runs_dir / stages.HOME / "note.txt").write_text("mine")
    kept(runs_dir, features.HOME, "ddd", days=10)
    kept(runs_dir, weights.HOME, "fff", days=10)
    kept(runs_dir, problems.HOME, "eee", days=10)
    (runs_dir / ".cache" / "other").mkdir()
    for status in STATUSES:
        run(runs_dir, f"seed=0_{status}", status)
    run(runs_dir, "seed=1_failed", "failed")
    run(runs_dir, "seed=1_failed", "failed")  # the one before is superseded
    (runs_dir / ".sweeps" / "s").mkdir(parents=True)
    (runs_dir / ".sweeps" / "s" / "sweep.json").write_text("{}")
    (runs_dir / ".studies").mkdir()
    (runs_dir / ".studies" / "s.json").write_text("{}")
    (runs_dir / ".locks").mkdir(exist_ok=True)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file").write_text("mine")
    return runs_dir


def seen(folder: Path) -> dict[str, bytes | None]:
    """Every file with its bytes, and every folder; without lock files, which are made to be
    held."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.suffix != ".lock"
    }


def gone(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> set[str]:
    """The topmost of what is no more. Nothing else has changed."""
    assert all(before.get(name, b"new") == content for name, content in after.items())
    lost = before.keys() - after.keys()
    return {name for name in lost if Path(name).parent.as_posix() not in lost}


STAGES = {"runs/.stages/aaa", "runs/.stages/bbb", "runs/.stages/.ccc.123", "runs/.stages/damaged"}
CACHE = {
    "runs/.cache/features/ddd",
    "runs/.cache/weights/fff",
    "runs/.cache/problems/eee",
}
CACHED = "1 feature set, 1 weights file, 1 remembered problem"
FAILED = {
    f"runs/digits/scratch/{name}"
    # running: nobody has it
    for name in ("seed=0_failed", "seed=0_interrupted", "seed=0_running", "seed=1_failed")
}


@pytest.mark.parametrize(("asked", "expected", "told"), [
    (["--stages"], STAGES, "4 stages"),
    (["--cache"], CACHE, CACHED),
    (["--failed"], FAILED, "4 unfinished runs"),
    (["--cache", "--failed"], CACHE | FAILED, f"{CACHED}, 4 unfinished runs"),
    ([], STAGES | CACHE | FAILED, f"4 stages, {CACHED}, 4 unfinished runs"),
    (["--older-than", "30"], {"runs/.stages/aaa"}, "1 stage"),
    (["--older-than=9.5"], {"runs/.stages/aaa"} | CACHE, f"1 stage, {CACHED}"),
    (["--older-than", "9.5", "--cache"], CACHE, CACHED),
])  # fmt: skip
def test_what_was_asked_for_goes_and_nothing_else(
    asked: list[str], expected: set[str], told: str, full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = seen(full.parent)

    assert clean([*asked, "--yes", "--runs-dir", str(full)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]

    assert gone(before, seen(full.parent)) == expected
    assert last.startswith("freed ")
    assert last.endswith(f"B: {told}")


def test_what_would_go_is_shown_first(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean(["--yes", "--stages", "--runs-dir", str(full)])
    head, row = capsys.readouterr().out.splitlines()[:2]

    assert " ".join(head.split()) == "kind how many size oldest use (UTC) newest use (UTC)"
    assert row.split()[:2] == ["stages", "4"]


def test_without_a_terminal_nothing_goes(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = seen(full.parent)

    with pytest.raises(
        UserError, match=r"clean: expected a terminal to ask on, found none, .* add --yes"
    ) as caught:
        clean(["--runs-dir", str(full)])

    assert caught.value.exit_code == 2
    assert "unfinished runs" in capsys.readouterr().out
    assert seen(full.parent) == before


class Terminal:
    closed = False

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "goes"), [
    ("y", True), ("YES ", True), ("n", False), ("", False), ("yess", False), (None, False),
])  # fmt: skip
def test_only_yes_is_yes(
    answer: str | None,
    goes: bool,
    full: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answered(question: str) -> str:
        assert question == "Delete these? [y/N] "
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", answered)
    before = seen(full.parent)

    assert clean(["--cache", "--runs-dir", str(full)]) == 0
    assert gone(before, seen(full.parent)) == (CACHE if goes else set())
    assert ("nothing is deleted" in capsys.readouterr().out) != goes


@contextmanager
def holding(runs_dir: Path) -> Iterator[None]:
    """A process works on the stage aaa, on what is half-written of ccc, and on a run that failed
    before."""
    stage, half = (entry(runs_dir, stages.HOME, key).lock for key in ("aaa", "ccc"))
    again = RunDir(runs_dir, "digits/scratch", "seed=0_failed").lock
    with locked(stage, print), locked(half, print), locked(again, print):
        yield


HELD = {"runs/.stages/aaa", "runs/.stages/.ccc.123", "runs/digits/scratch/seed=0_failed"}


def test_what_a_process_has_is_left_and_said_so(
    full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = seen(full.parent)

    with holding(full):
        assert clean(["--yes", "--runs-dir", str(full)]) == 0

    assert gone(before, seen(full.parent)) == (STAGES | CACHE | FAILED) - HELD
    assert "left as it is: 3, because a process has it" in capsys.readouterr().out.splitlines()


def during_the_question(monkeypatch: pytest.MonkeyPatch, full: Path, act: Any) -> int:
    def agreed() -> bool:
        act()
        return True

    monkeypatch.setattr(cleaning, "_agreed", agreed)
    return clean(["--runs-dir", str(full)])


def test_what_is_begun_used_or_finished_during_the_question_is_left(
    full: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = RunDir(full, "digits/scratch", "seed=0_failed")

    def act() -> None:
        entry(full, stages.HOME, "bbb").read()
        entry(full, features.HOME, "ddd").remove()
        place.close("finished", {})

    assert during_the_question(monkeypatch, full, act) == 0
    out = capsys.readouterr().out
    assert (full / stages.HOME / "bbb").exists()
    assert (place.record() or {})["status"] == "finished"
    assert "left as it is: 3, because it has been used since" in out
    left = "3 stages, 1 weights file, 1 remembered problem, 3 unfinished runs"
    assert out.splitlines()[-1].endswith(left)


def test_what_a_process_takes_during_the_question_is_left(
    full: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = holding(full)
    assert during_the_question(monkeypatch, full, held.__enter__) == 0
    held.__exit__(None, None, None)

    assert all((full.parent / path).exists() for path in HELD)
    assert "left as it is: 3, because a process has it" in capsys.readouterr().out


def test_a_symbolic_link_leads_nowhere(
    full: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = run(tmp_path / "other", "seed=0_failed", "failed")
    (full / "links").symlink_to(tmp_path / "other" / "digits")
    (full / "digits" / "scratch" / "seed=9").symlink_to(elsewhere.path)
    (full / stages.HOME / "link").symlink_to(tmp_path / "beside")
    (full / "digits" / "scratch" / "seed=1_failed" / "data").symlink_to(tmp_path / "beside")
    before = seen(tmp_path)

    assert clean(["--yes", "--runs-dir", str(full)]) == 0
    assert {
        name for name in gone(before, seen(tmp_path)) if "links" not in name
    } == STAGES | CACHE | FAILED
    assert "left as it is: 3, because it is behind a symbolic link" in capsys.readouterr().out
    with pytest.raises(OSError, match="behind a symbolic link"):
        RunDir(full, "links/scratch", elsewhere.name).remove()


def test_what_cannot_be_deleted_is_said_and_the_rest_goes(
    full: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: RunDir) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(RunDir, "remove", refuse)
    monkeypatch.setattr(Entry, "remove", lambda self: None)

    assert clean(["--yes", "--cache", "--failed", "--runs-dir", str(full)]) == 1
    out, errors = capsys.readouterr()
    assert out.splitlines()[-1] == "freed 0 B: nothing"
    assert errors.count("Permission denied") == 4
    assert errors.count("part of it is still there") == 3
    assert len(errors.splitlines()) == 7


@pytest.mark.parametrize(("record", "days"), [
    ({"started": "2020-01-01T00:00:00+00:00", "ended": "2020-01-05T00:00:00+00:00"}, 4),
    ({"started": "2020-01-01T00:00:00+00:00"}, 0),
    ({"started": "2020-01-01T00:00:00"}, 0),
    ({"started": "2020-01-01T00:00:00+00:00", "ended": "soon"}, 0),
    ({"started": 3, "ended": None}, 1),
])  # fmt: skip
def test_a_run_was_last_used_when_it_ended(
    record: dict[str, Any], days: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = run(tmp_path, "seed=0_abc", "failed", **record)
    start = 1577836800.0  # 2020
    os.utime(place.path, (start + DAY, start + DAY))
    monkeypatch.setattr("time.time", lambda: start + 10 * DAY)

    clean(["--yes", "--older-than", str(10 - days), "--runs-dir", str(tmp_path)])
    assert place.path.exists()
    clean(["--yes", "--older-than", str(10 - days - 0.001), "--runs-dir", str(tmp_path)])
    assert not place.path.exists()


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "soon", "--yes", ""])
def test_days_are_a_number(text: str, full: Path) -> None:
    with pytest.raises(
        UserError, match="clean --older-than: expected a number of days >= 0, found "
    ) as caught:
        clean(["--older-than", text, "--runs-dir", str(full)])

    assert len(caught.value.lines) == 1


def test_typos_are_a_line_each_and_nothing_goes(full: Path) -> None:
    before = seen(full)
    with pytest.raises(UserError) as caught:
        cli.run(["clean", "--stagse", "--yes", "-y", "--runs-dir", str(full)])

    assert len(caught.value.lines) == 2
    assert caught.value.lines[0].startswith(
        "clean: expected a flag, found --stagse; did you mean --stages?"
    )
    assert seen(full) == before


@pytest.mark.parametrize("asked", [[], ["--older-than", "3"], ["--failed", "--yes"]])
def test_nothing_to_clean(asked: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(here / "some", "seed=0_abc", "finished")
    before = seen(here)

    assert clean(asked) == 0
    assert clean([*asked, "--runs-dir", "some"]) == 0
    none, finished = capsys.readouterr().out.splitlines()
    assert none.startswith("nothing to clean in runs")
    assert finished.startswith("nothing to clean in some")
    assert none.endswith("more than 3 days ago") == ("3" in asked)
    assert seen(here) == before
    assert not (here / "runs").exists()


def test_help_is_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["clean", "--help"]) == 0
    assert capsys.readouterr().out.startswith("tl-run clean [--stages]")


def test_a_crash_while_a_run_is_removed_leaves_it_to_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = run(tmp_path, "seed=0_abc", "failed")

    def crash(path: Path) -> None:
        raise OSError("crash")

    monkeypatch.setattr("shutil.rmtree", crash)
    with pytest.raises(OSError, match="crash"):
        place.remove()

    assert [path.name for path in place.path.iterdir()] == ["run.json"]
    assert json.loads((place.path / "run.json").read_text())["status"] == "failed"


def test_where_no_lock_can_be_taken_that_is_one_line_and_nothing_is_deleted(
    full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for lock in (full / ".locks").iterdir():
        lock.unlink()
    (full / ".locks").rmdir()
    (full / ".locks").write_text("")
    before = sorted(full.rglob("*"))

    with pytest.raises(UserError, match=r"\.locks: expected a folder, found a file; move it away"):
        clean(["--yes", "--runs-dir", str(full)])
    assert capsys.readouterr().err == ""
    assert sorted(full.rglob("*")) == before
