import bz2
import gzip
import io
from pathlib import Path

import pytest

from tlrun.data import packed
from tlrun.data.packed import unpacked


@pytest.mark.parametrize("module", [gzip, bz2])
def test_what_was_packed_is_unpacked(tmp_path: Path, module: object) -> None:
    path = tmp_path / "x"
    path.write_bytes(module.compress(b"abc" * 100))  # type: ignore[attr-defined]

    assert unpacked(path, module.open) == b"abc" * 100  # type: ignore[attr-defined]


def test_no_more_memory_is_set_aside_than_it_takes(tmp_path: Path) -> None:
    """A buffered file makes room at once for all that it is asked for."""
    asked: list[int] = []

    class Asked(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    (tmp_path / "x").write_bytes(b"abc")

    assert unpacked(tmp_path / "x", lambda *_: Asked(b"abc" * 10**6)) == b"abc" * 10**6
    assert 0 < max(asked) <= 2**20


def test_a_bomb_is_unpacked_to_the_bound_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(bytes(1000)))
    size = path.stat().st_size
    monkeypatch.setattr(packed, "TIMES", 2)
    for most, fits in ((1000, True), (999, False)):
        monkeypatch.setattr(packed, "MOST", most)
        if fits:
            assert unpacked(path) == bytes(1000)
        else:
            with pytest.raises(ValueError, match="it unpacks to more than 999 bytes; unpack it"):
                unpacked(path)
    monkeypatch.setattr(packed, "MOST", 0)  # a large file may unpack to a large one
    monkeypatch.setattr(packed, "TIMES", 1000 // size + 1)

    assert unpacked(path) == bytes(1000)
