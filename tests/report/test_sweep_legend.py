from typing import Any

import pytest
from sweeps_shown import said, seeds

from problems import outcome


def test_the_legend_says_what_all_arms_have_in_common() -> None:
    text = said([("a", seeds(0.5, 0.6))])

    assert "same test examples" in text
    assert "All networks have the same optimizer settings." in text


def test_the_legend_does_not_say_of_seeds_with_examples_of_their_own_that_they_share_them() -> None:
    """`dataset.split_seed=null` draws other test examples for every seed."""
    outcomes = seeds(0.5, 0.6)
    outcomes[1] = [outcome(test=0.6, seed=1, test_examples="others")]
    text = said([("a", outcomes)])

    assert "same test examples" not in text
    assert "every seed on test examples of its own" in text
    assert "in some rows every seed on test examples" in said(
        [("a", outcomes), ("b", seeds(0.5, 0.6))]
    )


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({"name": "adam", "lr": 0.1}, "optimizer.lr"),
        ({"name": "sgd", "lr": 0.003}, "optimizer"),
        ({"name": "adam", "lr": 0.003, "weight_decay": 0.1}, "optimizer.weight_decay"),
    ],
)
def test_the_legend_names_what_arms_of_other_optimizers_differ_in(
    other: dict[str, Any], key: str
) -> None:
    """As of a sweep over `optimizer.lr`."""
    text = said([("a", [[outcome()]]), ("b", [[outcome(optimizer=other, setting="t")]])])

    assert "same optimizer settings" not in text
    assert f"Networks differ in {key}; a control has what its run has." in text


def test_where_nothing_is_compared_no_gain_is_explained() -> None:
    assert "over X: gain" in said([("a", seeds(0.5))])
    assert "over X" not in said([("a", [[outcome()]])])


def test_what_has_no_optimizer_differs_in_none() -> None:
    outside = outcome("linear_model", optimizer={}, setting="t")

    assert "All networks have the same optimizer settings." in said([("a", [[outcome(), outside]])])
