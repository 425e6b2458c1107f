"""Small image sets in the files that torchvision's sets come in, and a network that serves them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import pickle
import shutil
import tarfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from scipy.io import savemat
from torchvision import datasets
from torchvision.datasets import utils

TRAIN, TEST = 60, 30  # examples, as many of each of ten classes


def examples(seed: int, n: int, size: int, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random bytes [n, channels, size, size] and labels from 0 to 9."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, channels, size, size), dtype=np.uint8), rng.permutation(
        np.arange(n) % 10
    )


def idx(array: np.ndarray) -> bytes:
    head = (0x0800 | array.ndim).to_bytes(4, "big") + b"".join(
        n.to_bytes(4, "big") for n in array.shape
    )
    return head + array.astype(np.uint8).tobytes()


def libsvm(images: np.ndarray, digits: np.ndarray) -> bytes:
    """As USPS is written: values from -1 to 1, digits from 1 to 10."""
    rows = images.reshape(len(images), -1) / 255.0 * 2.0 - 1.0
    lines = (
        f"{digit + 1} "
        + " ".join(f"{place}:{value:.4g}" for place, value in enumerate(row, 1))
        + " \n"
        for digit, row in zip(digits.tolist(), rows.tolist(), strict=True)
    )
    return bz2.compress("".join(lines).encode())


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def put_mnist(root: Path, folder: str = "MNIST/raw", packed: bool = False) -> None:
    for seed, (of, n) in enumerate((("train", TRAIN), ("t10k", TEST))):
        images, labels = examples(seed, n, 28)
        for what, array in (("images-idx3", images[:, 0]), ("labels-idx1", labels)):
            content = gzip.compress(idx(array), mtime=0) if packed else idx(array)
            put(root / folder / f"{of}-{what}-ubyte{'.gz' if packed else ''}", content)


def put_usps(root: Path, same: int = 0) -> None:
    """same: how many test images stand in the training set too."""
    images, labels = examples(2, TRAIN, 16)
    tested, digits = examples(3, TEST, 16)
    tested[:same] = images[:same]
    put(root / "usps.bz2", libsvm(images, labels))
    put(root / "usps.t.bz2", libsvm(tested, digits))


def put_svhn(root: Path) -> None:
    for seed, (of, n) in enumerate((("train", TRAIN), ("test", TEST)), 4):
        images, labels = examples(seed, n, 32, 3)
        root.mkdir(parents=True, exist_ok=True)
        savemat(
            root / f"{of}_32x32.mat",
            {"X": images.transpose(2, 3, 1, 0), "y": np.where(labels, labels, 10)[:, None]},
        )


def put_cifar10(root: Path, train: int = TRAIN, test: int = TEST) -> None:
    """Pickled as numpy on Python 2 did it, which numpy 2.4.0 warns of."""
    folder = root / "cifar-10-batches-py"
    names = [f"data_batch_{k}" for k in range(1, 6)]
    for seed, batches, n in ((6, names, train), (7, ["test_batch"], test)):
        images, labels = examples(seed, n, 32, 3)
        for name, rows in zip(batches, np.split(np.arange(n), len(batches)), strict=True):
            content = {"data": images[rows].reshape(len(rows), -1), "labels": labels[rows].tolist()}
            batch = pickle.dumps(content, protocol=2)
            assert batch.count(b"\x89\x88\x87") == 1  # (False, True) of the type
            put(folder / name, batch.replace(b"\x89\x88\x87", b"K\x00K\x01\x87"))
    put(
        folder / "batches.meta",
        pickle.dumps({"label_names": [f"thing {k}" for k in range(10)]}, protocol=2),
    )


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def known(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Make torchvision take the md5 of the files in `root` for the right ones."""
    folder = root / "cifar-10-batches-py"
    if folder.exists():
        batches = [[name, md5(folder / name)] for name, _ in datasets.CIFAR10.train_list]
        monkeypatch.setattr(datasets.CIFAR10, "train_list", batches)
        monkeypatch.setattr(
            datasets.CIFAR10, "test_list", [["test_batch", md5(folder / "test_batch")]]
        )
        meta = {**datasets.CIFAR10.meta, "md5": md5(folder / "batches.meta")}
        monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    for cls in (datasets.USPS, datasets.SVHN):
        files = {
            split: [url, name, md5(root / name)]
            for split, (url, name, _) in cls.split_list.items()
            if (root / name).exists()
        }
        if files:
            monkeypatch.setattr(cls, "split_list", files)
    raw = root / "MNIST" / "raw"
    if raw.exists():
        resources = [
            (name, md5(raw / name)) for name, _ in datasets.MNIST.resources if (raw / name).exists()
        ]
        monkeypatch.setattr(datasets.MNIST, "resources", resources)


def online(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """Let torchvision download what `root` has, with md5 that fit. Returns the names of what is
    served, as it is."""
    known(monkeypatch, root)
    if (root / "cifar-10-batches-py").exists():
        with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as archive:
            archive.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
        monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(root / "cifar-10-python.tar.gz"))
    served: list[str] = []

    def retrieve(url: str, filename: str, chunk_size: int = 0) -> None:
        name = url.rsplit("/", 1)[1]
        served.append(name)
        with utils.tqdm(total=1) as bar:  # as theirs, on the error stream
            bar.update(1)
        shutil.copy(next(root.rglob(name)), filename)

    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops: url)
    monkeypatch.setattr(utils, "_urlretrieve", retrieve)
    return served


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, *more: object, **other: object) -> str:
        raise URLError("no network")

    monkeypatch.setattr(utils, "_get_redirect_url", refuse)
    monkeypatch.setattr(utils, "_urlretrieve", refuse)
