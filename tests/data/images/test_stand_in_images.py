import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlrun.data.images import stand_in_images
from tlrun.data.images.stand_in_images import CLASSES, made


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in_images, "TRAIN", 400)
    monkeypatch.setattr(stand_in_images, "TEST", 200)


def test_they_have_cifars_shape_and_as_many_of_each_class() -> None:
    images = made()

    for part, n in ((images.train, 400), (images.test, 200)):
        assert part.images.shape == (n, 3, 32, 32)
        assert part.images.dtype == np.uint8
        assert np.bincount(part.labels).tolist() == [n // 10] * 10
    assert len(images.classes) == CLASSES
    assert all("stand-in" in name for name in images.classes)


def test_they_are_the_same_every_time_and_no_two_are_equal() -> None:
    one, other = made(), made()

    for mine, theirs in zip(one[:2], other[:2], strict=True):
        assert np.array_equal(mine.images, theirs.images)
        assert np.array_equal(mine.labels, theirs.labels)
    both = np.concatenate([one.train.images, one.test.images])
    assert len(np.unique(both.reshape(len(both), -1), axis=0)) == len(both)


def test_no_digit_is_shown_in_training_and_in_test(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[set[bytes]] = []
    placed = stand_in_images._placed

    def noted(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shown.append({one.tobytes() for one in ink})
        return placed(ink, rng)

    monkeypatch.setattr(stand_in_images, "_placed", noted)
    made()

    train, test = shown
    assert len(train) > 300
    assert len(test) > 150
    assert not train & test


def test_the_digit_can_be_seen() -> None:
    """On average, where a class's digits have ink its images are lighter."""
    images = made()
    pixels, digits = load_digits(return_X_y=True)
    for k in range(CLASSES):
        light = images.train.images[images.train.labels == k].mean((0, 1))
        ink = pixels[digits == k].mean(0).reshape(8, 8).repeat(3, axis=0).repeat(3, axis=1)

        assert np.corrcoef(light[4:28, 4:28].ravel(), ink.ravel())[0, 1] > 0.5
