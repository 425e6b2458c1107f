"""Files of others: bombs, devices, pickles, what is cut off or another thing than its name."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from strangers.told import assert_refused, files_in, told

from tlrun.core import packed
from tlrun.data.tables import parquet_file, text_file

from problems import TINY

TABLE = ["dataset=table_csv", "dataset.predict=y", "strategy=constant_prediction", *TINY]
ROWS = "x,y\n" + "".join(f"{k},{k % 2}\n" for k in range(40))


class Evil:
    """What a pickle of would make a file."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch CANARY",)


def png(width: int, height: int) -> bytes:
    """A PNG whose head says that it is so large, and which holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def gif(frames: int) -> bytes:
    from PIL import Image

    images = [Image.new("RGB", (4, 4), (99 * k, 0, 0)) for k in range(frames)]
    written = io.BytesIO()
    images[0].save(written, "GIF", save_all=True, append_images=images[1:], duration=9)
    return written.getvalue()


def npy(array: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, array, allow_pickle=True)
    return written.getvalue()


def tar(*members: tuple[str, bytes, bytes]) -> bytes:
    """An archive. members: of each the name, the kind, and what it holds or leads to."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
            else:
                info.linkname = content.decode()
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


TABLES: dict[str, tuple[str, bytes, str]] = {
    "a bomb": ("t.csv.gz", gzip.compress(b"x,y\n" + b"0" * 10**6), "it unpacks to more than"),
    "a NUL": ("t.csv", b"x,y\n1,\0\n", "a NUL byte in line 2"),
    "no UTF-8": ("t.csv", b"x,y\n\xff,1\n", "byte 0xff at position 4; try dataset.encoding"),
    "a million columns": ("t.csv", b"x," * 5000 + b"y\n", "expected at most 100 columns in"),
    "a field without an end": ("t.csv", b'x,y\n"' + b"a" * 10**6, "dataset.path: expected"),
    "one line": ("t.csv", b"x" * 10**6, "dataset.p"),
    "a pickle": ("t.pkl", pickle.dumps(Evil()), "a program's own format"),
    "a pickle by another name": ("t.csv", pickle.dumps(Evil()), "dataset."),
    "an array of pickles": ("t.npy", npy(np.array([Evil()], dtype=object)), "a program's own"),
    "an archive": ("t.csv", b"PK\x03\x04" + bytes(99), "an archive or a spreadsheet"),
    "deep JSON": ("t.jsonl", b'{"a":' * 50_000, "maximum recursion depth"),
    "no Parquet": ("t.parquet", b"PAR1" + bytes(99) + b"PAR1", "dataset.path: expected a"),
    "nothing": ("t.csv", b"", "dataset.path: expected"),
}


@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_is_none_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(packed, "MOST", 10**5)
    monkeypatch.setattr(text_file, "MOST_COLUMNS", 100)
    name, content, mention = TABLES[what]
    (here / name).write_bytes(content)
    assert_line([*TABLE, f"dataset.path={name}"], capsys, mention, [name])


def test_a_small_parquet_file_of_many_cells_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "MOST_CELLS", 10**5)
    parquet.write_table(pa.table({"x": np.zeros(10**6), "y": np.zeros(10**6)}), "t.parquet")
    mention = "cells in"
    assert_line([*TABLE, "dataset.path=t.parquet"], capsys, mention, ["t.parquet"])


# A place of a file: the keys that name one, and what they are of.
PLACES = {
    "table": [*TABLE, "dataset.path={}"],
    "texts": ["dataset=text_csv", "dataset.predict=y", "dataset.path={}", *TINY[2:]],
    "reviews": ["dataset=imdb", "dataset.path={}", "strategy=joint", *TINY[2:]],
    "reviews of many": ["dataset=fdu_mtl", "dataset.path={}.tar", *TINY[2:]],
    "photos": ["dataset=image_folder", "dataset.path={}", "strategy=scratch", *TINY],
    "graph": [
        "dataset=digits_tasks", "strategy=task_relation", "strategy.relation=graph",
        "strategy.graph={}", *TINY,
    ],
    "weights": ["backbone=torchvision", "backbone.weights=./{}", *TINY[2:]],
    "tokenizer": [
        "dataset=text_csv", "dataset.predict=y", "dataset.path=t.csv", "dataset.tokenizer=./{}",
        *TINY[2:],
    ],
}  # fmt: skip


@pytest.mark.parametrize("odd", ["a device", "a pipe", "nobody's home", "names of at most 255"])
@pytest.mark.parametrize("place", PLACES)
def test_from_a_device_or_a_pipe_nothing_is_read(
    here: Path, capsys: pytest.CaptureFixture[str], place: str, odd: str
) -> None:
    (here / "t.csv").write_text(
        ROWS.replace(",", " red green blue,").replace("x red green blue", "x")
    )
    name = {"a device": "odd", "a pipe": "odd", "nobody's home": "'~nobody-x/y'"}.get(
        odd, "a" * 256
    )
    if odd == "nobody's home" and any("./{}" in word or "{}.tar" in word for word in PLACES[place]):
        pytest.skip("a path that begins otherwise")
    for end in ("", ".tar"):
        if odd == "a device":
            (here / f"odd{end}").symlink_to("/dev/zero")
        elif odd == "a pipe":
            os.mkfifo(here / f"odd{end}")
    assert_line([word.format(name) for word in PLACES[place]], capsys, odd, None)


@pytest.mark.parametrize("odd", ["a device", "a pipe", "a folder"])
def test_among_the_files_of_reviews_nothing_odd_is_read(
    here: Path, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    for side in ("train", "test"):
        for kind, rating in (("neg", 1), ("pos", 9)):
            folder = here / "aclImdb" / side / kind
            folder.mkdir(parents=True)
            for k in range(4):
                (folder / f"{k}_{rating}.txt").write_text(f"a film {k}")
    one = here / "aclImdb" / "train" / "pos" / "9_9.txt"
    if odd == "a pipe":
        os.mkfifo(one)
    elif odd == "a device":
        one.symlink_to("/dev/zero")
    else:
        one.mkdir()
    asked = ["dataset=imdb", "dataset.path=aclImdb", "strategy=joint", *TINY[2:]]
    assert_line(asked, capsys, "9_9.txt: it is no file", None)


IMAGES: dict[str, tuple[bytes, str]] = {
    "a bomb": (png(60_000, 60_000), "pixels"),
    "huge": (png(2**31 - 1, 2**31 - 1), "pixels"),
    "animated": (gif(3), "of 3 frames or pages, not one image"),
    "cut off": (png(8, 8)[:40], "image"),
    "a text": (b"hello", "no image that Pillow reads"),
    "a program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(touch CANARY)", "no image"),
    "a drawing": (b"<svg onload='x'/>", "no image that Pillow reads"),
    "nothing": (b"", "an empty file"),
}


@pytest.mark.parametrize("what", IMAGES)
def test_an_image_that_is_none_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    from PIL import Image

    content, mention = IMAGES[what]
    for name in "ab":
        (here / "photos" / name).mkdir(parents=True)
        for k in range(6):
            Image.new("L", (8, 8), 20 * k).save(here / "photos" / name / f"{k}.png")
    (here / "photos" / "a" / "evil.png").write_bytes(content)
    asked = [
        "dataset=image_folder",
        "dataset.path=photos",
        "dataset.cache=c",
        "strategy=scratch",
        *TINY,
    ]
    code, text = told(asked, capsys)

    assert code == 2, text
    assert mention in text
    assert "evil.png" in text
    assert not (here / "CANARY").exists()


ARCHIVES = {
    "out of it": (("../CANARY.task.train", tarfile.REGTYPE, b"1\tgood\n"),),
    "from the root": (("/x.task.train", tarfile.REGTYPE, b"1\tgood\n"),),
    "a link": (("a.task.train", tarfile.SYMTYPE, b"/etc/passwd"),),
    "a hard link": (("a.task.train", tarfile.LNKTYPE, b"/etc/passwd"),),
    "a device": (("a.task.train", tarfile.CHRTYPE, b""),),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_with_tricks_is_a_line_and_nothing_is_unpacked(
    here: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    (here / "x.tar.gz").write_bytes(tar(*ARCHIVES[what]))
    asked = ["dataset=fdu_mtl", "dataset.path=x.tar.gz", *TINY[2:]]
    assert_line(asked, capsys, "dataset.path: expected p", ["x.tar.gz"])


def test_an_archive_that_unpacks_to_much_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.data.texts.fdu_files.MOST", 10**4)
    (here / "x.tar.gz").write_bytes(tar(("a.bin", tarfile.REGTYPE, bytes(10**6))))
    asked = ["dataset=fdu_mtl", "dataset.path=x.tar.gz", *TINY[2:]]
    assert_line(asked, capsys, "files of at most 10,000 bytes in all", ["x.tar.gz"])


def bomb() -> bytes:
    """An archive as of torch.save, of more than it may unpack to."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", bytes(3 * 10**6))
        archive.writestr("archive/version", "3")
    return written.getvalue()


def pth(thing: Any) -> bytes:
    written = io.BytesIO()
    torch.save(thing, written)
    return written.getvalue()


HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
WEIGHTS = {
    "a pickle": ("w.pth", pickle.dumps(Evil()), "weights_only refuses"),
    "a head that says it is long": ("w.safetensors", struct.pack("<Q", 2**60), "no safetensors"),
    "a tensor that says it is long": (
        "w.safetensors",
        struct.pack("<Q", len(HEADER)) + HEADER,
        "no safetensors",
    ),
    "nothing": ("w.safetensors", b"", "no safetensors"),
    "an archive that unpacks to much": ("w.pth", bomb(), "unpacks to more than"),
    "one number that says it is many": (
        "w.pth", pth({"w": torch.zeros(1).expand(2**33)}), "tensors of at most",
    ),
    "bytes of any number": ("w.pth", pickle.dumps(bytearray(9), 2), "it names bytearray"),
    "no numbers": ("w.pth", pth({"w": torch.empty(2**45, device="meta")}), "other things (w)"),
    "a type of few bits": (
        "w.pth", pth({"w": torch.zeros(4, dtype=torch.float8_e4m3fn)}), "found float8_e4m3fn in w",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_are_none_are_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(packed, "MOST", 10**6)
    name, content, mention = WEIGHTS[what]
    (here / name).write_bytes(content)
    asked = ["backbone=torchvision", f"backbone.weights=./{name}", *TINY[2:]]
    assert_line(asked, capsys, mention, [name])


def assert_line(
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
    mention: str,
    files: list[str] | None,
) -> None:
    """What is asked for is refused, and, but for the `files` that were there, nothing is left.

    None: whatever was there.
    """
    code, text = told([*asked, "controls=false"], capsys)
    refusal = [line for line in text.splitlines() if line.startswith("tl-run: ")]

    assert_refused(code, "\n".join(refusal), mention)
    if files is not None:
        left = [name for name in files_in(Path()) if not name.startswith("runs/")]
        assert left == files
