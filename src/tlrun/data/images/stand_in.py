"""CIFAR-10, or, where that is asked for and there is no CIFAR-10, what stands in for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tlrun.core.errors import UserError, say
from tlrun.data.images.image_sets import SETS, Images
from tlrun.data.images.on_disk import files_of, folder_of, under
from tlrun.data.images.stand_in_files import CIFAR10, LAYOUT, SUMS, is_there, read, write
from tlrun.data.images.torchvision_sets import in_memory
from tlrun.data.images.torchvision_sets import load as load_set

FOLDER = "stand-in"
HASTE = 10.0  # seconds to wait for a network that need not be there
SIZE = SETS[CIFAR10].size


class Found(NamedTuple):
    """The images that were read, and whether they only stand in for CIFAR-10."""

    images: Images
    is_stand_in: bool


def load(root: str, download: bool, stand_in: bool) -> Found:
    """CIFAR-10 from the folder `root`, as `dataset=pair` reads it.

    download: whether to download it where it is missing.
    stand_in: whether a stand-in, made once and kept in a folder of its own below `root`, is read
        where CIFAR-10 is neither there nor to be downloaded. Once it is made, no download is tried
        any more, so that the runs of one sweep all read the same.

    Raises UserError for files that are missing, damaged or cannot be downloaded; for damaged ones
    there is no stand-in.
    """
    base = under(root)
    there = folder_of(CIFAR10, base) is not None
    if there or not stand_in:
        instead = ", or dataset.stand_in=true to do without them, on made images that say so"
        return Found(load_set(CIFAR10, root, download, SIZE, instead=instead), False)
    place = base / FOLDER
    if not is_there(place):
        if download:
            try:
                return Found(load_set(CIFAR10, root, download, SIZE, patience=HASTE), False)
            except UserError as error:
                if folder_of(CIFAR10, base) is not None:  # it came, and something is wrong with it
                    raise
                say(f"no {CIFAR10}: {error.mistakes[0].found}")
        write(place)
    return Found(in_memory(CIFAR10, place / LAYOUT, SIZE, read), True)


def files(root: str, stand_in: bool) -> Sequence[Path]:
    """The files that `load` reads; none where they have yet to come. Raises as `load` does."""
    base = under(root)
    folder = folder_of(CIFAR10, base)
    if folder is not None:
        return files_of(CIFAR10, folder)
    place = base / FOLDER
    if stand_in and is_there(place):
        return [*files_of(CIFAR10, place / LAYOUT), place / SUMS]
    return []


def is_real(root: str) -> bool:
    """Whether the files of CIFAR-10 itself are there. Raises UserError as `load` does."""
    return folder_of(CIFAR10, under(root)) is not None
