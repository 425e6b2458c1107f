import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tlrun.report.answer import Figure, Gain
from tlrun.report.page.strip import EDGE, WIDTH, StripScale, strip, strip_scale

from report.page.examples import arm, gain, noise_study

SCALE = StripScale(-10, 10)


def drawn(found: Gain, scale: StripScale = SCALE) -> dict[str, int]:
    """How many elements of each class the strip of a gain in whole numbers has."""
    counts: dict[str, int] = {}
    for part in ET.fromstring(strip(found, scale)):
        name = part.get("class") or part.tag
        counts[name] = counts.get(name, 0) + 1
    return counts


def of(value: float | None, low: float | None, high: float | None) -> Gain:
    return Gain("scratch", True, Figure("text", value, low, high, 10), "above")


def test_every_gain_of_the_study_lies_on_its_scale_with_0() -> None:
    study = noise_study()

    scale = strip_scale(study.arms, study.delta)

    assert scale is not None
    for one in study.arms:
        for found in one.gains:
            assert found.figure.low is not None
            assert found.figure.high is not None
            assert scale.low <= found.figure.low < found.figure.high <= scale.high
    assert scale.low <= 0 <= scale.high
    assert scale.delta == 0.01


def test_one_that_lies_far_out_does_not_press_the_others_together() -> None:
    lost = arm("diverged", "1", 2.0, (-4000.0, None, None))

    scale = strip_scale((*noise_study().arms, lost), None)

    assert scale is not None
    assert scale.low > -1
    assert drawn(lost.gains[0], scale).get("arrow") == 1
    assert "dot" not in drawn(lost.gains[0], scale)


def test_without_a_gain_there_is_no_scale() -> None:
    assert strip_scale((), None) is None
    none = replace(arm("a", "1", 1.0, (None, None, None)), gains=(of(None, None, None),))
    assert strip_scale((none,), None) is None
    zero = replace(none, gains=(of(0.0, 0.0, 0.0),))
    assert strip_scale((zero,), None) is None


def test_an_interval_within_the_scale_has_a_whisker_a_dot_and_0() -> None:
    assert drawn(of(2, 1, 3)) == {"title": 1, "desc": 1, "zero": 1, "whisker": 1, "dot": 1}


@pytest.mark.parametrize(("low", "high", "arrows"), [(-11, 3, 1), (1, 11, 1), (-11, 11, 2)])
def test_an_end_beyond_the_scale_has_an_arrow(low: float, high: float, arrows: int) -> None:
    assert drawn(of(2, low, high))["arrow"] == arrows


def test_without_an_interval_there_is_no_whisker() -> None:
    assert "whisker" not in drawn(of(2, None, None))
    assert "whisker" not in drawn(of(2, math.nan, math.nan))


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_without_a_value_there_is_no_picture(value: float | None) -> None:
    assert strip(of(value, None, None), SCALE) == ""


def test_what_counts_as_the_same_is_a_field_around_0() -> None:
    found = ET.fromstring(strip(of(2, 1, 3), replace(SCALE, delta=1.0)))

    field = found.find("rect")
    assert field is not None
    start, width = float(field.get("x", "")), float(field.get("width", ""))
    assert start + width / 2 == pytest.approx(SCALE.at(0), abs=0.1)


def test_what_is_shown_tells_by_shape_too() -> None:
    kinds = [strip(gain("scratch", mean, 1.0), StripScale(-0.1, 0.1)) for mean in (5, -5, 0.2)]

    assert ["strip above" in kinds[0], "strip below" in kinds[1], "strip neither" in kinds[2]] == [
        True
    ] * 3
    assert "shown below 0" in kinds[1]
    shapes = [next(p.get("d") for p in ET.fromstring(k) if p.get("class") == "dot") for k in kinds]
    assert "a" in (shapes[0] or "")
    assert "a" not in (shapes[1] or "")


def test_the_scale_keeps_clear_of_the_edges() -> None:
    assert SCALE.at(-10) == EDGE
    assert SCALE.at(10) == WIDTH - EDGE
