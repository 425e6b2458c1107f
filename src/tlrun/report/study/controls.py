"""The controls of a study: each once, under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from tlrun.report.primary import JOINT
from tlrun.report.study.arms import Series, shown
from tlrun.report.study.labels import labels_of
from tlrun.runs.outcome import Outcome

# Strategies that are no network, as their names begin as controls.
ESTIMATORS = ("constant_prediction", "linear_model", "gradient_boosting", "tfidf")


def lacking(one: Series) -> list[str]:
    """The controls of an arm that a word depends on and that have no finished run at all.

    A word over the others alone would be one over fewer controls than were asked for.
    """
    names = dict.fromkeys(name for run in one.runs.values() for name in run.controls)
    free = (JOINT, *ESTIMATORS)
    return [name for name in names if name not in one.controls and name.split(",")[0] not in free]


def control_rows(series: Sequence[Series]) -> list[Series]:
    """The controls of some arms, each once, in order, under the names that the arms have for them.

    Those that are arms of the study themselves are left out.
    """
    asked = {setting for one in series for setting in one.settings}
    found: dict[frozenset[str], Series] = {}  # by settings
    for one in series:
        for name, runs in one.controls.items():
            row = _row(name, runs.values())
            if row.settings <= asked:
                continue
            if known := found.get(row.settings):  # another arm may have other seeds of it
                row = replace(known, runs=dict(sorted({**runs, **known.runs}.items())))
            found[row.settings] = row
    rows = list(found.values())
    names = Counter(row.label for row in rows)
    return [_apart(row, rows) if names[row.label] > 1 else row for row in rows]


def _row(name: str, runs: Collection[Outcome]) -> Series:
    """A control with all λ that its runs have: that of an arm may be the arm's, seed by seed."""
    first = next(iter(runs))
    lams = ", ".join(dict.fromkeys(shown(run.lam_label) for run in runs))
    return Series(name, first.strategy, first.family, lams, {run.seed: run for run in runs})


def _apart(row: Series, rows: Sequence[Series]) -> Series:
    """A control under a name that tells it from others of its name, by their options."""
    alike = [other for other in rows if other.label == row.label]
    told = labels_of([other.first for other in alike])[row.family].partition(" ")[2]
    return replace(row, label=f"{row.label} ({told or f'λ={row.lam}'})")
