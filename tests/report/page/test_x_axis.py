import math
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.report.answer import Chart, Figure, Line, Point
from tlrun.report.page.x_axis import x_axis

INF = math.inf
Kind = Literal["lam", "labels", "steps"]


def chart(*ats: float, kind: Kind = "lam") -> Chart:
    points = tuple(Point(at, "∞" if at == INF else f"{at:g}", Figure("1", 1.0)) for at in ats)
    return Chart(kind, "t", "λ", "accuracy", "%", (Line("a", points),))


lams = st.lists(st.just(0.0) | st.just(INF) | st.floats(1e-6, 1e6), min_size=1, max_size=20)


@given(lams)
def test_lam_grows_to_the_right_within_the_axis(values: list[float]) -> None:
    axis = x_axis(chart(*values), 50, 350)

    ordered = [axis.places[at] for at in sorted(set(values))]
    assert all(before < after for before, after in pairwise(ordered))
    assert all(50 - 1e-6 <= place <= 350 + 1e-6 for place in ordered)


@pytest.mark.parametrize("value", [0.0, 1.0, INF])
def test_a_single_lam_stands_in_the_middle(value: float) -> None:
    axis = x_axis(chart(value), 0, 100)

    assert dict(axis.places) == {value: 50}
    assert axis.breaks == ()


def test_decades_are_as_far_apart_and_the_ends_lie_behind_breaks() -> None:
    axis = x_axis(chart(0.0, 0.1, 1.0, 10.0, INF), 0, 400)

    assert list(axis.places.values()) == pytest.approx([0, 100, 200, 300, 400])
    assert axis.breaks == pytest.approx((50, 350))
    assert [text for _, text in axis.ticks] == ["0", "0.1", "1", "10", "∞"]
    assert axis.broken(0, 100)
    assert not axis.broken(100, 200)


def test_both_ends_alone_have_one_break() -> None:
    assert x_axis(chart(0.0, INF), 0, 100).breaks == (50,)


def test_labels_are_logarithmic() -> None:
    places = x_axis(chart(1.0, 10.0, 1000.0, kind="labels"), 0, 300).places

    assert places[10.0] == pytest.approx(100)


def test_steps_are_straight_with_round_ticks() -> None:
    axis = x_axis(chart(0.0, 130.0, 610.0, kind="steps"), 0, 100)

    assert [text for _, text in axis.ticks] == ["0", "200", "400", "600", "800"]
    assert axis.places[610.0] == pytest.approx(100 * 610 / 800)


def test_without_a_point_there_is_no_axis() -> None:
    assert x_axis(chart(), 0, 100).ticks == ()
    assert x_axis(chart(math.nan), 0, 100).ticks == ()
