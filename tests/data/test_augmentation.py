"""What is done to an example is decided by seed, domain, epoch and row alone."""

import pytest
import torch
from torch import Tensor

from tlrun.data.augmentation import Augmentation
from tlrun.data.base import Change

N = 12
IMAGES = torch.randint(0, 256, (N, 3, 10, 8), dtype=torch.uint8)
EVERY: list[Change] = ["flip", "crop", "color"]


def changed(
    changes: list[Change], rows: list[int], epoch: int = 0, seed: int = 0, domain: str = "d"
) -> Tensor:
    augmentation = Augmentation(changes, N, seed, domain)
    return augmentation(IMAGES[rows], torch.tensor(rows), torch.full((len(rows),), epoch))


def test_it_does_not_depend_on_how_batches_fall() -> None:
    whole = changed(EVERY, list(range(N)))

    assert whole.shape == IMAGES.shape
    assert whole.dtype == torch.uint8
    for rows in ([3], [11, 0, 5], [7, 7]):
        assert torch.equal(changed(EVERY, rows), whole[rows])


def test_each_of_what_decides_it_does() -> None:
    rows = list(range(N))
    found = [
        changed(EVERY, rows),
        changed(EVERY, rows, epoch=1),
        changed(EVERY, rows, seed=1),
        changed(EVERY, rows, domain="e"),
    ]
    for one, image in enumerate(found):
        assert all(not torch.equal(image, other) for other in found[:one])


def test_a_batch_may_hold_several_epochs() -> None:
    augmentation = Augmentation(EVERY, N, 0, "d")
    rows, epochs = torch.tensor([2, 2, 4]), torch.tensor([5, 6, 6])

    found = augmentation(IMAGES[rows], rows, epochs)
    assert torch.equal(found[0], changed(EVERY, [2], epoch=5)[0])
    assert torch.equal(found[1:], changed(EVERY, [2, 4], epoch=6))


def test_a_flip_is_the_image_or_its_mirror_and_each_occurs() -> None:
    found = changed(["flip"], list(range(N)))

    mirrored = [torch.equal(f, i.flip(-1)) for f, i in zip(found, IMAGES, strict=True)]
    same = [torch.equal(f, i) for f, i in zip(found, IMAGES, strict=True)]
    assert [m != s for m, s in zip(mirrored, same, strict=True)] == [True] * N
    assert 0 < sum(same) < N


def test_a_crop_and_a_color_stay_within_the_values_of_the_image() -> None:
    flat = torch.full((N, 3, 10, 8), 100, dtype=torch.uint8)
    rows, epochs = torch.arange(N), torch.zeros(N, dtype=torch.int64)

    assert torch.equal(Augmentation(["crop"], N, 0, "d")(flat, rows, epochs), flat)
    bright = Augmentation(["color"], N, 0, "d")(flat, rows, epochs)
    assert 69 <= int(bright.min()) < int(bright.max()) <= 131


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_in_the_unit_interval_stay_so(channels: int) -> None:
    images = torch.rand(N, channels, 9, 9)
    rows, epochs = torch.arange(N), torch.zeros(N, dtype=torch.int64)

    found = Augmentation(EVERY, N, 0, "d")(images, rows, epochs)
    assert found.dtype == torch.float32
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert not torch.equal(found, images)
