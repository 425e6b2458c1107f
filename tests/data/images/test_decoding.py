import re
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Transpose

from tlrun.data.images import decoding
from tlrun.data.images.decoding import Fit, Form, Unreadable, decode, is_colour, quiet, rule

SQUARE = Form(8, "crop", 3)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(width: int = 16, height: int = 16) -> Image.Image:
    """Another colour in each corner."""
    image = Image.new("RGB", (width, height), (0, 0, 250))
    image.paste((250, 0, 0), (0, 0, width // 2, height // 2))
    image.paste((0, 250, 0), (width // 2, 0, width, height // 2))
    return image


def read(content: bytes, form: Form = SQUARE) -> np.ndarray:
    with quiet():
        return decode(content, ".png", form)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, None),
        (2, Transpose.FLIP_LEFT_RIGHT),
        (3, Transpose.ROTATE_180),
        (4, Transpose.FLIP_TOP_BOTTOM),
        (5, Transpose.TRANSPOSE),
        (6, Transpose.ROTATE_90),  # the turn that the viewer undoes
        (7, Transpose.TRANSVERSE),
        (8, Transpose.ROTATE_270),
    ],
)
def test_every_orientation_gives_the_upright_picture(
    orientation: int, turn: Transpose | None, kind: str
) -> None:
    upright = picture(16, 12)
    held = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    content = saved(held, kind, exif=exif, **options.get(kind, {}))

    difference = read(content).astype(int) - read(saved(upright)).astype(int)

    assert np.abs(difference).max() <= (6 if kind == "JPEG" else 0)


def test_every_way_to_write_a_colour_is_read_as_that_colour() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    files = [
        saved(red),
        saved(red.convert("P")),
        saved(red.convert("RGBA")),
        saved(red.convert("CMYK"), "TIFF"),
        saved(red, "BMP"),
        saved(red, "GIF"),
        saved(red, "WEBP", lossless=True),
        saved(red, "PPM"),
        saved(red.convert("P"), "PNG", transparency=200),
    ]

    for content in files:
        pixels = read(content)
        assert pixels.shape == (3, 8, 8)
        assert pixels.dtype == np.uint8
        assert pixels[:, 4, 4].tolist() == [255, 0, 0]
    for content in (saved(red.convert("CMYK"), "JPEG"), saved(red.convert("YCbCr"), "JPEG")):
        assert np.abs(read(content)[:, 4, 4].astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_what_shines_through_shows_white(mode: str) -> None:
    if mode in ("P", "L"):  # one value that is transparent
        image = Image.new("L", (8, 8), 7).convert(mode)
        content = saved(image, "PNG", transparency=7)
    else:
        content = saved(Image.new(mode, (8, 8)))

    assert read(content).min() == 255


def test_half_transparent_is_half_white() -> None:
    content = saved(Image.new("RGBA", (8, 8), (0, 0, 0, 128)))

    assert set(read(content).ravel().tolist()) == {127}


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_is_one_channel_or_three_alike(mode: str) -> None:
    content = saved(picture().convert(mode))
    one, three = read(content, Form(8, "crop", 1)), read(content)

    assert one.shape == (1, 8, 8)
    assert len(set(one.ravel().tolist())) > 1
    assert all(np.array_equal(one[0], channel) for channel in three)
    assert not is_colour(content, ".png")
    assert is_colour(saved(picture()), ".png")
    assert is_colour(saved(picture().convert("P")), ".png")


@pytest.mark.parametrize("width", [16, 48])
def test_the_middle_is_cropped_all_is_squashed_or_padded_with_black(width: int) -> None:
    image = Image.new("L", (width, 16), 200)
    image.paste(100, (0, 0, (width - 16) // 2, 16))
    image.paste(100, (width - (width - 16) // 2, 0, width, 16))

    def by(fit: Fit) -> np.ndarray:
        plane: np.ndarray = read(saved(image), Form(12, fit, 1))[0]
        return plane

    # what is beside the crop weighs at its edge, as it does where one resizes first
    assert set(by("crop")[:, 1:-1].ravel().tolist()) == {200}
    if width > 16:
        assert by("squash")[:, 0].tolist() == [100] * 12
        assert by("squash")[:, 6].tolist() == [200] * 12
        assert set(by("pad")[:4].ravel().tolist()) == {0} == set(by("pad")[8:].ravel().tolist())
        assert by("pad")[4:8, 0].tolist() == [100] * 4
    else:
        assert np.array_equal(by("squash"), by("crop"))
        assert np.array_equal(by("pad"), by("crop"))


def test_an_image_of_the_size_asked_for_is_its_own_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)

    assert np.array_equal(read(saved(Image.fromarray(pixels))), pixels.transpose(2, 0, 1))


def test_a_large_jpeg_is_read_small_and_looks_the_same() -> None:
    image = picture(640, 480).resize((640, 480))
    small, whole = read(saved(image, "JPEG", quality=95)), read(saved(image))

    assert np.abs(small.astype(int) - whole).max() <= 12


def test_of_a_phones_jpeg_the_first_picture_is_read() -> None:
    file = BytesIO()
    other = Image.new("RGB", (16, 16), (9, 9, 9))
    picture().save(file, "MPO", save_all=True, append_images=[other], quality=95)

    assert read(file.getvalue())[0, 0, 0] > 200


def frames(kind: str) -> bytes:
    others = [Image.new("RGB", (16, 16), colour) for colour in ("white", "red")]
    return saved(picture(), kind, save_all=True, append_images=others)


def bad_size() -> bytes:
    content = bytearray(saved(Image.new("L", (1, 1)), "PPM"))
    return bytes(content.replace(b"1 1", b"0 1", 1))


SIXTEEN = np.arange(256, dtype=np.uint16).reshape(16, 16) * 200
REFUSED: list[tuple[Callable[[], bytes], str]] = [
    (lambda: b"", r"an empty file"),
    (lambda: b"hello, this is no image", r"no image that Pillow reads"),
    (lambda: saved(picture())[:-40], r"a damaged image \(.*\)|no image .*"),
    (lambda: saved(picture(99, 99), "JPEG")[:-300], r"a damaged image \(image file is truncated.*"),
    (lambda: saved(picture(), "BMP")[:-40], r"a damaged image \(image file is truncated.*"),
    (lambda: saved(picture(), "TIFF")[:-60], r"(a damaged|no) image.*"),
    (lambda: frames("GIF"), r"of 3 frames or pages, not one image"),
    (lambda: frames("TIFF"), r"of 3 frames or pages, not one image"),
    (lambda: frames("WEBP"), r"of 3 frames or pages, not one image"),
    (lambda: frames("PNG"), r"of 3 frames or pages, not one image"),
    (lambda: saved(Image.fromarray(SIXTEEN)), r"an image of 16 or 32 bits a pixel \(mode I.*"),
    (lambda: saved(Image.fromarray(SIXTEEN), "TIFF"), r"an image of 16 or 32 bits a pixel .*"),
    (lambda: saved(Image.new("I", (8, 8)), "TIFF"), r"an image of 16 or 32 bits a pixel .*"),
    (lambda: saved(Image.new("F", (8, 8)), "TIFF"), r"an image of 16 or 32 bits .*mode F.*"),
    (lambda: saved(Image.new("LAB", (8, 8)), "TIFF"), r"an image of mode LAB, neither .*"),
    (bad_size, r"(a damaged|no) image.*|an image of 0x1 pixels"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED)
def test_what_becomes_no_example_is_said(content: Callable[[], bytes], words: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(content())

    assert re.fullmatch(words, str(raised.value)), str(raised.value)


@pytest.mark.parametrize("limit", [10, 200, 255])
def test_more_pixels_than_the_limit_are_refused(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved(picture())
    monkeypatch.setattr(decoding, "LIMIT", limit)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit // 2)

    with pytest.raises(Unreadable, match=r"^of (16x16|more than)"):
        read(content)


def test_what_a_camera_writes_for_itself_is_never_read_by_its_preview() -> None:
    content = saved(picture(), "TIFF")

    for suffix in (".heic", ".dng"):
        assert not is_colour(content, suffix)
        with pytest.raises(Unreadable, match=f"^a {suffix[1:].upper()} file"):
            decode(content, suffix, SQUARE)


def test_a_program_is_no_image(tmp_path: Path) -> None:
    content = saved(picture(), "EPS")

    with pytest.raises(Unreadable, match="no image"):
        read(content)


def test_damaged_exif_says_nothing() -> None:
    content = saved(picture(), exif=b"Exif\0\0 no such thing")

    assert np.array_equal(read(content), read(saved(picture())))


def test_the_rule_and_the_words_name_what_decides() -> None:
    assert str(decoding.RULE) in rule()
    assert "PNG" in rule()
    words = [Form(8, fit, 3).words for fit in ("crop", "squash", "pad")]
    assert len(set(words)) == 3
    assert all("8x8" in line for line in words)


def test_warnings_are_kept_from_the_user() -> None:
    with quiet():
        warnings.warn("a palette", stacklevel=1)


def deep_png() -> bytes:
    """A PNG of 16 bits a channel in colour, which Pillow reads and does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return len(data).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")

    head = (4).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])  # 4x4, 16 bits, red green blue
    rows = zlib.compress((b"\0" + bytes(range(24))) * 4)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content", [deep_png(), b"P6 # a comment\n4 4 65535\n" + bytes(96)], ids=["PNG", "PPM"]
)
def test_sixteen_bits_in_colour_are_no_eight(content: bytes) -> None:
    with pytest.raises(Unreadable, match="16 bits a channel"):
        read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"P4\n8 8\n" + bytes(8),
        b"P1\n8 8\n" + b"0101010101010101\n" * 4,
        b"P6\n#" + b"a long comment " * 20 + b"\n4 4\n255\n" + bytes(48),
    ],
    ids=["PBM", "plain PBM", "PPM"],
)
def test_old_formats_of_eight_bits_and_less_are_read(content: bytes) -> None:
    assert read(content).shape == (3, 8, 8)
