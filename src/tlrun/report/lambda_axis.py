"""The λ axis of a sweep: every λ against the ends of its own axis, and whether an inner λ beats
both.

INNER PEAK: the inner λ* beats λ=0 and λ=∞, both 95 % intervals of the paired gains above 0. For
each seed λ* is the inner λ of the lowest mean validation loss on the *other* seeds, so that no
seed's own luck chooses for it; the test set chooses nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from tlrun.report.formatting import gain_of, number
from tlrun.report.statistics import paired_interval
from tlrun.runs.outcome import Outcome

ENDS: dict[float | str, str] = {0.0: "λ=0", math.inf: "λ=∞"}
NOT_CHOSEN = (
    "λ* not chosen: it takes validation labels (dataset.val_share=0.2 buys them from the labels "
    "asked for)"
)
FEWEST = 3  # seeds that leave two others to choose by
ENOUGH = 5  # seeds below which an interval is too unsure of its own width for a verdict

# λ → seed → outcome; λ is a number, or the label of the schedule that moves it
Axis = Mapping[float | str, Mapping[int, Outcome]]


def axes(runs: Sequence[Outcome]) -> dict[str, dict[float | str, dict[int, Outcome]]]:
    """The runs of a sweep by family and λ: what differs in nothing but λ and seed stands on one
    axis.
    """
    found: dict[str, dict[float | str, dict[int, Outcome]]] = {}
    for run in runs:
        if run.lam_label:
            place = run.lam_label if run.lam is None else run.lam
            found.setdefault(run.family, {}).setdefault(place, {})[run.seed] = run
    return {family: axis for family, axis in found.items() if len(axis) > 1}


def over_end(run: Outcome, axis: Axis, end: float | str) -> float | None:
    """The run's test score minus that of the same seed at an `end` of its axis; None where there is
    none.
    """
    other = axis.get(end, {}).get(run.seed)
    return None if other is None or other is run else difference(run, other)


def difference(one: Outcome, other: Outcome) -> float | None:
    """By how much one run's test score is better than the other's; None where one is undefined."""
    mine, theirs = one.result["headline"], other.result["headline"]
    return gain_of(mine["name"], mine["test"], theirs["test"])


def peaks(runs: Sequence[Outcome], labels: Mapping[str, str]) -> Iterator[str]:
    """A line for each axis with both ends and an inner λ. labels: how the table calls a family."""
    for family, axis in axes(runs).items():
        inner = [lam for lam in axis if isinstance(lam, float) and 0.0 < lam < math.inf]
        if not inner or not ENDS.keys() <= axis.keys():
            continue
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in axis.values())))
        if len(seeds) >= FEWEST:
            yield f"{labels[family]}: {_peak(axis, inner, seeds)}"


def _peak(axis: Axis, inner: Sequence[float], seeds: Sequence[int]) -> str:
    losses: dict[float, dict[int, float]] = {}
    for lam in inner:
        losses[lam] = {}
        for seed in seeds:
            loss = axis[lam][seed].result["headline"].get("val_loss")
            if loss is None:
                return NOT_CHOSEN
            losses[lam][seed] = loss
    chosen = {seed: _lowest(losses, seed) for seed in seeds}
    title = axis[inner[0]][seeds[0]].result["headline"]["name"]
    told, above, below = [], True, ""
    for end, shown in ENDS.items():
        gains = [difference(axis[chosen[seed]][seed], axis[end][seed]) for seed in seeds]
        if any(gain is None for gain in gains):
            return "λ* not compared: a score is undefined"
        mean, half = paired_interval([gain for gain in gains if gain is not None])
        above = above and mean - half > 0
        below = below or (shown if mean + half < 0 else "")
        told.append(f"over {shown} {number(title, mean, signed=True)} ± {number(title, half)}")
    counts = ", ".join(
        f"{axis[lam][seeds[0]].lam_label} for {count} of {len(seeds)} seeds"
        for lam, count in Counter(chosen.values()).most_common()
    )
    verdict = "INNER PEAK" if above else f"{below} is better" if below else "no inner peak shown"
    verdict = verdict if len(seeds) >= ENOUGH else "too few seeds for a verdict"
    return f"inner λ* = {counts}, by the others' validation loss; {', '.join(told)}: {verdict}"


def _lowest(losses: Mapping[float, Mapping[int, float]], left_out: int) -> float:
    """The λ of the lowest mean validation loss over all seeds but one."""

    def of_others(lam: float) -> float:
        return fmean(loss for seed, loss in losses[lam].items() if seed != left_out)

    return min(losses, key=of_others)
