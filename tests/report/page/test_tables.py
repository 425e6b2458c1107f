import math
from dataclasses import replace

import pytest

from tlrun.report.answer import Figure
from tlrun.report.page.tables import (
    STRONGEST,
    chart_rows,
    controls_of,
    count,
    facts,
    gain_over,
    in_points,
    levels_of,
    seconds,
    seeds_of,
    shades,
    when,
)

from report.page.examples import CONTROLS, lam_chart, noise_study


def test_every_control_is_a_column_once() -> None:
    arms = noise_study().arms

    assert controls_of(arms) == tuple((name, name != CONTROLS[2]) for name in CONTROLS)
    assert controls_of(()) == ()


def test_a_gain_is_found_by_its_control() -> None:
    first = noise_study().arms[0]

    found = gain_over(first, "scratch")

    assert found is not None
    assert found.figure.text == "+14.9 ± 1.3"
    assert gain_over(first, "ridge") is None


def test_how_many_seeds() -> None:
    assert seeds_of([Figure("1", n=10), Figure("–"), Figure("2", n=10)]) == "10"
    assert seeds_of([Figure("1", n=10), Figure("2", n=8)]) == "8 to 10"
    assert seeds_of([]) == ""


def test_levels_of_intervals() -> None:
    some = Figure("1", 1.0, 0.0, 2.0, 10, 0.95)

    assert levels_of([some]) == "95 %"
    assert levels_of([some, replace(some, level=1 - 0.05 / 6)]) == "95 % and 99.2 %"
    assert levels_of([Figure("1", 1.0)]) == ""


def test_a_chart_as_rows() -> None:
    rows = chart_rows(lam_chart())

    assert [name for name, _ in rows] == ["0", "0.1", "1", "10", "∞"]
    assert rows[0][1] == ("47.7 ± 1.2", "48.2 ± 1.2")


def test_a_line_without_a_point_has_an_empty_cell() -> None:
    chart = lam_chart()
    short = replace(chart.lines[1], points=chart.lines[1].points[:1])

    rows = chart_rows(replace(chart, lines=(chart.lines[0], short)))

    assert rows[4][1] == ("50.1 ± 1.2", "")


def test_the_strongest_shade_is_the_largest_entrys() -> None:
    rows = shades(((2.0, -1.0), (0.0, math.nan)))

    assert rows[0] == (("2.00", "pos", STRONGEST), ("−1.00", "neg", STRONGEST / 2))
    assert rows[1] == (("0.00", "pos", 0.0), ("–", "pos", 0.0))
    assert shades(((0.0,),)) == ((("0.00", "pos", 0.0),),)
    assert shades(((math.inf, 1.0),))[0][0][2] == STRONGEST


def test_counts_and_seconds() -> None:
    assert [count(v) for v in (None, 1200.0, 38400, 2.5, 7.0, math.nan)] == [
        "–", "1,200", "38,400", "2.5", "7", "–",
    ]  # fmt: skip
    assert [seconds(v) for v in (None, 0.123, 2.13, 1234.5)] == ["–", "0.12", "2.1", "1,234"]


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(0.01, "%", "1 point"), (-0.2, "%", "−20 points"), (0.5, "", "0.5"), (3, "years", "3 years")],
)
def test_differences_as_people_say_them(value: float, unit: str, said: str) -> None:
    assert in_points(value, unit) == said


def test_facts_tell_seeds_rows_and_plan() -> None:
    study = noise_study()

    assert facts(study) == (
        "10 seeds. 541 test rows, study 1 on them. 6 arms, α = 0.05, δ = 1 point, "
        "declared 2026-11-26 21:04 UTC."
    )
    bare = replace(study, n=1, tested_rows=0, declared="", delta=None, arms_planned=1)
    assert facts(bare) == "1 seed. 1 arm, α = 0.05, no plan was declared."


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-26", "T", "2026-11-26T21:04:11+02:00"])
def test_a_time_that_is_not_of_that_form_stays_as_it_is(text: str) -> None:
    assert when(text) == text
