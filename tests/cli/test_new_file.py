"""What is there is never written over, unless the command has written it itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlrun.cli.new_file import check_place, write
from tlrun.core.errors import UserError


def is_ours(place: Path) -> bool:
    return place.read_bytes().startswith(b"ours")


def check(place: Path) -> None:
    check_place("--out", "predict", place, is_ours)


def test_a_new_file_and_one_of_ours_are_written_whole(tmp_path: Path) -> None:
    place = tmp_path / "a"
    for content in (b"ours 1", b"ours 2"):
        check(place)
        write("--out", place, content)
        assert place.read_bytes() == content
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_another_s_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    for place in (tmp_path / "a", tmp_path):
        with pytest.raises(UserError, match=r"--out: expected a new place, found .*tl-run predict"):
            check(place)


def test_a_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--out: expected a file in a folder that is there, found"):
        check(tmp_path / "no" / "a")
    with pytest.raises(UserError, match="--out: expected a place that can be written, found"):
        write("--out", tmp_path / "file" / "a", b"ours")
