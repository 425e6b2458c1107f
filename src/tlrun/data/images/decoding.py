"""One image file to the bytes of an example: upright, of one size, grey or in colour.

Shapes: C channels, 1 or 3; S pixels, height and width of every image.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Fit = Literal["crop", "squash", "pad"]

RULE = 2  # raised with every change of what a file becomes
# Pixels of a file, above which Pillow itself takes it for a decompression bomb.
LIMIT = 178_956_970
# What is read, by Pillow's names; formats that start other programs (EPS) are not among them.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
GREY = ("1", "L", "La", "LA")
COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
DEEP = ("I", "F")  # modes begin so whose numbers have 16 or 32 bits
# What cameras and phones write and Pillow does not read; of some it would find a small preview.
CAMERA = frozenset({".arw", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".nef", ".orf", ".rw2"})
# The head of a PPM file in colour without its comments, up to the largest number in it.
PPM_HEAD, LONGEST = re.compile(rb"P[36]\s+\d+\s+\d+\s+(\d+)\s"), 10_000
ORIENTATION = 0x0112  # the EXIF tag


class Unreadable(ValueError):
    """A file that does not become an example; the message says what it is instead."""


class Form(NamedTuple):
    """What every image becomes: uint8 [channels, size, size].

    fit: crop: the square in its middle; squash: all of it, in other proportions; pad: all of it,
        with black beside it.
    """

    size: int
    fit: Fit
    channels: Literal[1, 3]

    @property
    def words(self) -> str:
        """What is done, for a note."""
        done = {
            "crop": "the square in the middle of each",
            "squash": "each squashed to a square",
            "pad": "each padded with black to a square",
        }
        return f"{done[self.fit]}, resized to {self.size}x{self.size}"


def rule() -> str:
    """All that decides, beside a file and its form, what it becomes: our rule, and Pillow's."""
    import PIL
    from PIL import features

    return json.dumps([RULE, PIL.__version__, features.version("jpg"), _formats()])


@cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow knows."""
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings: what matters of them is an error here.

    It is around a whole folder, not around a file, for warnings are one thing of all threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_colour(content: bytes, suffix: str) -> bool:
    """Whether the head of a file says that it is in colour; what cannot be read says nothing."""
    from PIL import Image

    if suffix in CAMERA:
        return False
    try:
        with Image.open(BytesIO(content), formats=_formats()) as image:
            return image.mode in COLOUR
    except Exception:  # noqa: BLE001  # decoding tells what is wrong
        return False


def decode(content: bytes, suffix: str, form: Form) -> np.ndarray:
    """The example, uint8 [C, S, S], that the bytes of a file become.

    suffix: of the file's name, in small letters, such as .png. Raises Unreadable where they are no
    image, a damaged one, one of several frames or of more than 8 bits, or of more pixels than
    LIMIT.
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    if suffix in CAMERA:
        raise Unreadable(f"a {suffix[1:].upper()} file, which Pillow does not read")
    if not content:
        raise Unreadable("an empty file")
    try:
        with Image.open(BytesIO(content), formats=_formats()) as image:
            _check(image, content)
            # a large JPEG is read at a half, a quarter or an eighth, still twice as large as asked
            image.draft(None, (2 * form.size, 2 * form.size))
            image.load()
            fitted = _fitted(_in_channels(_upright(image), form.channels), form)
    except (Unreadable, MemoryError):
        raise
    except UnidentifiedImageError:
        raise Unreadable("no image that Pillow reads") from None
    except Image.DecompressionBombError:
        raise Unreadable(f"of more than {LIMIT} pixels") from None
    except Exception as error:  # noqa: BLE001  # of a damaged file Pillow raises anything
        words = " ".join(str(error).split()) or type(error).__name__
        raise Unreadable(f"a damaged image ({words})") from None
    pixels = np.asarray(fitted)
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes)


def _check(image: Image, content: bytes) -> None:
    """Raise Unreadable for what the head of a file of this content tells against it."""
    width, height = image.size
    if not width or not height:
        raise Unreadable(f"an image of {width}x{height} pixels")
    if width * height > LIMIT:
        raise Unreadable(f"of {width}x{height} pixels, more than {LIMIT}")
    frames = getattr(image, "n_frames", 1)
    # a phone's JPEG may carry a second picture, made of the first
    if frames > 1 and image.format != "MPO":
        raise Unreadable(f"of {frames} frames or pages, not one image")
    if image.mode.startswith(DEEP):
        raise Unreadable(f"an image of 16 or 32 bits a pixel (mode {image.mode}), not 8")
    if image.mode not in (*GREY, *COLOUR):
        raise Unreadable(f"an image of mode {image.mode}, neither grey nor in colour")
    if _is_deep(content, image):
        raise Unreadable("an image of 16 bits a channel, not 8")


def _is_deep(content: bytes, image: Image) -> bool:
    """Whether a file in colour has 16 bits a channel, eight of which Pillow would drop."""
    if content.startswith(b"\x89PNG"):
        return content[24] > 8  # the bit depth of its header
    if image.format == "PPM":
        head = PPM_HEAD.match(re.sub(rb"#[^\n]*\n", b"\n", content[:LONGEST]))
        return head is not None and int(head[1]) > 255
    return any(";16" in str(tile) for tile in getattr(image, "tile", ()))


def _upright(image: Image) -> Image:
    """The image as it is to be seen; a camera may have been held on its side.

    Formats that Pillow turns by itself say nothing of it once they are loaded.
    """
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001  # damaged EXIF says nothing, to a viewer either
        turn = None
    return image if turn is None else image.transpose(turn)


def _in_channels(image: Image, channels: int) -> Image:
    """The image in grey or in colour, over white where it lets something shine through."""
    from PIL import Image

    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    wanted = "L" if channels == 1 else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _fitted(image: Image, form: Form) -> Image:
    """The image in the size asked for: bilinear, antialiased."""
    from PIL import Image

    size, (width, height) = form.size, image.size
    bilinear = Image.Resampling.BILINEAR
    if form.fit == "squash":
        return image.resize((size, size), bilinear)
    if form.fit == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return image.resize((size, size), bilinear, box=(left, top, left + side, top + side))
    inner = [max(1, round(length * size / max(width, height))) for length in (width, height)]
    padded = Image.new(image.mode, (size, size))
    place = (size - inner[0]) // 2, (size - inner[1]) // 2
    padded.paste(image.resize((inner[0], inner[1]), bilinear), place)
    return padded
