import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision import datasets

from tlrun.core.errors import UserError
from tlrun.data.images import stand_in_files, stand_in_images
from tlrun.data.images.image_sets import SETS, Images
from tlrun.data.images.stand_in_files import FILES, LAYOUT, SUMS, is_there, read, write
from tlrun.data.images.stand_in_images import made


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in_images, "TRAIN", 100)
    monkeypatch.setattr(stand_in_images, "TEST", 50)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path / "stand-in")
    return tmp_path / "stand-in"


def read_from(place: Path) -> Images:
    return read(SETS["cifar10"], "cifar10", place / LAYOUT)


def put(place: Path, file: str, raw: bytes) -> None:
    """Other bytes in a file, with a digest that fits."""
    path, sums = place / LAYOUT / file, place / SUMS
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    after = hashlib.sha256(raw).hexdigest()
    path.write_bytes(raw)
    sums.write_text(sums.read_text("utf-8").replace(before, after), "utf-8")


def test_what_is_read_is_what_was_made(place: Path) -> None:
    mine, theirs = read_from(place), made()

    assert mine.classes == theirs.classes
    for one, other in zip(mine[:2], theirs[:2], strict=True):
        assert np.array_equal(one.images, other.images)
        assert one.images.dtype == np.uint8
        assert np.array_equal(one.labels, other.labels)


def test_it_is_cifars_layout_and_nothing_else(place: Path) -> None:
    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}

    assert files == {*FILES, SUMS, ".cifar10.lock"}
    assert is_there(place)
    with open(place / LAYOUT / "data_batch_3", "rb") as file:
        batch = pickle.load(file, encoding="latin1")
    assert set(batch) == {"batch_label", "labels", "data", "filenames"}
    assert batch["data"].shape == (20, 3072)
    assert len(batch["filenames"]) == len(batch["labels"]) == 20
    assert "stand-in" in batch["batch_label"]


def test_torchvision_reads_it_once_it_does_not_ask_for_cifars_md5(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match="corrupted"):
        datasets.CIFAR10(place)
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda _: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    mine = read_from(place)
    for part, train in ((mine.train, True), (mine.test, False)):
        theirs = datasets.CIFAR10(place, train=train)

        assert np.array_equal(theirs.data.transpose(0, 3, 1, 2), part.images)
        assert theirs.targets == part.labels.tolist()
        assert tuple(theirs.classes) == mine.classes


def test_it_is_written_once_and_the_same_everywhere(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (place / SUMS).stat()
    write(place)
    write(tmp_path / "other")
    said = capsys.readouterr().err

    assert said == f"tl-run: making a stand-in for cifar10 into {tmp_path / 'other'}, once\n"
    assert (place / SUMS).stat() == before
    for file in (*FILES, SUMS):
        assert (place / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_what_a_killed_process_left_is_completed(place: Path) -> None:
    whole = read_from(place)
    (place / SUMS).unlink()
    (place / LAYOUT / "test_batch").unlink()

    assert not is_there(place)
    write(place)
    assert np.array_equal(read_from(place).test.images, whole.test.images)


def test_where_it_cannot_be_written_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^dataset.root: expected a folder that .*; try another"):
        write(tmp_path / "file" / "stand-in")

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stand_in_files, "_fill", full)
    with pytest.raises(UserError, match=r"^dataset.root: .*: No space left on device; try another"):
        write(tmp_path / "stand-in")
    assert not is_there(tmp_path / "stand-in")


REFUSED = r"^dataset.root: expected the stand-in for cifar10 in .* as it was written, found "


@pytest.mark.parametrize("file", ["data_batch_2", "test_batch", "batches.meta"])
def test_a_damaged_file_is_refused(place: Path, file: str) -> None:
    path = place / LAYOUT / file
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(UserError, match=rf"{REFUSED}another {file}; delete that folder, and"):
        read_from(place)


@pytest.mark.parametrize("sums", ["", "nothing\n", "ab  cifar-10-batches-py/data_batch_1\n"])
def test_digests_that_are_none_are_refused(place: Path, sums: str) -> None:
    (place / SUMS).write_text(sums)

    with pytest.raises(UserError, match=REFUSED) as caught:
        read_from(place)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


class Sly:
    """Asks for what is allowed in order to reach what is not."""

    def __reduce__(self) -> Any:
        return getattr, (np.dtype, "__module__")


@pytest.mark.parametrize("evil", [Evil(), Sly(), eval, np.random.default_rng, np.load])
def test_a_pickle_runs_nothing(place: Path, evil: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with a digest that fits."""
    monkeypatch.chdir(place)
    put(place, "test_batch", pickle.dumps({"data": evil, "labels": []}, 2))

    with pytest.raises(UserError, match=rf"{REFUSED}a pickle that asks for "):
        read_from(place)
    assert not (place / "evil").exists()


@pytest.mark.parametrize("content", [[], {}, {"data": [1], "labels": [2]}, {"data": None}])
def test_a_pickle_of_something_else_is_refused(place: Path, content: object) -> None:
    put(place, "test_batch", pickle.dumps(content, 2))

    with pytest.raises(UserError, match=REFUSED):
        read_from(place)
    for raw in (b"", b"\x80\x02", b"no pickle"):
        put(place, "test_batch", raw)
        with pytest.raises(UserError, match=REFUSED):
            read_from(place)
