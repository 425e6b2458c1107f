import pytest

from tlrun.report.answer import Figure
from tlrun.report.render.figures import coloured, shown


@pytest.mark.parametrize("n", [1, 2])
def test_of_too_few_seeds_the_mean_stands_alone(n: int) -> None:
    assert shown(Figure("+6.1 ± 88.2", 0.061, -0.821, 0.943, n)) == "+6.1"
    assert shown(Figure("-1.8 (-9.0 to +5.4)", -0.018, -0.09, 0.054, n)) == "-1.8"
    assert coloured(Figure("+6.1 ± 0.1", 0.061, 0.06, 0.062, n)).spans == []


@pytest.mark.parametrize("n", [0, 3, 10])
def test_a_figure_of_enough_seeds_is_whole(n: int) -> None:
    """0: it is not of seeds."""
    assert shown(Figure("+6.1 ± 88.2", 0.061, -0.821, 0.943, n)) == "+6.1 ± 88.2"


@pytest.mark.parametrize(
    ("low", "high", "colour"),
    [(0.1, 0.3, "green"), (-0.3, -0.1, "red"), (-0.1, 0.3, ""), (None, None, "")],
)
def test_a_gain_is_coloured_by_where_its_interval_lies(
    low: float | None, high: float | None, colour: str
) -> None:
    text = coloured(Figure("+0.2 ± 0.1", 0.2, low, high, 5))

    assert [str(span.style) for span in text.spans if span.style] == ([colour] if colour else [])


def test_a_name_of_outside_in_a_figure_is_text() -> None:
    assert "\x1b" not in shown(Figure("\x1b[31m1"))
