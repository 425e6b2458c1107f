"""A report as CSV: a row for each arm and what it is compared with, for a spreadsheet."""

from __future__ import annotations

import csv
import io

from tlrun.core.errors import printable
from tlrun.report.answer import Arm, Figure, Gain, Report, Study

HEAD = (
    "study", "dataset", "metric", "arm", "role", "lambda", "seeds",
    "score", "score_low", "score_high", "verdict",
    "over", "decides", "gain", "gain_low", "gain_high", "gain_level", "seeds_up", "p_holm",
    "labels", "steps", "seconds", "parameters",
)  # fmt: skip
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet compute with a text


def csv_text(report: Report) -> str:
    """The rows of all studies, the newest first; numbers as computed, a share as 0.512."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEAD)
    for study in report.studies:
        for arm in study.arms:
            for gain in arm.gains or (None,):
                rows.writerow(_row(study, arm, gain))
    return text.getvalue()


def _row(study: Study, arm: Arm, gain: Gain | None) -> list[object]:
    compared: list[object] = [""] * 8
    if gain is not None:
        decides = "yes" if gain.primary else "no"
        figures = [*_bounds(gain.figure), gain.figure.level, gain.ups]
        compared = [safe(gain.over), decides, *figures, "" if gain.p is None else gain.p]
    names = [study.id, study.dataset, study.metric, arm.label, arm.role, arm.lam]
    cost = [arm.labels, arm.steps, arm.seconds, arm.parameters]
    return [
        *map(safe, names),
        len(arm.seeds),
        *_bounds(arm.score),
        arm.mark,
        *compared,
        *("" if value is None else value for value in cost),
    ]


def _bounds(figure: Figure) -> list[object]:
    return ["" if v is None else v for v in (figure.value, figure.low, figure.high)]


def safe(text: str) -> str:
    """A name from outside that no spreadsheet takes for a formula."""
    text = printable(text)
    return f"'{text}" if text.startswith(FORMULAS) else text
