"""Whether what was learnt beats the methods from outside: a sentence a setting of a sweep."""

from __future__ import annotations

from collections.abc import Iterator

from tlrun.core.errors import printable
from tlrun.report.formatting import defined
from tlrun.report.lambda_axis import ENOUGH, difference
from tlrun.report.statistics import paired_interval
from tlrun.report.sweep_legend import Settings

BETTER, WORSE, NEITHER = "better than", "worse than", "not shown better or worse than"


def against_estimators(settings: Settings) -> Iterator[str]:
    """A line for each setting with ENOUGH seeds: which estimators it is shown to be better than.

    settings: of each its label and, of each seed, the run and its controls. Shown is what the 95 %
    interval of the gain says, one comparison at a time.
    """
    for label, seeds in settings:
        gains: dict[str, list[float | None]] = {}
        for run, *controls in seeds:
            for control in controls:
                if control.result["size"] is None:  # it is no network
                    gains.setdefault(control.name, []).append(difference(run, control))
        said: dict[str, list[str]] = {BETTER: [], WORSE: [], NEITHER: []}
        for name, values in gains.items():
            known = defined(values)
            if len(known) == len(values) >= ENOUGH:
                mean, half = paired_interval(known)
                verdict = NEITHER
                if abs(mean) > half:
                    verdict = BETTER if mean > 0 else WORSE
                said[verdict].append(name)
        words = [f"{verdict} {'; '.join(names)}." for verdict, names in said.items() if names]
        if words:
            lam = seeds[0][0].lam_label
            called = f"{label} at λ={lam}" if lam else label
            yield printable(f"{called} is {' It is '.join(words)}")
