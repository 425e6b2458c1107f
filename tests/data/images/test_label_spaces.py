import pytest

from tlrun.core.errors import UserError
from tlrun.data.images.label_spaces import label_spaces

EQUAL = {"a": {"cat", "dog"}, "b": {"dog", "cat"}}
WITHIN = {"a": {"cat", "dog", "owl"}, "b": {"dog", "cat"}}
APART = {"a": {"cat", "dog"}, "b": {"car", "van"}}
PARTLY = {"a": {"cat", "dog"}, "b": {"dog", "owl"}}


@pytest.mark.parametrize("found", [EQUAL, WITHIN])
def test_domains_of_the_same_classes_share_one_task(found: dict[str, set[str]]) -> None:
    spaces = label_spaces(found, "auto")

    assert {space.task for space in spaces.values()} == {"class"}
    assert {space.classes for space in spaces.values()} == {tuple(sorted(found["a"]))}
    assert {space.task for space in label_spaces(found, "own").values()} == {"a", "b"}


def test_domains_with_nothing_in_common_have_a_task_each() -> None:
    spaces = label_spaces(APART, "auto")

    assert [tuple(space) for space in spaces.values()] == [
        ("a", ("cat", "dog")),
        ("b", ("car", "van")),
    ]
    assert label_spaces(APART, "shared")["a"].classes == ("car", "cat", "dog", "van")
    assert label_spaces({"a": {"x", "y"}}, "own")["a"].task == "class"


def test_some_classes_in_common_are_for_the_user_to_decide() -> None:
    with pytest.raises(UserError) as raised:
        label_spaces(PARTLY, "auto")

    assert str(raised.value) == (
        "dataset.classes: expected shared or own, as domains have some of their classes in common, "
        "found auto: a and b both have dog, but not cat, owl; try dataset.classes=shared where "
        "equal names mean the same"
    )
    assert label_spaces(PARTLY, "shared")["b"].classes == ("cat", "dog", "owl")
    assert label_spaces(PARTLY, "own")["b"].classes == ("dog", "owl")


def test_two_of_three_that_are_equal_are_for_the_user_to_decide_too() -> None:
    with pytest.raises(UserError, match=r"a and b both have cat, dog, but not car, van"):
        label_spaces({**EQUAL, "c": {"car", "van"}}, "auto")


def test_a_domain_of_one_class_is_refused() -> None:
    with pytest.raises(UserError, match=r"at least 2 classes, .* in domain b, found only cat; "):
        label_spaces({"a": {"cat", "dog"}, "b": {"cat"}}, "auto")
