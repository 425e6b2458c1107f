"""How much of a figure a terminal shows: no interval where there are too few seeds for one."""

from __future__ import annotations

from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.answer import Figure
from tlrun.report.formatting import FEWEST_OF_INTERVAL


def shown(figure: Figure) -> str:
    """A figure as text; of fewer than FEWEST_OF_INTERVAL seeds the mean alone."""
    if 0 < figure.n < FEWEST_OF_INTERVAL:
        return printable(figure.text.partition(" ± ")[0].partition(" (")[0])
    return printable(figure.text)


def coloured(figure: Figure) -> Text:
    """A gain, green where its interval lies above 0, and red where it lies below."""
    text = Text(shown(figure))
    if figure.n >= FEWEST_OF_INTERVAL and figure.low is not None and figure.high is not None:
        text.stylize("green" if figure.low > 0 else "red" if figure.high < 0 else "")
    return text
