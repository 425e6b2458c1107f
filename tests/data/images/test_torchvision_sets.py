import bz2
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from image_sets import (
    TEST,
    TRAIN,
    examples,
    idx,
    known,
    offline,
    online,
    put,
    put_cifar10,
    put_mnist,
    put_svhn,
    put_usps,
)
from PIL import Image
from torchvision import datasets

from tlrun.core.errors import UserError
from tlrun.data.datasets.pair import Name
from tlrun.data.images import torchvision_sets
from tlrun.data.images.image_sets import IDX, SETS
from tlrun.data.images.torchvision_sets import load

MAKERS: dict[str, Callable[[Path], None]] = {
    "mnist": put_mnist,
    "usps": put_usps,
    "svhn": put_svhn,
    "cifar10": put_cifar10,
}
PUBLISHED: dict[str, Callable[[Path], None]] = {**MAKERS, "mnist": partial(put_mnist, packed=True)}


def test_the_table_says_what_torchvision_says() -> None:
    assert tuple(SETS) == get_args(Name)
    for name in ("mnist", "fashion_mnist"):
        assert [f"{file}.gz" for file in IDX] == [
            file
            for file, _ in sorted(
                getattr(datasets, SETS[name].cls).resources, key=lambda r: IDX.index(r[0][:-3])
            )
        ]
    assert list(SETS["fashion_mnist"].classes) == datasets.FashionMNIST.classes
    for name in ("cifar10", "cifar100"):
        cls = getattr(datasets, SETS[name].cls)
        listed = [file for file, _ in [*cls.train_list, *cls.test_list]]
        assert list(SETS[name].files) == [*listed, cls.meta["filename"]]
        assert SETS[name].folders == (cls.base_folder,)
    for name in ("usps", "svhn"):
        listed = [
            getattr(datasets, SETS[name].cls).split_list[split][1] for split in ("train", "test")
        ]
        assert list(SETS[name].files) == listed


@pytest.mark.parametrize("name", MAKERS)
def test_sets_on_disk_are_read_without_a_network(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MAKERS[name](tmp_path)
    known(monkeypatch, tmp_path)
    offline(monkeypatch)
    images = load(name, str(tmp_path), download=True, size=SETS[name].size)
    kind = SETS[name]

    for part, n in ((images.train, TRAIN), (images.test, TEST)):
        assert part.images.shape == (n, kind.channels, kind.size, kind.size)
        assert part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64
        assert np.bincount(part.labels).tolist() == [n // 10] * 10
    theirs = torchvision_sets._from_torchvision(kind, tmp_path)
    for part, their in zip((images.train, images.test), theirs, strict=True):
        pixels = (
            np.asarray(their[3][0]).reshape(kind.size, kind.size, kind.channels).transpose(2, 0, 1)
        )
        assert np.array_equal(part.images[3], pixels)
        assert part.labels[3] == their[3][1]


def test_names_of_classes_come_from_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_cifar10(tmp_path)
    known(monkeypatch, tmp_path)

    assert load("cifar10", str(tmp_path), False, 32).classes == tuple(
        f"thing {k}" for k in range(10)
    )


@pytest.mark.parametrize(("name", "folder"), [("usps", "USPS"), ("svhn", "SVHN")])
def test_a_folder_of_its_own_will_do(
    name: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MAKERS[name](tmp_path / folder)
    known(monkeypatch, tmp_path / folder)

    assert len(load(name, str(tmp_path), False, 16).train.labels) == TRAIN


def test_packed_files_give_the_same_and_nothing_is_written(tmp_path: Path) -> None:
    put_mnist(tmp_path / "plain")
    put_mnist(tmp_path / "packed", packed=True)
    before = sorted((tmp_path / "packed").rglob("*"))
    plain, packed = (
        load("mnist", str(tmp_path / folder), True, 28) for folder in ("plain", "packed")
    )

    assert np.array_equal(plain.train.images, packed.train.images)
    assert np.array_equal(plain.test.labels, packed.test.labels)
    assert sorted((tmp_path / "packed").rglob("*")) == before


def test_the_root_may_be_relative_or_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_usps(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    # and it is read only once
    assert load("usps", "data", False, 16) is load("usps", "~/data", False, 16)
    with pytest.raises(UserError, match=r"dataset.root: expected a folder, found ~nobody-at-all/x"):
        load("usps", "~nobody-at-all/x", False, 16)


@pytest.mark.parametrize("size", [8, 16, 40])
def test_resizing_is_what_pillow_does(tmp_path: Path, size: int) -> None:
    put_mnist(tmp_path)
    original, resized = (
        load("mnist", str(tmp_path), False, s).train.images[:, 0] for s in (28, size)
    )
    theirs = [
        Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR) for image in original
    ]

    assert resized.shape == (TRAIN, size, size)
    assert (
        np.abs(np.stack([np.asarray(image) for image in theirs]).astype(int) - resized).max() <= 1
    )


def test_nobody_can_write_to_what_is_kept(tmp_path: Path) -> None:
    put_usps(tmp_path)

    for size in (16, 8):
        with pytest.raises(ValueError, match="read-only"):
            load("usps", str(tmp_path), False, size).train.images[0] = 0


@pytest.mark.parametrize("name", MAKERS)
def test_a_download_brings_the_files_and_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server, root = tmp_path / "server", tmp_path / "root"
    PUBLISHED[name](server)
    served = online(monkeypatch, server)
    images = load(name, str(root), download=True, size=16)
    out, err = capsys.readouterr()

    assert len(images.test.labels) == TEST
    assert len(served) == {"mnist": 4, "cifar10": 1}.get(name, 2)
    assert out == ""
    assert err == f"tl-run: downloading {name} into {root}, once\n"
    wanted = {root / SETS[name].folders[0] / file for file in SETS[name].files}
    assert {path for path in root.rglob("*") if path.is_file()} == {*wanted, root / f".{name}.lock"}


@pytest.mark.parametrize(
    ("name", "mentions"),
    [
        (
            "mnist",
            [
                "train-images-idx3-ubyte",
                "(each also as .gz)",
                "/MNIST/raw, found none",
                "ossci-datasets",
            ],
        ),
        ("usps", ["usps.bz2, usps.t.bz2 in {root} or {root}/USPS", "https://www.csie.ntu.edu.tw/"]),
        (
            "cifar100",
            ["train, test, meta in {root}/cifar-100-python", "https://www.cs.toronto.edu/"],
        ),
        (
            "svhn",
            [
                "train_32x32.mat, test_32x32.mat in {root} or {root}/SVHN",
                "http://ufldl.stanford.edu",
            ],
        ),
    ],
)
def test_without_a_network_one_line_says_what_would_do(
    name: str, mentions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch)
    with pytest.raises(
        UserError, match=rf"^dataset.root: expected {name} as .*no network.*; try again, or put"
    ) as e:
        load(name, str(tmp_path), download=True, size=16)

    assert "\n" not in str(e.value)
    for mention in mentions:
        assert mention.format(root=tmp_path) in str(e.value)
    assert [path.name for path in tmp_path.iterdir()] == [f".{name}.lock"]


@pytest.mark.parametrize("name", MAKERS)
def test_a_download_of_something_else_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, root = tmp_path / "server", tmp_path / "root"
    PUBLISHED[name](server)
    online(monkeypatch, server)
    for path in server.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"and no download \(.*orrupted.*\); try again") as caught:
        load(name, str(root), download=True, size=16)

    assert "\n" not in str(caught.value)
    assert [path.name for path in root.iterdir()] == [f".{name}.lock"]


@pytest.mark.parametrize("download", [True, False])
def test_what_else_can_be_done_without_files_ends_the_hint(
    download: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch)
    with pytest.raises(UserError, match=r"; try .*, or put these files there, or sing$"):
        load("cifar10", str(tmp_path), download, 32, instead=", or sing")


def test_missing_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / IDX[3]).unlink()
    with pytest.raises(
        UserError, match=rf"found no {IDX[3]}; try dataset.download=true, or put these files there"
    ):
        load("mnist", str(tmp_path), download=False, size=28)

    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["cifar10", "svhn"])
def test_files_that_torchvision_does_not_know_are_not_opened(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)  # cifar's are pickles, which could do anything
    with pytest.raises(
        UserError,
        match=rf"expected {name} in .* with the md5 that torchvision knows, found .*; try",
    ):
        load(name, str(tmp_path), download=False, size=32)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        (
            IDX[0],
            idx(examples(0, TRAIN, 27)[0][:, 0]),
            r"a label for every image \(1, 28, 28\), found .*27, 27\)",
        ),
        (
            IDX[1],
            idx(np.zeros(TRAIN - 1)),
            r"expected the training set of mnist in .*, found 59 labels for images",
        ),
        (
            IDX[3],
            idx(np.full(TEST, 10)),
            "expected labels from 0 to 9 in the test set of mnist in .*, found 10 to 10",
        ),
        (
            IDX[2],
            idx(np.zeros((0, 28, 28))),
            r"expected the test set of mnist in .*, found 30 labels for images \(0,",
        ),
        (IDX[0], b"\0", r"t?r?ain-images-idx3-ubyte to hold a head of 16 bytes, found 1 bytes"),
    ],
)
def test_sets_that_are_not_what_they_should_be_are_refused(
    file: str, content: bytes, told: str, tmp_path: Path
) -> None:
    put_mnist(tmp_path)
    put(tmp_path / "MNIST" / "raw" / file, content)
    with pytest.raises(UserError, match=told) as caught:
        load("mnist", str(tmp_path), download=True, size=28)

    assert re.match(r"dataset.root: expected .*, found .*; try ", str(caught.value))


def test_a_set_of_no_images_is_refused(tmp_path: Path) -> None:
    put_usps(tmp_path)
    put(tmp_path / "usps.t.bz2", bz2.compress(b""))
    with pytest.raises(UserError, match="expected the test set of usps in"):
        load("usps", str(tmp_path), False, 16)


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(
        UserError,
        match=r"dataset.root: expected a folder that can be read, found .*: Permission den",
    ):
        load("usps", str(tmp_path), True, 16)


def test_files_on_disk_are_read_without_torchvision(tmp_path: Path) -> None:
    put_mnist(tmp_path, "FashionMNIST/raw", packed=True)
    program = f"""
import sys
from tlrun.data.images.torchvision_sets import load
load("fashion_mnist", {str(tmp_path)!r}, True, 16)
print("torchvision" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
