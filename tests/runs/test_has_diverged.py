import math
from typing import Any

import pytest

from tlrun.runs.has_diverged import FAR, has_diverged, how_far

TOLD = {"task": "target/kind", "loss": 3e30, "constant": 2.3}


def result(loss: float | None, labels: int = 9, **tested: Any) -> dict[str, Any]:
    return {
        "headline": {"name": "target accuracy", "test": 0.1, "tasks": {"d/t": "accuracy"}},
        "metrics": {"test": {"d/t": {"loss": loss}}},
        "tested": {"d/t": {"labels": labels, **tested}},
    }


def test_what_run_json_says_counts_whatever_the_loss() -> None:
    """Of a source unlike its target the test loss is far, and nothing has diverged."""
    assert has_diverged({"diverged": TOLD}, result(0.1))
    assert not has_diverged({"diverged": None}, result(1e9))


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_without_it_the_loss_is_measured_by_one_answer_for_all(classes: int) -> None:
    counts = dict.fromkeys(map(str, range(classes)), 3)
    for share, far in ((0.9, False), (1.1, True)):
        assert has_diverged({}, result(share * FAR * math.log(classes), classes=counts)) == far
        assert has_diverged({}, result(share * FAR)) == far
    assert has_diverged({}, result(None))
    assert not has_diverged({}, result(None, labels=0))


@pytest.mark.parametrize("key", ["headline", "metrics", "tested"])
def test_results_of_another_shape_have_not(key: str) -> None:
    others: tuple[Any, ...] = (None, 3, [], "x", {"test": 3, "d/t": 3, "tasks": 3})
    for other in others:
        assert not has_diverged({}, result(1.0) | {key: other})


def test_how_far_is_said_where_it_is_known() -> None:
    said = how_far({"diverged": TOLD})

    assert said.startswith(
        "test loss 3e+30 of target/kind, of one answer for all 2.3; try a smaller"
    )
    others: tuple[Any, ...] = (None, 3, [], {}, TOLD | {"loss": "x"}, TOLD | {"loss": None})
    for other in others:
        assert how_far({"diverged": other}) == ""
    assert how_far({}) == ""
