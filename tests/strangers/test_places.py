"""Where a file is asked for, there may stand a device, a pipe or a link already."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from strangers.told import assert_refused, told

from tlrun.api.run import run

from problems import TINY

ASKED = [
    ("report", "--html"), ("report", "--json"), ("report", "--csv"), ("report", "--markdown"),
    ("export", "--json"), ("export", "--csv"),
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("runs")
    run(*TINY, "strategy=scratch", "controls=false", runs_dir=home)
    return home


def put(place: Path, odd: str) -> None:
    if odd == "a pipe":
        os.mkfifo(place)
    elif odd == "a loop":
        place.symlink_to(place.name)
    elif odd == "a folder":
        place.mkdir()
    else:
        try:
            os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 7))  # as /dev/full
        except PermissionError:
            pytest.skip("only root makes devices")


@pytest.mark.parametrize("odd", ["a device", "a pipe", "a loop", "a folder"])
@pytest.mark.parametrize(("command", "flag"), ASKED)
def test_what_is_no_file_stays(
    command: str, flag: str, odd: str, here: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = here / f"x.{flag.strip('-')}"
    put(place, odd)
    kind = place.lstat().st_mode

    code, text = told([command, flag, place.name, "--runs-dir", str(runs)], capsys)
    assert_refused(code, text, f"{flag}: expected ")
    assert len(text.splitlines()) == 1
    assert place.name in text
    assert place.lstat().st_mode == kind
    assert list(here.iterdir()) == [place]


@pytest.mark.parametrize(("command", "flag"), ASKED)
def test_behind_a_link_the_file_is_written_and_the_link_stays(
    command: str, flag: str, here: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link, target = here / f"x.{flag.strip('-')}", here / "elsewhere" / "kept"
    target.parent.mkdir()
    link.symlink_to(target)  # first to where nothing is yet
    for _ in range(2):
        code, text = told([command, flag, link.name, "--runs-dir", str(runs)], capsys)

        assert code == 0, text
        assert link.readlink() == target
        assert target.stat().st_size > 0
        assert list(target.parent.iterdir()) == [target]
        if command == "report":
            target.write_text("")


def test_what_export_has_not_made_is_not_written_over_behind_a_link(
    here: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine").write_text("mine")
    (here / "x.csv").symlink_to("mine")
    code, text = told(["export", "--csv", "x.csv", "--runs-dir", str(runs)], capsys)

    assert_refused(code, text, "which tl-run export has not made")
    assert (here / "mine").read_text() == "mine"
