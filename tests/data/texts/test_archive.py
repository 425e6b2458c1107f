"""An archive gives its files, and can do no harm: nothing is written, followed or blown up."""

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from tlrun.core.errors import UserError
from tlrun.data.texts import archive as module
from tlrun.data.texts.archive import files_in

PACKED: list[Literal["", "gz", "xz", "bz2"]] = ["", "gz", "xz", "bz2"]
MOST = 100_000


def member(name: str, content: bytes = b"", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """The bytes of an archive that is not packed."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as opened:
        for info, content in members:
            opened.addfile(info, io.BytesIO(content))
    return written.getvalue()


def found_in(path: Path, content: bytes, ending: str = ".txt") -> list[tuple[str, bytes]]:
    path.write_bytes(content)
    return list(files_in(path, (ending,), MOST))


def refusal(path: Path, content: bytes) -> str:
    with pytest.raises(UserError) as caught:
        found_in(path, content)
    (line,) = caught.value.lines
    assert str(path) in line
    assert "\n" not in line
    return line


@pytest.mark.parametrize("packed", PACKED)
def test_every_file_of_the_ending_is_read_in_order(packed: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    mode: Any = f"w:{packed}"
    with tarfile.open(path, mode) as opened:
        for info, content in (
            member("b/2.txt", b"two"),
            member("b/skipped.bin", b"no"),
            member("b", type=tarfile.DIRTYPE),
            member("b.txt", type=tarfile.DIRTYPE),
            member("1.txt", b"one"),
            member("empty.txt"),
        ):
            opened.addfile(info, io.BytesIO(content))

    found = list(files_in(path, (".txt",), MOST))

    assert found == [("b/2.txt", b"two"), ("1.txt", b"one"), ("empty.txt", b"")]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["../1.txt", "/1.txt", "a/../../1.txt", "C:\\1.txt", "\\1.txt"])
def test_a_path_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    assert "paths that stay" in refusal(tmp_path / "a.tar", tar(member(name, b"x")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_is_not_followed_and_told(kind: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    linked = member("1.txt", type=kind, linkname=str(tmp_path / "secret.txt"))

    assert "plain files" in refusal(tmp_path / "a.tar", tar(linked))


def test_a_file_with_holes_is_refused(tmp_path: Path) -> None:
    """It has few bytes in the archive, and says that it is a terabyte."""
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "1.txt",
               "GNU.sparse.realsize": str(2**40)}  # fmt: skip
    sparse = member("1.txt", b"1\n0\n1\n".ljust(1024, b"\0"), pax_headers=headers)

    assert "with holes" in refusal(tmp_path / "a.tar", tar(sparse))


def assert_refused_without_being_held(path: Path, bomb: bytes) -> None:
    """An archive of these bytes, at `path`."""
    path.write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"at most 100,000 bytes in all"):
        list(files_in(path, (".txt",), MOST))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10_000_000


@pytest.mark.parametrize("name", ["1.txt", "passed-over.bin"])
def test_a_bomb_is_refused_without_being_held(name: str, tmp_path: Path) -> None:
    """Wherever its bytes are: a few thousand packed ones stand for fifty million."""
    bomb = gzip.compress(tar(member(name, bytes(50_000_000))))
    assert len(bomb) < MOST
    assert_refused_without_being_held(tmp_path / "a.tar.gz", bomb)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_that_is_a_bomb_is_refused_without_being_held(kind: bytes, tmp_path: Path) -> None:
    """tarfile reads it whole, and it is no file."""
    info, content = member("header", bytes(50_000_000), type=kind)
    packed = gzip.compress(info.tobuf() + content + bytes(1024))
    assert_refused_without_being_held(tmp_path / "a.tar.gz", packed)


def test_what_stands_behind_the_end_is_bounded_too(tmp_path: Path) -> None:
    packed = gzip.compress(tar(member("1.txt", b"one")) + bytes(50_000_000))

    assert "bytes in all" in refusal(tmp_path / "a.tar.gz", packed)


def test_a_file_that_says_it_is_larger_than_the_archive_is_refused(tmp_path: Path) -> None:
    whole = tar(member("1.txt", b"one"))
    says = member("1.txt", size=MOST - 1)[0].tobuf()

    assert "whole .tar" in refusal(tmp_path / "a.tar", says + whole[512:])


def test_all_files_together_are_bounded(tmp_path: Path) -> None:
    half = bytes(MOST // 2)
    two = [member(f"{k}.txt", half) for k in range(2)]

    assert len(found_in(tmp_path / "a.tar", tar(*two))) == 2
    assert "more" in refusal(tmp_path / "a.tar", tar(*two, member("3.txt", b"1")))


def test_members_without_a_byte_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEMBERS", 20)
    some = [member(f"{k}") for k in range(20)]

    assert found_in(tmp_path / "a.tar", tar(*some)) == []
    assert "at most 20 files" in refusal(tmp_path / "a.tar", tar(*some, member("20")))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
def test_an_archive_that_is_cut_off_anywhere_is_refused(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """Never fewer files: tarfile takes half a header for the end."""
    whole = pack(tar(*(member(f"{k}.txt", bytes([65 + k]) * 700) for k in range(4))))
    end = len(whole.rstrip(b"\0")) if pack is bytes else len(whole) - 1
    for length in [*range(1, end, 97), end]:
        assert refusal(tmp_path / "a", whole[:length])


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
def test_a_damaged_archive_is_refused(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """A header in the middle of it is another; or one byte of what is packed."""
    whole = bytearray(pack(tar(*(member(f"{k}.txt", b"text" * 9) for k in range(4)))))
    whole[1024 if pack is bytes else len(whole) // 2] ^= 255

    assert "whole .tar" in refusal(tmp_path / "a", bytes(whole))


@pytest.mark.parametrize("content", [b"", b"no archive", bytes(100), b"\x1f\x8b", b"BZh"])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "whole .tar" in refusal(tmp_path / "a", content)
