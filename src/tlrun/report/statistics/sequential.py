"""seeds=auto: after how many seeds a study looks, what each look spends, and when it stops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tlrun.report.statistics.needed import enough_examples, half_width
from tlrun.report.statistics.verdict import Compared, Verdict
from tlrun.store.studydir import LOOKS

SHARES = (1 / 8, 1 / 8, 1 / 4, 1 / 2)  # of α, one a look; their sum is 1
FUTILE_FROM = 10  # seeds, for the variance of five is too unsure to give up by
REACH = 1.28  # standard deviations that a normal variable exceeds with probability 0.1


@dataclass(frozen=True)
class Decision:
    """What follows from a look, of one arm. why: a clause of a sentence.

    stop: the arm has its word; futile: it would hardly get one; last: this was the last look. A
    study goes on to its next look while one of its arms does, and every arm then gets the seeds.
    """

    what: Literal["stop: decided", "stop: futile", "stop: last look", "go on"]
    why: str


def alpha_at(look: int, alpha: float) -> float:
    """The α of the verdicts at a look: α/8, α/8, α/4 and α/2 at 5, 10, 20 and 40 seeds.

    They sum to α, and so a word is wrong at any look with probability α at most, however the looks
    depend on one another (union bound, as in alpha spending: Lan & DeMets, Biometrika 1983).
    Raises ValueError for a look that is none of LOOKS.
    """
    if look not in LOOKS:
        raise ValueError(f"expected a look of {LOOKS}, found one after {look} seeds")
    return alpha * SHARES[LOOKS.index(look)]


def decision(
    found: Verdict,
    compared: Sequence[Compared],
    *,
    look: int,
    alpha: float,
    arms: int,
    delta: float | None,
) -> Decision:
    """Whether an arm needs more seeds. found: its `verdict` at α = alpha_at(look, alpha).

    look: one of LOOKS; an arm of which a seed has failed has fewer. alpha: of the whole study.
    arms: m. compared, delta: as the verdict was given. From FUTILE_FROM seeds on an arm without
    word stops where no word is in reach at the last look (`futile`), and at any look where more
    seeds change nothing.
    """
    if found.word in {"HELPS", "HURTS", "SAME"}:
        return Decision("stop: decided", f"decided after {look} seeds")
    if look >= LOOKS[-1]:
        return Decision("stop: last look", f"{look} seeds are the most that are run")
    if not found.more_seeds:
        return Decision("stop: futile", "more seeds would not give it a word")
    if look >= FUTILE_FROM and futile(compared, alpha, arms, delta):
        return Decision("stop: futile", f"{LOOKS[-1]} seeds would hardly give it a word")
    return Decision("go on", f"undecided after {look} seeds")


def futile(compared: Sequence[Compared], alpha: float, arms: int, delta: float | None) -> bool:
    """Whether neither HELPS nor HURTS nor SAME is in reach at N = 40 seeds.

    Given ḡ of n seeds and no more, that of N on the same test set is normal about ḡ with variance
    v_s(1/n - 1/N)n, so that it leaves ḡ ± r, r = 1.28·√(v_s(1-n/N)), with probability 0.1 each way
    (a predictive probability: Spiegelhalter, Freedman & Blackburn, Control. Clin. Trials 1986).
    With h the half-width predicted at N, the test set's part of the variance staying as it is,

        HELPS is out of reach where  ḡ + r < h  against some primary control, h at α_N/m
        HURTS                        -ḡ + r < h against each of the C, h at α_N/(mC)
        SAME                         |ḡ| - r + h > δ against some, with |ḡ| - r not below 0,
                                     or there are too few test examples for it

    For one control the first two are |ḡ| + r < h. False where a variance is unknown, and without a
    primary control.
    """
    primary = [one for one in compared if one.primary]
    last = alpha_at(LOOKS[-1], alpha) / arms
    helps, hurts, same = True, False, delta is not None
    for one in primary:
        gain, spread = one.mean, one.spread
        if spread is None:
            return False
        reach = REACH * math.sqrt(spread.variance.seeds * max(1 - spread.seeds / LOOKS[-1], 0.0))
        half, wide = math.nan, math.nan  # of gains that never differed: nothing is in reach
        if spread.variance.total > 0:
            half = half_width(spread, last, LOOKS[-1])
            wide = half_width(spread, last / len(primary), LOOKS[-1])
        helps = helps and gain + reach >= half
        hurts = hurts or -gain + reach >= wide
        same = same and delta is not None and max(abs(gain) - reach, 0.0) + half <= delta
        same = same and enough_examples(spread, delta or 1.0, last * arms, arms)
    return bool(primary) and not (helps or hurts or same)
