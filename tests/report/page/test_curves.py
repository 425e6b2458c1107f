import math
from xml.etree import ElementTree as ET

import pytest

from tlrun.report.answer import Figure, Line, Point
from tlrun.report.page.curves import (
    COLOURS,
    Plane,
    band,
    curve,
    kind_of,
    marks,
    pieces,
    place_of,
)
from tlrun.report.page.scales import Scale
from tlrun.report.page.x_axis import XAxis

PLANE = Plane(
    XAxis({0.0: 0.0, 1.0: 100.0, 2.0: 200.0, math.inf: 300.0}, (), (250.0,)), Scale(0, 1, 100, 0)
)


def point(at: float, value: float | None, half: float | None = None) -> Point:
    if value is None or half is None:
        return Point(at, f"{at}", Figure("–", value))
    return Point(at, f"{at}", Figure("–", value, value - half, value + half))


def strokes(line: Line) -> list[tuple[str | None, str | None]]:
    found = ET.fromstring(curve(line, 0, PLANE)).findall("polyline")
    return [(part.get("points"), part.get("class")) for part in found]


def test_a_point_without_a_value_interrupts_the_line() -> None:
    line = Line("a", (point(0, 0.5), point(1, None), point(2, 0.5), point(math.inf, math.nan)))

    assert [len(part) for part in pieces(line, PLANE)] == [1, 1]
    assert strokes(line) == []


def test_points_are_joined_by_where_they_are_not_by_when_they_come() -> None:
    assert strokes(Line("a", (point(2, 0.0), point(0, 1.0), point(1, 0.5)))) == [
        ("0,0 100,50 200,100", None)
    ]


def test_the_stroke_across_a_break_is_dashed() -> None:
    line = Line("a", (point(1, 0.0), point(2, 0.0), point(math.inf, 1.0)))

    assert strokes(line) == [("100,100 200,100", None), ("200,100 300,0", "across")]


def test_a_band_goes_around_every_interval() -> None:
    line = Line("a", (point(0, 0.5, 0.1), point(1, 0.5, 0.2)))

    found = ET.fromstring(band(line, 0, PLANE)).find("polygon")
    assert found is not None
    assert found.get("points") == "0,60 100,70 100,30 0,40"


def test_a_lone_interval_is_a_whisker_and_none_is_nothing() -> None:
    assert "whisker" in band(Line("a", (point(0, 0.5, 0.1),)), 0, PLANE)
    assert len(ET.fromstring(band(Line("a", (point(0, 0.5),)), 0, PLANE))) == 0


def test_a_place_has_both_ends_or_none() -> None:
    whole = place_of(1, Figure("", 0.5, 0.4, 0.6), PLANE)
    half = place_of(1, Figure("", 0.5, 0.4, math.inf), PLANE)

    assert whole is not None
    assert half is not None
    assert (whole.x, whole.y, whole.low, whole.high) == pytest.approx((100, 50, 60, 40))
    assert (half.low, half.high) == (None, None)
    assert place_of(7, Figure("", 0.5), PLANE) is None


def test_twelve_lines_differ_in_colour_or_in_mark() -> None:
    lines = [Line(f"{k}", ()) for k in range(2 * COLOURS)]

    looks = {(kind_of(line, k), marks([(0, 0)], k)) for k, line in enumerate(lines)}

    assert len(looks) == 2 * COLOURS
    assert kind_of(Line("scratch", (), control=True), 0) == "control"


def test_long_curves_have_few_marks() -> None:
    ats = {float(k): float(k) for k in range(500)}
    line = Line("a", tuple(point(at, 0.5) for at in ats))

    drawn = curve(line, 0, Plane(XAxis(ats, ()), PLANE.y))

    assert drawn.count("M") <= 8
