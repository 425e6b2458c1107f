import json
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tlrun.core.errors import UserError
from tlrun.data.images import contents as reading
from tlrun.data.images.contents import Content, contents, threads
from tlrun.store import problems

from photos import put, put_classes


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test writes has settled long before this process began."""
    monkeypatch.setattr(problems, "BEGUN", problems.BEGUN + 1e6)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    real = reading.read

    def read(path: Path) -> bytes:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(reading, "read", read)
    return names


def found(root: Path, cache: Path) -> list[Content]:
    return contents(root, sorted(root.rglob("*.png")), cache)


def test_contents_are_digests_and_tell_colour_from_grey(tmp_path: Path) -> None:
    colour = put(tmp_path / "in" / "a.png")
    grey = tmp_path / "in" / "b.png"
    Image.new("L", (4, 4)).save(grey)

    assert found(tmp_path / "in", tmp_path / "cache") == [
        Content(sha256(colour.read_bytes()).hexdigest(), True),
        Content(sha256(grey.read_bytes()).hexdigest(), False),
    ]


@pytest.mark.usefixtures("long_ago")
def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path, reads: list[str]) -> None:
    root, cache = tmp_path / "in", tmp_path / "cache"
    put_classes(root, ("a", "b"), 3)
    first = found(root, cache)
    assert len(reads) == 6
    reads.clear()

    assert found(root, cache) == first
    assert reads == []

    os.utime(next(iter(sorted(root.rglob("*.png")))))  # touched, and equal
    changed = put(root / "b" / "patient1_00.png", 99)
    again = found(root, cache)

    assert len(reads) == 2
    assert [one == other for one, other in zip(again, first, strict=True)].count(False) == 1
    assert Content(sha256(changed.read_bytes()).hexdigest(), True) in again


def test_what_has_not_settled_is_not_trusted(tmp_path: Path, reads: list[str]) -> None:
    put(tmp_path / "in" / "a.png")
    for _ in range(2):
        found(tmp_path / "in", tmp_path / "cache")

    assert reads == ["a.png", "a.png"]


@pytest.mark.usefixtures("long_ago")
@pytest.mark.parametrize("spoil", [b"", b"[]", b"{}", b'{"a": 1, "digest": "x"}', b"\xff"])
def test_a_damaged_index_counts_for_nothing(tmp_path: Path, reads: list[str], spoil: bytes) -> None:
    put(tmp_path / "in" / "a.png")
    first = found(tmp_path / "in", tmp_path / "cache")
    (index,) = (tmp_path / "cache" / "files").iterdir()
    kept: dict[str, Any] = json.loads(index.read_bytes())
    assert len(kept) == 2
    index.write_bytes(spoil)

    assert found(tmp_path / "in", tmp_path / "cache") == first
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.png")
    (tmp_path / "cache").write_bytes(b"a file")

    assert len(found(tmp_path / "in", tmp_path / "cache")) == 1


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        contents(tmp_path, [tmp_path / "gone.png"], tmp_path / "cache")

    assert re.fullmatch(
        r"dataset\.path: expected files that can be read, found .*gone\.png: No such file.*",
        str(raised.value),
    )


def test_what_ends_the_work_early_ends_it_soon() -> None:
    begun: list[int] = []
    with pytest.raises(KeyboardInterrupt), threads() as pool:  # noqa: PT012
        for number in range(1000):
            pool.submit(begun.append, number)
        pool.submit(lambda: None)
        raise KeyboardInterrupt
    assert len(begun) <= 1000
