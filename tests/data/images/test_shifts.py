from typing import get_args

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from tlrun.data.datasets.cifar10_domains import Name
from tlrun.data.images import shifts
from tlrun.data.images.shifts import SHIFTS, blur, grey, noise


def images(n: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_there_is_one_for_every_domain() -> None:
    assert tuple(SHIFTS) == get_args(Name)


@pytest.mark.parametrize("name", SHIFTS)
def test_bytes_stay_bytes_of_the_same_shape_and_what_came_in_is_not_touched(name: str) -> None:
    before = images()
    after = SHIFTS[name](before, rng())

    assert after.dtype == np.uint8
    assert after.shape == before.shape
    assert np.array_equal(before, images())
    assert np.array_equal(after, SHIFTS[name](images(), rng()))


@pytest.mark.parametrize("name", SHIFTS)
@pytest.mark.parametrize("value", [0, 255])
def test_the_ends_of_the_scale_do_not_wrap_around(name: str, value: int) -> None:
    after = SHIFTS[name](np.full((5, 3, 32, 32), value, np.uint8), rng())

    assert np.abs(after.astype(int) - value).mean() < shifts.NOISE


def test_grey_is_pillows_luminance_in_three_channels() -> None:
    after = grey(images(), rng())
    theirs = [np.asarray(Image.fromarray(one.transpose(1, 2, 0)).convert("L")) for one in images()]

    assert np.abs(after[:, 0].astype(int) - np.stack(theirs)).max() <= 1
    assert np.array_equal(after[:, 0], after[:, 1])
    assert np.array_equal(after[:, 0], after[:, 2])


def test_blur_is_nearly_a_gaussian_of_root_two_pixels() -> None:
    wide = (0, 0, np.sqrt(2), np.sqrt(2))
    theirs = gaussian_filter(images().astype(float), wide, mode="nearest")

    # at the edges its two passes go on twice
    assert np.abs(blur(images(), rng()) - theirs)[:, :, 4:-4, 4:-4].max() < 8


def test_noise_is_of_its_width_and_no_two_images_have_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    middle = np.full((30, 3, 32, 32), 128, np.uint8)
    monkeypatch.setattr(shifts, "BLOCK", 10)
    after = noise(middle, rng()).astype(int) - 128

    assert abs(after.mean()) < 1
    assert abs(after.std() - shifts.NOISE) < 2  # a few are cut
    assert abs(np.corrcoef(after[0].ravel(), after[10].ravel())[0, 1]) < 0.1
    assert not np.array_equal(after[0], after[1])
    assert not np.array_equal(after, noise(middle, rng(1)).astype(int) - 128)
