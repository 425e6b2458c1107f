"""The images of folders as inputs: decoded, in one size and in grey or colour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from tlrun.core.errors import Mistake, UserError, say
from tlrun.core.mapped import Mapped
from tlrun.core.paths import own_path
from tlrun.data.images.contents import Content, contents
from tlrun.data.images.decoded import decoded
from tlrun.data.images.decoding import Form
from tlrun.data.images.folder_domains import Found
from tlrun.data.images.folder_options import FolderOptions
from tlrun.data.images.folders import Photo, listed
from tlrun.data.load_report import few

FIRST = 3  # unreadable files that are named


class Images(NamedTuple):
    """photos: those that are read. inputs: uint8 [N, C, S, S], of each. notes: for the user.

    form: of every image.
    """

    photos: list[Photo]
    inputs: Mapped
    form: Form
    notes: list[str]


def images_of(found: Found, options: FolderOptions, tell: Callable[[str], None] = say) -> Images:
    """Every image that was found, decoded now or before. tell: of what takes long.

    Raises UserError for files that become no image, unless they are to be skipped, and as
    `decoded.decoded` does.
    """
    cache = _cache(options.cache)
    known: list[Content] = []
    for root, photos in found.roots.items():
        known += contents(root, [photo.path for photo in photos], cache, tell)
    colour = sum(content.colour for content in known)
    channels: Literal[1, 3] = options.channels or (3 if colour else 1)
    form = Form(options.size, options.fit, channels)
    photos = found.photos
    digests = [content.digest for content in known]
    images, keys, unreadable = decoded([one.path for one in photos], digests, form, cache, tell)
    if unreadable and options.unreadable == "refuse":
        named = [f"{photos[row].path}: {why}" for row, why in sorted(unreadable.items())]
        more = f" and {len(named) - FIRST} more" if len(named) > FIRST else ""
        raise UserError(
            Mistake(
                "dataset.path",
                expected="files that are images",
                found=f"{len(named)} of {len(photos)} that are not: "
                f"{', '.join(named[:FIRST])}{more}",
                hint="mend or remove them, or try dataset.unreadable=skip",
            )
        )
    rows = np.array([row for row in range(len(photos)) if row not in unreadable], dtype=np.int64)
    notes = _notes(found, form, colour, [photos[row] for row in sorted(unreadable)])
    return Images([photos[row] for row in rows], Mapped(images, keys, rows), form, notes)


def _notes(found: Found, form: Form, colour: int, skipped: list[Photo]) -> list[str]:
    """What was made of the files, a line each."""
    count = len(found.photos)
    channels = "in grey, one channel" if form.channels == 1 else "in colour, three channels"
    if form.channels == 3 and colour < count:
        channels += f" (grey repeated in {count - colour} of {count})"
    elif form.channels == 1 and colour:
        channels += f" ({colour} of {count} files are in colour)"
    notes = [f"images: {form.words}; {channels}"]
    if found.guessed:
        labels = sorted({photo.label for photo in found.photos})
        notes.append(
            f"read as folders of domains ({few(list(found.roles))}) with folders of classes "
            f"({few(labels)}); with dataset.layout=class the first are the classes"
        )
    if skipped:
        notes.append(f"files that are no image, skipped: {len(skipped)}, first {skipped[0].path}")
    if found.left_out:
        notes.append(f"left out: {listed(found.left_out)}")
    if found.deeper:
        notes.append(
            f"images in folders within that of their class, read as its own: {found.deeper}"
        )
    return notes


def _cache(folder: str) -> Path:
    """The folder of decoded images."""
    return own_path(folder, "dataset.cache", "a folder", "try a whole path").absolute()
