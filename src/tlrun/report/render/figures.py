"""How much of a figure a terminal shows: no interval where there are too few seeds for one."""

from __future__ import annotations

from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.answer import Figure

FEWEST = (
    3  # seeds that an interval is shown of: of two, t has one degree of freedom, and ± is noise
)


def shown(figure: Figure) -> str:
    """A figure as text; of fewer than FEWEST seeds the mean alone."""
    if 0 < figure.n < FEWEST:
        return printable(figure.text.partition(" ± ")[0].partition(" (")[0])
    return printable(figure.text)


def coloured(figure: Figure) -> Text:
    """A gain, green where its interval lies above 0, and red where it lies below."""
    text = Text(shown(figure))
    if figure.n >= FEWEST and figure.low is not None and figure.high is not None:
        text.stylize("green" if figure.low > 0 else "red" if figure.high < 0 else "")
    return text
