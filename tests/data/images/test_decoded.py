import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from tlrun.core.errors import UserError
from tlrun.data.examples import row_hashes
from tlrun.data.images import decoded as decoding
from tlrun.data.images.decoded import decoded
from tlrun.data.images.decoded_entry import Decoded
from tlrun.data.images.decoding import Form
from tlrun.data.images.decoding import decode as decode_file

from photos import put, put_classes, rewritten

FORM = Form(8, "crop", 3)


class Folder:
    """Some files, and the cache beside them. calls: how many files were decoded. lines: told."""

    def __init__(self, base: Path) -> None:
        self.root, self.cache = base / "in", base / "cache"
        put_classes(self.root, ("a", "b"), 50)
        self.calls = 0
        self.lines: list[str] = []

    @property
    def paths(self) -> list[Path]:
        return sorted(self.root.rglob("*.*"))

    def decoded(self, form: Form = FORM) -> Decoded:
        digests = [sha256(path.read_bytes()).hexdigest() for path in self.paths]
        return decoded(self.paths, digests, form, self.cache, self.lines.append)

    @property
    def entry(self) -> Path:
        (found,) = [path for path in self.cache.iterdir() if not path.name.startswith(".")]
        return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    made = Folder(tmp_path)

    def decode(*args: Any) -> np.ndarray:
        made.calls += 1
        return decode_file(*args)

    monkeypatch.setattr(decoding, "decode", decode)
    return made


def test_every_file_is_decoded_once_in_order(folder: Folder) -> None:
    first = folder.decoded()
    images = np.array(first.images)
    again = folder.decoded()

    assert folder.calls == len(images) == 100
    assert images.shape == (100, 3, 8, 8)
    assert np.array_equal(images, again.images)
    assert not isinstance(images, np.memmap)
    for row in (0, 57, 99):
        alone = decode_file(folder.paths[row].read_bytes(), ".png", FORM)
        assert np.array_equal(images[row], alone)
    assert [key.tobytes() for key in first.keys] == list(row_hashes(images))
    assert first.unreadable == again.unreadable == {}
    assert len(folder.lines) == 1
    assert "decoding 100 images into" in folder.lines[0]
    assert "0.0 MB" in folder.lines[0]


def test_renamed_and_touched_files_are_not_decoded_again(folder: Folder) -> None:
    folder.decoded()
    folder.root.rename(folder.root.with_name("elsewhere"))
    folder.root = folder.root.with_name("elsewhere")
    os.utime(folder.paths[3])

    assert len(folder.decoded().images) == 100
    assert folder.calls == 100


def test_an_interrupted_decoding_goes_on_where_it_stopped(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Callable[..., np.ndarray] = vars(decoding)["decode"]

    def interrupted(*args: Any) -> np.ndarray:
        if folder.calls == 80:
            raise KeyboardInterrupt
        return counted(*args)

    monkeypatch.setattr(decoding, "decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.decoded()
    assert [path for path in folder.cache.iterdir() if not path.name.startswith(".")] == []
    monkeypatch.setattr(decoding, "decode", counted)
    before = folder.calls
    images = folder.decoded().images

    assert before == 80
    assert 20 <= folder.calls - before <= 36  # what 64 files together had not brought to the disk
    assert len(folder.lines) == 1
    folder.calls, folder.cache = 0, folder.cache.with_name("fresh")
    assert np.array_equal(folder.decoded().images, images)


def test_a_half_written_image_is_decoded_anew(folder: Folder) -> None:
    images = np.array(folder.decoded().images)
    shutil.move(folder.entry, folder.cache / f".{folder.entry.name}.partial")
    (partial,) = folder.cache.glob(".*.partial")
    written = np.load(partial / "images.npy", mmap_mode="r+")
    written[7, 0, 0, 0] ^= 1
    written.flush()
    folder.calls = 0

    assert np.array_equal(folder.decoded().images, images)
    assert folder.calls == 1


@pytest.mark.parametrize("name", ["images.npy", "keys.npy", "contents.npy", "manifest.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone", "empty"])
def test_a_damaged_entry_is_made_again(folder: Folder, name: str, how: str) -> None:
    images = np.array(folder.decoded().images)
    file = folder.entry / name
    if how == "gone":
        file.unlink()
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "cut":
        rewritten(file, lambda content: content[:-3])
    else:
        rewritten(file, lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    found = folder.decoded()

    assert np.array_equal(found.images, images)
    assert [key.tobytes() for key in found.keys] == list(row_hashes(images))
    if (name, how) == ("images.npy", "flipped"):
        assert folder.calls == 101  # the others are whole
    assert np.array_equal(folder.decoded().images, images)


@pytest.mark.parametrize("other", ["form", "files"])
def test_an_entry_at_the_place_of_another_is_told_and_made_again(
    folder: Folder, other: str
) -> None:
    folder.decoded()
    one = folder.entry
    aside = shutil.copytree(one, folder.cache.parent / "aside")
    shutil.rmtree(one)
    form = FORM
    if other == "form":
        form = Form(8, "squash", 3)  # of the same shape
    else:
        put(folder.paths[5], 999)
    images = np.array(folder.decoded(form).images)
    place = folder.entry
    shutil.rmtree(place)
    aside.rename(place)
    folder.lines.clear()

    assert np.array_equal(folder.decoded(form).images, images)
    assert f"is that of {one.name}, which was moved or copied here" in folder.lines[0]
    assert np.array_equal(folder.decoded(form).images, images)


def test_a_moved_cache_is_verified_and_used(folder: Folder) -> None:
    folder.decoded()
    shutil.copytree(folder.cache, folder.cache.with_name("copied"))
    folder.cache = folder.cache.with_name("copied")
    before = (folder.entry / "manifest.json").read_bytes()
    folder.decoded()
    after = (folder.entry / "manifest.json").read_bytes()
    folder.decoded()

    assert folder.calls == 100
    assert before != after == (folder.entry / "manifest.json").read_bytes()


def test_of_a_grown_folder_only_the_new_files_are_decoded(folder: Folder) -> None:
    folder.decoded()
    put(folder.root / "a" / "a_new_one.png", 999)
    grown = folder.decoded()

    assert folder.calls == 101
    assert len(grown.images) == 101
    assert [key.tobytes() for key in grown.keys] == list(row_hashes(np.array(grown.images)))
    folder.decoded(Form(9, "crop", 3))
    assert folder.calls == 202


def test_what_is_no_image_is_remembered_too(folder: Folder) -> None:
    rewritten(folder.paths[5], lambda content: content[:30])
    rewritten(folder.paths[60], lambda content: b"")
    first, again = folder.decoded(), folder.decoded()

    assert folder.calls == 100
    assert list(first.unreadable) == [5, 60]
    assert first.unreadable == again.unreadable
    assert first.unreadable[60] == "an empty file"
    assert not first.images[[5, 60]].any()


def test_a_file_that_changes_meanwhile_is_told(folder: Folder) -> None:
    digests = ["00" * 32] * len(folder.paths)

    with pytest.raises(UserError, match=r"expected files that stay .*, found .*png has changed$"):
        decoded(folder.paths, digests, FORM, folder.cache, folder.lines.append)


def test_no_room_is_told_before_anything_is_written(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**8, 10**8, 0))

    with pytest.raises(UserError) as raised:
        folder.decoded()

    assert len(raised.value.lines) == 1
    assert "dataset.cache: expected room for 0 MB" in str(raised.value)
    assert "dataset.size" in str(raised.value)
    assert list(folder.cache.glob(".*.partial")) == []


def test_a_disk_that_fills_up_is_told_and_left_as_it_was(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(UserError, match=r"dataset.cache: .*No space left on device; try another"):
        folder.decoded()

    assert list(folder.cache.glob(".*.partial")) == []


def test_a_cache_that_is_a_file_is_told(folder: Folder) -> None:
    folder.cache.write_bytes(b"")

    with pytest.raises(UserError, match=r"dataset.cache: expected a folder that decoded images"):
        folder.decoded()


def test_another_process_that_decodes_is_waited_for(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.decoded()
    name = folder.entry.name
    shutil.move(folder.entry, folder.cache.with_name("kept"))
    lock = FileLock(folder.cache / f".{name}.lock")
    lock.acquire()

    def other(line: str) -> None:
        """The other process brings the entry, and ends."""
        folder.lines.append(line)
        shutil.move(folder.cache.with_name("kept"), folder.cache / name)
        lock.release()

    digests = [sha256(path.read_bytes()).hexdigest() for path in folder.paths]
    decoded(folder.paths, digests, FORM, folder.cache, other)

    assert folder.calls == 100
    assert folder.lines[-1].startswith("waiting: another process decodes")
