import bz2
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from image_sets import examples, idx, libsvm, put, put_usps
from torchvision.datasets import USPS

from tlrun.core.errors import UserError
from tlrun.data.images.formats import read_idx, read_usps

IMAGES = examples(0, 5, 4)[0][:, 0]
GOOD = idx(IMAGES)
LINE = "3 " + " ".join(f"{place}:-0.5" for place in range(1, 257)) + "\n"


@pytest.mark.parametrize(
    ("name", "content"), [("plain", GOOD), ("packed.gz", gzip.compress(GOOD, mtime=0))]
)
def test_an_idx_file_is_read_plain_or_packed(tmp_path: Path, name: str, content: bytes) -> None:
    put(tmp_path / name, content)

    assert np.array_equal(read_idx(tmp_path / name, 3), IMAGES)


@pytest.mark.parametrize(
    ("name", "content", "expected", "found"),
    [
        ("images", GOOD[:-1], "96 bytes (5x4x4 and a head of 16)", "95"),
        ("images", GOOD + b"\0", "96 bytes (5x4x4 and a head of 16)", "97"),
        ("images", GOOD[:9], "a head of 16 bytes", "9 bytes in all"),
        ("images", b"", "a head of 16 bytes", "0 bytes in all"),
        (
            "images",
            idx(np.arange(20)),
            "an idx file of 3 axes (it begins with 0x00000803)",
            "0x00000801",
        ),
        (
            "images",
            gzip.compress(GOOD, mtime=0),
            "an idx file of 3 axes (it begins with 0x00000803)",
            "0x1f8b0800",
        ),
        ("images", GOOD[:4] + b"\xff" * 12, f"{16 + (2**32 - 1) ** 3} bytes", "16"),
        ("images.gz", GOOD, "a whole file that can be read", "Not a gzipped file"),
        (
            "images.gz",
            gzip.compress(GOOD, mtime=0)[:-9],
            "a whole file that can be read",
            "Compressed file ended",
        ),
        (
            "images.gz",
            gzip.compress(GOOD, mtime=0)[:20] + b"\xff" * 20,
            "a whole file that can be read",
            "",
        ),
        ("images.gz", None, "a whole file that can be read", "No such file"),
    ],
)
def test_a_damaged_idx_file_is_named(
    tmp_path: Path, name: str, content: bytes | None, expected: str, found: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    told = (
        rf"dataset.root: expected {re.escape(f'{path} to hold {expected}')}.*, found "
        rf".*{re.escape(found)}"
    )
    with pytest.raises(UserError, match=told) as caught:
        read_idx(path, 3)
    assert "\n" not in str(caught.value)


def test_usps_is_read_as_torchvision_reads_it(tmp_path: Path) -> None:
    put_usps(tmp_path)
    images, digits = read_usps(tmp_path / "usps.bz2")
    theirs = USPS(tmp_path)

    assert np.array_equal(images, theirs.data)
    assert images.dtype == theirs.data.dtype
    assert digits.tolist() == theirs.targets
    assert digits.dtype == np.int64


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (bz2.compress(b"not a number\n"), "something that is no number"),
        (bz2.compress(LINE.replace("7:-0.5", "7:-0.5x").encode()), "something that is no number"),
        (
            bz2.compress(LINE.replace(" 7:-0.5", "").encode()),
            "511 numbers in 1 lines instead of 513",
        ),
        (bz2.compress(LINE.replace(" 7:", " 8:").encode()), "other labels or places"),
        (bz2.compress(LINE.replace("3 1:", "11 1:").encode()), "other labels or places"),
        (bz2.compress(LINE.replace("3 1:", "0 1:").encode()), "other labels or places"),
        (bz2.compress(LINE.replace("7:-0.5", "7:nan").encode()), "an x beyond"),
        (bz2.compress(LINE.replace("7:-0.5", "7:1.5").encode()), "an x beyond"),
        (libsvm(*examples(0, 9, 16))[:-20], "Compressed file ended"),
        (b"no bz2", "Invalid data stream"),
    ],
)
def test_a_damaged_usps_file_is_named(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "usps.bz2"
    path.write_bytes(content)

    with pytest.raises(
        UserError, match=rf"expected {re.escape(str(path))} to hold .*, found .*{found}"
    ) as caught:
        read_usps(path)
    assert "\n" not in str(caught.value)


def test_a_usps_file_without_lines_has_no_images(tmp_path: Path) -> None:
    put(tmp_path / "usps.bz2", bz2.compress(b""))

    images, digits = read_usps(tmp_path / "usps.bz2")
    assert images.shape == (0, 16, 16)
    assert len(digits) == 0
