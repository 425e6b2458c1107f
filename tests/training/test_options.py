import pytest

from tlrun.data.base import Change
from tlrun.training.options import TrainerOptions


@pytest.mark.parametrize(
    "augment", [("color", "flip"), ("flip", "color"), ("flip", "flip", "color", "flip")]
)
def test_the_same_changes_are_one_spelling(augment: tuple[Change, ...]) -> None:
    assert TrainerOptions(augment=augment) == TrainerOptions(augment=("flip", "color"))


def test_nothing_is_changed_unless_asked_for() -> None:
    assert TrainerOptions().augment is None
