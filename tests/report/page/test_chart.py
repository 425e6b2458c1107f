import math
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from tlrun.report.answer import Chart, Figure, Line, Point
from tlrun.report.page.chart import NARROW, WIDE, Form, draw, values_of

from report.page.examples import curves, labels_chart, lam_chart, many_arms, score

BOTH = pytest.mark.parametrize("form", [WIDE, NARROW], ids=["wide", "narrow"])


def words(svg: str, kind: str = "") -> list[tuple[float, float, str]]:
    """(x, y, text) of the texts whose class has `kind`."""
    return [
        (float(e.get("x", "")), float(e.get("y", "")), e.text or "")
        for e in ET.fromstring(svg).iter("text")
        if kind in (e.get("class") or "").split() or not kind
    ]


@BOTH
@pytest.mark.parametrize("chart", [lam_chart(), labels_chart(), curves()], ids=lambda c: c.kind)
def test_everything_drawn_lies_within_the_drawing(chart: Chart, form: Form) -> None:
    svg = draw(chart, form)

    _, _, width, height = map(float, (ET.fromstring(svg).get("viewBox") or "").split())
    numbers = re.findall(r'points="([^"]+)"', svg)
    for pair in " ".join(numbers).split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= width
        assert 0 <= y <= height
    for x, y, _ in words(svg):
        assert 0 <= x <= width
        assert 0 < y <= height


@BOTH
def test_every_line_and_level_is_named(form: Form) -> None:
    names = {text for _, _, text in words(draw(lam_chart(), form), "name")}

    assert names == {
        "parameter transfer",
        "feature transfer, φ frozen",
        "pooled (joint)",
        "source model untouched",
        "scratch",
    }


def test_names_beside_do_not_lie_upon_each_other() -> None:
    for chart in (lam_chart(), *many_arms(30).charts):
        heights = sorted(y for _, y, _ in words(draw(chart, WIDE), "name"))

        assert all(after - before >= 17 for before, after in pairwise(heights))


@BOTH
def test_ends_of_the_axis_are_named_and_infinity_lies_behind_a_break(form: Form) -> None:
    svg = draw(lam_chart(), form)

    assert {text for _, _, text in words(svg, "end")} == set(lam_chart().ends.values())
    assert svg.count('class="rift"') == 4
    at = {text: x for x, _, text in words(svg, "tick")}
    assert at["0"] < at["0.1"] < at["1"] < at["10"] < at["∞"]


@BOTH
def test_percentages_are_written_as_percentages(form: Form) -> None:
    texts = [text for _, _, text in words(draw(lam_chart(), form), "tick")]

    assert texts[:5] == ["35", "40", "45", "50", "55"]


@BOTH
@pytest.mark.parametrize("at", [0.0, math.inf])
def test_one_point_at_an_end_is_drawn(at: float, form: Form) -> None:
    chart = replace(lam_chart(), lines=(Line("a", (Point(at, "x", score(50, 1)),)),), levels=())

    svg = draw(chart, form)

    assert "whisker" in svg
    assert 'class="rift"' not in svg


@BOTH
@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_without_a_figure_there_is_no_drawing(value: float | None, form: Form) -> None:
    none = Line("a", (Point(1.0, "1", Figure("–", value)),))

    assert draw(replace(lam_chart(), lines=(none,), levels=()), form) == ""
    assert draw(replace(lam_chart(), lines=(), levels=()), form) == ""
    assert draw(replace(lam_chart(), lines=(none,)), form) != ""


@BOTH
def test_levels_without_lines_are_drawn(form: Form) -> None:
    assert draw(replace(lam_chart(), lines=()), form).count('class="level"') == 3


def test_long_names_are_cut_to_the_margin() -> None:
    chart = lam_chart()
    long = replace(chart, lines=(replace(chart.lines[0], label="x" * 200),))

    names = [text for _, _, text in words(draw(long, WIDE), "name")]

    assert any(text.endswith("…") and len(text) < 50 for text in names)


def test_ticks_that_would_touch_are_left_without_a_number() -> None:
    points = tuple(Point(float(k), f"{k}", score(50, 1)) for k in range(1, 101))
    chart = replace(labels_chart(), lines=(Line("a", points),))

    places = sorted(x for x, y, _ in words(draw(chart, NARROW), "tick") if x > NARROW.left)

    assert 2 < len(places) < 100


def test_every_figure_counts() -> None:
    assert len(values_of(lam_chart())) == 13
