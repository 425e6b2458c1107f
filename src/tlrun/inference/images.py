"""New images as the bytes that a run has learnt from: found, decoded and fitted as those were.

Shapes: N images of C channels, S pixels high and wide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.paths import path_to_read
from tlrun.data.images.decoding import Form, Unreadable, decode, quiet
from tlrun.data.images.folder_tree import PICTURES, read_tree
from tlrun.data.progress import Progress
from tlrun.inference.rows import NEW, Memo, NewRows, Reader, Tell, about_new_rows, refused, silent

WANTED = "paths of images, a folder of them, or uint8 arrays [N, C, H, W]"


def image_reader(form: Mapping[str, Any], tell: Tell = silent) -> Reader:
    """Reads images as those of a folder were read that was learnt from.

    form: its preprocessing.json. tell: is told how far a long reading has come. Raises KeyError,
    TypeError or ValueError where `form` is none.
    """
    made = Form(**form["images"])
    if made.fit not in ("crop", "squash", "pad") or made.channels not in (1, 3):
        raise ValueError(f"expected a form of images, found {made}")

    def read_images(new: Any, memo: Memo) -> NewRows:
        """Raises UserError, naming the file, where one becomes no image."""
        key = ("images", made)
        if key not in memo:
            if hasattr(new, "dtype") and hasattr(new, "shape"):
                memo[key] = NewRows(_of_arrays(np.asarray(new), made))
            else:
                memo[key] = _of_files(new, made, tell)
        found: NewRows = memo[key]
        return found

    return read_images


def _of_files(new: Any, form: Form, tell: Tell) -> NewRows:
    """Images in files, in the order they are given, or of a folder in the order of names."""
    named, told = _files(new)
    progress = Progress("images", len(named), tell)
    decoded = np.empty((len(named), form.channels, form.size, form.size), np.uint8)
    with quiet():
        for place, (_, path) in enumerate(named):
            try:
                decoded[place] = decode(path.read_bytes(), path.suffix.lower(), form)
            except OSError as error:
                raise refused("a file that can be read", f"{path}: {error.strerror}") from None
            except Unreadable as error:
                raise refused("an image", f"{path}: {error}") from None
            progress.at(place + 1)
    return NewRows(decoded, told=tuple(told), files=tuple(name for name, _ in named))


def _files(new: Any) -> tuple[Sequence[tuple[str, Path]], list[str]]:
    """Each file with what it is called, and what is told of others beside them."""
    if isinstance(new, str | Path):
        place = path_to_read(new, NEW, "an image")
        if not place.is_dir():
            return [(place.name, place)], []
        left_out: Counter[str] = Counter()
        with about_new_rows():
            named = list(read_tree(place, left_out, "dataset.path").every())
        if not named:
            raise refused(f"images ({', '.join(sorted(PICTURES))})", f"none in {place}")
        others = ", ".join(f"{count} {what}" for what, count in left_out.items())
        return named, [f"files that are no images, left out: {others}"] if others else []
    if not isinstance(new, Sequence) or not all(isinstance(one, str | Path) for one in new):
        raise refused(WANTED, f"a {type(new).__name__}")
    if not new:
        raise refused("at least one image", "none")
    return [(str(one), path_to_read(one, NEW, "an image")) for one in new], []


def _of_arrays(images: np.ndarray, form: Form) -> np.ndarray:
    """Images in memory; those of the very form are used as they are, others fitted to it."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise refused(WANTED, f"{images.dtype} of shape {list(images.shape)}")
    if not len(images):
        raise refused("at least one image", "none")
    if images.shape[1:] == (form.channels, form.size, form.size):
        return np.ascontiguousarray(images)
    return np.stack([decode(png, ".png", form) for png in map(_as_png, images)])


def _as_png(image: np.ndarray) -> bytes:
    """An image [C, H, W] as a file, which loses nothing: it is then read as all files are."""
    from PIL import Image

    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    written = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(written, "PNG", compress_level=0)
    return written.getvalue()
