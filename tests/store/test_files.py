import json
import math
import os
from pathlib import Path

import pytest

from tlrun.store.files import append_json, read_json, write_json, write_whole


def test_a_crash_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, b"old")

    def crash(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"


def test_json_is_strict_and_comes_back(tmp_path: Path) -> None:
    value = {"lam": math.inf, "text": "λ", "list": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)

    assert read_json(tmp_path / "a.json") == {"lam": "inf", "text": "λ", "list": [1, 2.5, None]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"x": math.nan})


def test_lines_are_appended(tmp_path: Path) -> None:
    for step in range(3):
        append_json(tmp_path / "m.jsonl", {"step": step})

    assert [
        json.loads(line)["step"] for line in (tmp_path / "m.jsonl").read_text().splitlines()
    ] == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "{", "[1]", "nonsense"])
def test_what_is_no_json_object_is_an_error_of_value(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(ValueError):  # noqa: PT011  # the text of the parser is its own
        read_json(tmp_path / "a.json")
