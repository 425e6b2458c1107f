import io
import math

import pytest
from rich.console import Console

from tlrun.report.answer import Chart, Figure, Line, Point
from tlrun.report.render.curves import BARS, bars_of, curve

POINTS = {0.0: 0.5, 1.0: 0.9, math.inf: 0.6}


def chart(*labels: str) -> Chart:
    points = tuple(
        Point(at, f"{at:g}", Figure(f"{100 * value:.1f} ± 1.0", value))
        for at, value in POINTS.items()
    )
    lines = tuple(Line(label, points[k:]) for k, label in enumerate(labels))
    return Chart("lam", "How strong", "λ", "accuracy", "", lines, ends={"0": "source only"})


def shown(of: Chart, width: int) -> str:
    text = io.StringIO()
    Console(width=width, file=text, markup=False).print(curve(of, width))
    return text.getvalue()


def test_bars_are_in_the_order_of_the_values() -> None:
    values = [0.1, 0.9, 0.5, 0.3]
    bars = bars_of(values, values)

    assert (bars[0], bars[1]) == (BARS[0], BARS[-1])
    assert sorted(bars, key=BARS.index) == [bars[k] for k in (0, 3, 2, 1)]
    assert [bars_of([value], values) for value in values] == list(bars)


def test_bars_of_equal_undefined_or_no_values() -> None:
    assert bars_of([0.5, 0.5], [0.5, 0.5]) == BARS[-1] * 2
    assert bars_of([None, 0.5], [0.0, 0.5]) == " " + BARS[-1]
    assert bars_of([], []) == ""


@pytest.mark.parametrize("width", [42, 60, 200])
def test_every_point_has_its_figure_name_and_end(width: int) -> None:
    text = shown(chart("one", "two"), width)

    assert "How strong" in text
    assert max(map(len, text.splitlines())) <= width
    assert {"source", "only"} <= set(text.split())
    for figure, count in (("50.0 ± 1.0", 1), ("90.0 ± 1.0", 2), ("60.0 ± 1.0", 2)):
        assert text.count(figure) == count


def test_lines_stand_below_each_other_where_points_do_not_fit_beside_each_other() -> None:
    wide, tall = shown(chart("one"), 200), shown(chart("one"), 42)

    assert "50.0 ± 1.0  90.0 ± 1.0  60.0 ± 1.0" in wide
    assert not any("90.0" in line and "60.0" in line for line in tall.splitlines())
