import math

import numpy as np
import pytest

from tlrun.report.statistics.best import Interval, best
from tlrun.report.statistics.over_seeds import paired_interval

SHIFTS = (0, 1, 2, 2)


def over(scores: dict[str, np.ndarray]) -> dict[tuple[str, str], Interval]:
    """Of every two arms the t interval of the first's gains over the second."""

    def interval(gains: np.ndarray) -> Interval:
        def at(level: float) -> tuple[float, float]:
            mean, half = paired_interval(gains.tolist(), level)
            return mean - half, mean + half

        return at

    return {
        (one, other): interval(scores[one] - scores[other]) for one in scores for other in scores
    }


def marked(scores: dict[str, np.ndarray], alpha: float = 0.05) -> frozenset[str]:
    means = {arm: float(np.mean(of_arm)) for arm, of_arm in scores.items()}
    intervals = over(scores)
    return best(means, lambda one, other: intervals[one, other], alpha)


def test_the_top_arm_and_what_is_not_shown_to_be_worse() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=10)
    scores = {
        "top": 10 + rng.normal(size=10),
        "near": 9.9 + rng.normal(size=10),
        "far": 2 + noise,
    }

    assert marked(scores) == {"top", "near"}
    assert marked({"one": noise}) == {"one"}
    assert best({}, lambda one, other: lambda level: (0.0, 0.0)) == frozenset()


def test_the_level_is_shared_by_all_other_arms() -> None:
    asked = []

    def interval(one: str, other: str) -> Interval:
        def at(level: float) -> tuple[float, float]:
            asked.append((one, other, round(level, 9)))
            return -1.0, 1.0

        return at

    best({"a": 1.0, "b": 3.0, "c": 2.0}, interval, 0.1)
    assert sorted(asked) == [("b", "a", 0.95), ("b", "c", 0.95)]


def test_what_cannot_be_compared_is_not_shown_to_be_worse() -> None:
    gone = best({"a": 1.0, "b": 2.0}, lambda one, other: lambda level: (math.nan, math.nan))

    assert gone == {"a", "b"}


def test_a_lower_alpha_leaves_out_no_more() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        scores = {
            arm: shift + rng.normal(size=8) for arm, shift in zip("abcd", SHIFTS, strict=True)
        }
        assert marked(scores, 0.1) <= marked(scores, 0.01)


@pytest.mark.slow
def test_of_six_equal_arms_nearly_all_are_marked() -> None:
    """Each arm is left out with probability α/2 at most, the best of unequal ones too."""
    rng = np.random.default_rng(2)
    left_out = lost = 0
    for _ in range(2000):
        scores = {arm: rng.normal(size=10) for arm in "abcdef"}
        left_out += 6 - len(marked(scores))
        scores["a"] = scores["a"] + 0.3
        lost += "a" not in marked(scores)

    print(f"left out {left_out / 12000:.4f}, the best {lost / 2000:.4f}")
    assert left_out / (6 * 2000) < 0.025
    assert lost / 2000 < 0.025
