"""The report as one HTML page: no request leaves it, no script runs in it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tlrun.core.errors import printable
from tlrun.report.answer import Report
from tlrun.report.page.chart import NARROW, WIDE, draw, values_of
from tlrun.report.page.strip import strip, strip_scale
from tlrun.report.page.tables import (
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

ASKED = (
    chart_rows, controls_of, count, draw, facts, gain_over, in_points, levels_of, seconds, seeds_of,
    shades, strip, strip_scale, values_of, when,
)  # fmt: skip

ABREAST = 6  # lines in a table of a chart, so that it fits a sheet of paper; the next ones below


def page(report: Report) -> str:
    """The whole page of `report`. Every name in it stands as text, made printable and escaped."""
    style = Markup(_template("style.css"))  # noqa: S704 - a file of this package
    return _environment().get_template("page.html").render(report=report, style=style)


@cache
def _environment() -> Environment:
    """The templates, read and translated once a process, and the functions that they call."""
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_template),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update({function.__name__: function for function in ASKED})
    environment.globals.update(ABREAST=ABREAST, NARROW=NARROW, WIDE=WIDE)
    return environment


def _template(name: str) -> str:
    """The text of a file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _shown(value: object) -> object:
    """What a template writes for `value`: text without characters that act instead of showing."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
