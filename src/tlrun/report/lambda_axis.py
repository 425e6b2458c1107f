"""The λ axis of a sweep: each λ against the ends of its axis, and whether an inner λ beats both.

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
    """The runs of a sweep by family, λ and seed; runs that differ in nothing else share an axis.

    Runs in which λ decides nothing stand on none, and a single λ is no axis.
    """
    by_family: dict[str, dict[float | str, dict[int, Outcome]]] = {}
    for run in runs:
        if run.lam_label:
            position: float | str = run.lam_label
            if run.lam is not None:
                position = run.lam
            axis = by_family.setdefault(run.family, {})
            axis.setdefault(position, {})[run.seed] = run
    return {family: axis for family, axis in by_family.items() if len(axis) > 1}


def over_end(run: Outcome, axis: Axis, end: float | str) -> float | None:
    """By how much `run` is better than the run of its seed at one `end` (of ENDS) of its axis.

    None where there is no such run, where it is `run` itself, or where a score is undefined.
    """
    other = axis.get(end, {}).get(run.seed)
    if other is None or other is run:
        return None
    return difference(run, other)


def difference(one: Outcome, other: Outcome) -> float | None:
    """By how much the test score of `one` is better than that of `other`.

    None where either is undefined.
    """
    mine, theirs = one.result["headline"], other.result["headline"]
    return gain_of(mine["name"], mine["test"], theirs["test"])


def peaks(runs: Sequence[Outcome], labels: Mapping[str, str]) -> Iterator[str]:
    """A line for each axis with both ends and an inner λ, on the seeds that every λ of it has.

    labels: the name of each family in the table. Axes of fewer than FEWEST such seeds have no line.
    """
    for family, axis in axes(runs).items():
        inner = [lam for lam in axis if isinstance(lam, float) and 0.0 < lam < math.inf]
        if not inner or not ENDS.keys() <= axis.keys():
            continue
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in axis.values())))
        if len(seeds) >= FEWEST:
            yield f"{labels[family]}: {_peak(axis, inner, seeds)}"


def _peak(axis: Axis, inner: Sequence[float], seeds: Sequence[int]) -> str:
    """Which inner λ* validation has chosen, its gains over both ends, and the verdict."""
    losses = _validation_losses(axis, inner, seeds)
    if losses is None:
        return NOT_CHOSEN
    chosen = {seed: _lowest(losses, seed) for seed in seeds}
    title = axis[inner[0]][seeds[0]].result["headline"]["name"]
    compared = []
    above_both, better_end = True, ""
    for end, name in ENDS.items():
        gains = []
        for seed in seeds:
            gain = difference(axis[chosen[seed]][seed], axis[end][seed])
            if gain is None:
                return "λ* not compared: a score is undefined"
            gains.append(gain)
        mean, half = paired_interval(gains)
        above_both = above_both and mean - half > 0
        if mean + half < 0 and not better_end:
            better_end = name
        compared.append(f"over {name} {number(title, mean, signed=True)} ± {number(title, half)}")
    counts = []
    for lam, count in Counter(chosen.values()).most_common():
        label = axis[lam][seeds[0]].lam_label
        counts.append(f"{label} for {count} of {len(seeds)} seeds")
    verdict = _verdict(above_both, better_end, len(seeds))
    return (
        f"inner λ* = {', '.join(counts)}, by the others' validation loss; "
        f"{', '.join(compared)}: {verdict}"
    )


def _verdict(above_both: bool, better_end: str, n: int) -> str:
    """What the intervals of `n` seeds say. better_end: the first end that beats λ*, if one does."""
    if n < ENOUGH:
        return "too few seeds for a verdict"
    if above_both:
        return "INNER PEAK"
    if better_end:
        return f"{better_end} is better"
    return "no inner peak shown"


def _validation_losses(
    axis: Axis, inner: Sequence[float], seeds: Sequence[int]
) -> dict[float, dict[int, float]] | None:
    """The validation loss of every inner λ and seed; None where a run has none."""
    losses: dict[float, dict[int, float]] = {}
    for lam in inner:
        losses[lam] = {}
        for seed in seeds:
            loss = axis[lam][seed].result["headline"].get("val_loss")
            if loss is None:
                return None
            losses[lam][seed] = loss
    return losses


def _lowest(losses: Mapping[float, Mapping[int, float]], left_out: int) -> float:
    """The λ of the lowest mean validation loss over all seeds but one."""

    def of_others(lam: float) -> float:
        return fmean(loss for seed, loss in losses[lam].items() if seed != left_out)

    return min(losses, key=of_others)
