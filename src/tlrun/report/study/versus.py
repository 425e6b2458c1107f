"""Arm against arm, on the same seeds and test examples: whether to freeze or to fine-tune."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from tlrun.report.formatting import FEWEST_OF_INTERVAL, number
from tlrun.report.study.compare import Row
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.sentences import amount, named

OPEN = "Not told apart, on the same seeds"  # how the sentence begins that shows nothing
MOST = 4  # arms of which every pair is compared; of more, the top one with each


def versus(rows: Sequence[Row], alpha: float, evidence: Evidence) -> Iterator[str]:
    """A sentence that says which arms are shown to be better than which, and which are not.

    rows: of a leaderboard, the highest score first. Each interval is of level 1-α/P, P = K(K-1)/2
    the pairs of K arms (Bonferroni), so that any sentence is wrong with probability α at most. P
    counts those pairs too that are not told: the top arm is the top one by these scores, and of K
    equal arms any could have been it (at α/(K-1), ten equal ones would be told apart in 14 % of
    studies). No sentence of a single arm, nor of arms that share no seed or
    of which a run has diverged.
    """
    arms = [row for row in rows if row.arm.role == "arm"]
    pairs = list(combinations(arms, 2))
    level = 1 - alpha / max(len(pairs), 1)
    if len(arms) > MOST:
        pairs = [(arms[0], other) for other in arms[1:]]
    shown, open_ = [], []
    for one, other in pairs:
        found = evidence.gain(one.series.runs, other.series.runs)
        if found is None or one.arm.diverged or other.arm.diverged:
            continue
        interval = found.interval(level)
        first, second = named(one.arm), named(other.arm)
        if interval.high < 0:
            first, second = second, first
        if interval.low > 0 or interval.high < 0:
            by = amount(found.metric, interval.mean)
            if min(len(one.series.runs), len(other.series.runs)) >= FEWEST_OF_INTERVAL:
                by += f" (± {number(found.metric, interval.half)})"
            shown.append(f"{first} is better than {second}, by {by}")
        else:
            open_.append(f"{first} and {second}")
    if shown:
        yield f"Arm against arm, on the same seeds: {'; '.join(shown)}."
    if open_:
        yield f"{OPEN}: {'; '.join(open_)}."
