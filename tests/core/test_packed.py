import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pytest

from tlrun.core import packed
from tlrun.core.packed import TooMuch, unpacked, unpacked_zip


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


def archive(*sizes: int) -> bytes:
    """An archive with an entry of zeros of each size."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for k, size in enumerate(sizes):
            made.writestr(f"x/{k}", bytes(size))
    return written.getvalue()


def test_an_archive_holds_the_same_unpacked() -> None:
    with zipfile.ZipFile(io.BytesIO(unpacked_zip(archive(5, 0, 10**4)))) as found:
        entries = found.infolist()
        assert [(e.filename, found.read(e)) for e in entries] == [
            ("x/0", bytes(5)), ("x/1", b""), ("x/2", bytes(10**4)),
        ]  # fmt: skip
        assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_an_archive_is_unpacked_to_the_bound_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "TIMES", 0)
    monkeypatch.setattr(packed, "MOST", 1000)
    unpacked_zip(archive(500, 500))
    with pytest.raises(TooMuch, match="it unpacks to more than 1,000 bytes"):
        unpacked_zip(archive(500, 501))


def test_what_another_reader_would_find_in_an_archive_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before its end stands a second list of entries, which a reader by offsets would read."""
    monkeypatch.setattr(packed, "TIMES", 0)
    monkeypatch.setattr(packed, "MOST", 1000)
    hidden = archive(10**6) + archive(3)

    with zipfile.ZipFile(io.BytesIO(unpacked_zip(hidden))) as found:
        assert [entry.file_size for entry in found.infolist()] == [3]
    assert len(unpacked_zip(hidden)) < len(hidden)
