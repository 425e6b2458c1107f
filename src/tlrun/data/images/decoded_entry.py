"""Where decoded images are kept: an entry for some files in one form, found, begun and finished.

    <cache>/<form>-<key>/
      images.npy      uint8 [N, C, S, S]
      keys.npy        uint8 [N, 16], of each image's bytes as `data/examples.row_hashes` has them;
                      zeros where a file could not be read
      contents.npy    uint8 [N, 32], sha256 of each file
      manifest.json   digests and states of these, the entry's name, what could not be read, and its
                      own digest
    <cache>/.<form>-<key>.partial/    the same while it is made, without a manifest
    <cache>/.<form>-<key>.lock

form: of what every image becomes, and by which rule. key: of the contents of all files, in order.
An image that is written carries its key, so that whoever goes on knows it from one that is not.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from hashlib import blake2b, file_digest, sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.format import open_memmap

from tlrun.core.errors import Mistake, UserError
from tlrun.data.images.decoded_job import Job
from tlrun.data.images.decoding import CAMERA
from tlrun.store.files import read_json, sync_files, sync_folder, write_json
from tlrun.store.problems import states_of

MANIFEST = "manifest.json"
FILES = ("images.npy", "keys.npy", "contents.npy")
BROKEN = (OSError, ValueError, EOFError)  # of a file that is cut short, or another one
ROOM = 32 * 2**20  # bytes that are left free on the disk


class Decoded(NamedTuple):
    """images: uint8 [N, C, S, S], mapped. keys: uint8 [N, 16].

    unreadable: by position, why a file became no image; its row holds zeros.
    """

    images: np.ndarray
    keys: np.ndarray
    unreadable: dict[int, str]


def kept(job: Job) -> Decoded | None:
    """The entry of a job, if it is there and whole."""
    try:
        manifest = read_json(job.entry / MANIFEST)
        if manifest.pop("manifest") != _digest_of(manifest):
            return None
        if manifest["entry"] != job.entry.name:
            return None
        states = _states(job.entry)
        if states is None or manifest["states"] != states:
            if manifest["files"] != _digests(job.entry):
                job.tell(f"{job.entry} is damaged, and is mended")
                return None
            with suppress(OSError):  # on a disk that is only read, it is used all the same
                _write_manifest(job.entry, {**manifest, "states": states})
        images, keys = (np.load(job.entry / name, mmap_mode="r") for name in FILES[:2])
        unreadable = {int(row): why for row, why in manifest["unreadable"].items()}
    except (*BROKEN, KeyError, TypeError, AttributeError):
        return None
    if (images.shape, images.dtype) != (job.shape, np.uint8) or keys.shape != (len(images), 16):
        return None
    return Decoded(np.asarray(images), np.array(keys), unreadable)


def begin(job: Job) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The images and keys of an entry, to be written, and which rows are done already, bool [N].

    Raises UserError where there is no room for it, and OSError.
    """
    if other := _whose(job):
        job.tell(f"{job.entry} is that of {other}, which was moved or copied here: made again")
        shutil.rmtree(job.entry)
    if job.entry.exists():  # damaged: its images that are whole are kept
        shutil.rmtree(job.partial, ignore_errors=True)
        job.entry.rename(job.partial)
        (job.partial / MANIFEST).unlink(missing_ok=True)
    images, keys = _opened(job)
    done = _whole(images, keys)
    done |= _borrowed(job, images, keys, done)
    return images, keys, done


def finish(job: Job, unreadable: dict[int, str]) -> None:
    """Give an entry that is written its name. unreadable: by row, why there is no image."""
    sync_files(job.partial)
    facts = {
        "entry": job.entry.name,
        "files": _digests(job.partial),
        "unreadable": unreadable,
    }
    _write_manifest(job.partial, {**facts, "states": _states(job.partial)})
    job.partial.rename(job.entry)
    sync_folder(job.cache)


def key_of(image: np.ndarray) -> np.ndarray:
    """16 bytes, uint8 [16], of the bytes of an image."""
    return np.frombuffer(_key(image), np.uint8)


def _whose(job: Job) -> str:
    """The name of the entry that stands in the place of a job's; empty where it is its own."""
    with suppress(OSError, ValueError, KeyError):
        name = str(read_json(job.entry / MANIFEST)["entry"])
        return name if name != job.entry.name else ""
    return ""


def _opened(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Images and keys of the partial entry, to be written; gone on with where it is there."""
    wanted = dict(zip(FILES, (job.shape, (len(job.paths), 16)), strict=False))
    with suppress(*BROKEN):
        there = [np.load(job.partial / name, mmap_mode="r+") for name in wanted]
        sums = np.load(job.partial / FILES[2])
        fitting = [
            array.shape == shape for array, shape in zip(there, wanted.values(), strict=True)
        ]
        if all(fitting) and np.array_equal(sums, job.contents):
            return there[0], there[1]
    shutil.rmtree(job.partial, ignore_errors=True)
    size = int(np.prod(job.shape))
    free = shutil.disk_usage(job.cache).free
    if free < size + ROOM:
        raise UserError(
            Mistake(
                "dataset.cache",
                expected=f"room for {size / 1e6:,.0f} MB of decoded images",
                found=f"{free / 1e6:,.0f} MB free in {job.cache}",
                hint="try a smaller dataset.size, or a dataset.cache on another disk",
            )
        )
    job.tell(f"decoding {len(job.paths):,} images into {job.cache}, once: {size / 1e6:,.1f} MB")
    try:
        job.partial.mkdir()
        np.save(job.partial / FILES[2], job.contents)
        arrays = []
        for name, shape in wanted.items():
            arrays.append(open_memmap(job.partial / name, "w+", np.uint8, shape))
            _reserve(job.partial / name)
        sync_files(job.partial)
    except OSError:  # a full disk is not filled further
        shutil.rmtree(job.partial, ignore_errors=True)
        raise
    return arrays[0], arrays[1]


def _reserve(path: Path) -> None:
    """Take the room of a file on the disk: one that fills up later would end the process."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _whole(images: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Which rows hold an image that is written whole, bool [N]."""
    done = np.zeros(len(keys), bool)
    for row in np.flatnonzero(keys.any(axis=1)).tolist():
        done[row] = _key(images[row]) == keys[row].tobytes()
    return done


def _borrowed(job: Job, images: np.ndarray, keys: np.ndarray, done: np.ndarray) -> np.ndarray:
    """Copy what other entries of the kind have of the same files; which rows, bool [N]."""
    wanted: dict[bytes, list[int]] = {}
    for row in np.flatnonzero(~done).tolist():
        if job.paths[row].suffix.lower() not in CAMERA:
            wanted.setdefault(job.contents[row].tobytes(), []).append(row)
    copied = np.zeros(len(done), bool)
    for folder in sorted(job.cache.glob(f"*{job.kind}-*")):
        if folder in (job.partial, job.entry) or not folder.is_dir() or not wanted:
            continue
        try:
            theirs, their_keys, sums = (np.load(folder / name, mmap_mode="r") for name in FILES)
            for place, digest in enumerate(np.array(sums)):
                rows = wanted.get(digest.tobytes(), [])
                if rows and _key(theirs[place]) == their_keys[place].tobytes():
                    images[rows], keys[rows], copied[rows] = theirs[place], their_keys[place], True
                    del wanted[digest.tobytes()]
        except (*BROKEN, IndexError):  # half-written, or damaged
            continue
    return copied


def _key(image: np.ndarray) -> bytes:
    return blake2b(image.tobytes(), digest_size=16).digest()


def _states(folder: Path) -> list[Any] | None:
    """What tells whether a file of an entry has changed, wherever the entry is."""
    states = states_of([folder / name for name in FILES])
    return None if states is None else [state[1:6] for state in states]


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for name in FILES:
        with open(folder / name, "rb") as file:
            found[name] = file_digest(file, "sha256").hexdigest()
    return found


def _write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    facts = {key: facts[key] for key in ("entry", "files", "unreadable", "states")}
    facts = json.loads(json.dumps(facts))
    write_json(folder / MANIFEST, {**facts, "manifest": _digest_of(facts)})


def _digest_of(facts: dict[str, Any]) -> str:
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
