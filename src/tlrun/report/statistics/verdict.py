"""The word of an arm, HELPS, HURTS, SAME or UNCLEAR, from its intervals over primary controls.

Of m arms and C primary controls, the first that holds of

HELPS    the interval of level 1-α/m lies above 0 against every primary control: an intersection-
         union test (Berger, Technometrics 1982), each control at full α/m; C costs nothing.
HURTS    that of level 1-α/(mC) lies below 0 against at least one: a union of C tests, so each at
         1/C of α/m (Bonferroni).
SAME     that of level 1-α/m lies inside ±δ against every one; for right or wrong scores only from
         `fewest_examples` on.
UNCLEAR  otherwise.

HELPS and HURTS exclude each other, for an interval of higher level holds that of lower. An arm
above one control and below another HURTS: whoever has the better control should not take the arm.
One above 0 and yet inside ±δ HELPS. One that is better than one control and not told from another,
or as good, is UNCLEAR, though more seeds may never change it.

No word for n < FEWEST_SEEDS, for fewer than FEWEST_EXAMPLES test examples of the rarest class, for
fewer groups than FEWEST_GROUPS (of MANY_ARMS arms FEWEST_GROUPS_OF_MANY), and without a primary
control. A control that the arm differs from on fewer than FEWEST_EXAMPLES test examples, or over
which its gain has no interval, shows nothing: no word but HURTS against another, with C as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tlrun.report.answer import Word
from tlrun.report.statistics.needed import (
    Spread,
    enough_examples,
    examples_needed,
    fewest_examples,
    seeds_needed,
)

Ends = Mapping[str, tuple[float, float]]  # of each primary control the interval: low, high

FEWEST_SEEDS = 5
FEWEST_EXAMPLES = 10  # of the rarest class, and of those on which two arms differ
FEWEST_GROUPS = 6  # whose signs can reach p = 2/2⁶ < 0.05 …
MANY_ARMS, FEWEST_GROUPS_OF_MANY = 6, 8  # … and 2/2⁸ < 0.05/6


@dataclass(frozen=True)
class Compared:
    """An arm compared with one control.

    name: the control's own, as a sentence says it. primary: whether the word depends on it.
    interval: of the gain, (low, high) at a level, wider at a higher one; nan where it is undefined.
    mean: the mean gain that it is centred on. differing: on how many test examples the two differ
    in some seed; None where scores are no matter of right or wrong. spread: what its variance is
    made of; None where unknown.
    """

    name: str
    primary: bool
    interval: Callable[[float], tuple[float, float]]
    mean: float
    differing: int | None = None
    spread: Spread | None = None


@dataclass(frozen=True)
class Verdict:
    """The word of an arm. why: the word as clauses of a sentence.

    control: the one that it is HURT against, the worst where there are several; else empty.
    largest: the largest difference from a primary control, either way, that an interval holds;
    where UNCLEAR, from those that the arm is not told apart from; None without a word. seeds,
    examples: how many seeds, or at least how many test examples (groups, where they come in
    groups), would tell the arm from every control; None where that is not said.
    more_seeds: whether more seeds could change the word.
    """

    word: Word
    control: str = ""
    why: str = ""
    largest: float | None = None
    seeds: int | None = None
    examples: int | None = None
    more_seeds: bool = True


def verdict(
    compared: Sequence[Compared],
    *,
    n: int,
    alpha: float,
    arms: int,
    delta: float | None,
    rarest: int | None,
    groups: int | None,
    written: Callable[[float], str] = "{:.3g}".format,
) -> Verdict:
    """The word of one arm of a study of m = `arms` arms, from n seeds; how, stands above.

    compared: the arm over every control. alpha: α. delta: δ, or None, and then nothing is the SAME.
    rarest: test examples of the rarest class, None without classes. groups: of test examples, None
    where they come in none. written: how a difference is written, with its unit.
    """
    primary = [one for one in compared if one.primary]
    ends = {one.name: one.interval(1 - alpha / arms) for one in primary}
    refused = _refused(n, len(primary), arms, rarest, groups)
    if refused is not None:
        return refused
    silent = {one.name: why for one in primary if (why := _silent(one, ends[one.name]))}
    above = [name for name, (low, _) in ends.items() if low > 0 and name not in silent]
    seen = [abs(end) for name in ends if name not in silent for end in ends[name]]
    largest = max(seen, default=math.nan)
    apart = alpha / (arms * len(primary))
    highs = {one.name: one.interval(1 - apart)[1] for one in primary if one.name not in silent}
    if worse := [name for name, high in highs.items() if high < 0]:
        control = min(worse, key=lambda name: highs[name])
        return Verdict("HURTS", control, _hurts(worse, above), largest)
    if silent:
        defined = not any(math.isnan(one.mean) for one in primary)
        return Verdict("", why=next(iter(silent.values())), more_seeds=defined)
    within = "" if delta is None else written(delta)
    near = [name for name in ends if delta is not None and _inside(ends[name], delta)]
    if len(above) == len(primary):
        small = within if len(near) == len(primary) else ""
        return Verdict("HELPS", "", _helps(above, small), largest)
    excluded = f"the largest difference not excluded is {written(largest)}"
    if len(near) == len(primary) and _enough(primary, delta, alpha, arms):
        return Verdict("SAME", "", f"within {within} of {_listed(near)}; {excluded}", largest)
    open_ = [end for low, high in ends.values() if low <= 0 <= high for end in (low, high)]
    if open_:  # of those that it is told from the interval says more than how far it reaches
        largest = max(map(abs, open_))
        excluded = f"the largest difference not excluded is {written(largest)}"
    why = f"{_unclear(ends, near, within)}; {excluded}"
    seeds, examples, told = _deciding(primary, n, apart, delta)
    return Verdict("UNCLEAR", "", why + told, largest, seeds, examples)


def _refused(
    n: int, controls: int, arms: int, rarest: int | None, groups: int | None
) -> Verdict | None:
    """No word, and why, where there is too little to give one; None where there is enough."""
    fewest = FEWEST_GROUPS if arms < MANY_ARMS else FEWEST_GROUPS_OF_MANY
    if not controls:
        return Verdict("", why="no word: no control to be measured against", more_seeds=False)
    if rarest is not None and rarest < FEWEST_EXAMPLES:
        there = f"{_some(rarest, 'test example')} of the rarest class"
        why = f"no word: {there}, and a word takes {FEWEST_EXAMPLES}"
        return Verdict("", why=why, more_seeds=False)
    if groups is not None and groups < fewest:
        why = f"no word: {_some(groups, 'group')} of test examples, and a word takes {fewest}"
        return Verdict("", why=why, more_seeds=False)
    if n < FEWEST_SEEDS:
        return Verdict("", why=f"no word: {_some(n, 'seed')}, and a word takes {FEWEST_SEEDS}")
    return None


def _silent(one: Compared, ends: tuple[float, float]) -> str:
    """Why a comparison shows nothing; empty where it may show something."""
    if one.differing is not None and one.differing < FEWEST_EXAMPLES:
        told = f"no word: it differs from {one.name} on {one.differing} of the test examples"
        return f"{told}, and a word takes {FEWEST_EXAMPLES}"
    if math.isnan(one.mean):
        return f"no word: the gain over {one.name} is undefined"
    if math.isnan(ends[0]) or math.isnan(ends[1]):
        return f"no word: how sure the gain over {one.name} is cannot be told"
    return ""


def _enough(primary: Sequence[Compared], delta: float | None, alpha: float, arms: int) -> bool:
    """Whether there are as many test examples as SAME takes."""
    if delta is None:
        return False
    return all(enough_examples(one.spread, delta, alpha, arms) for one in primary)


def _helps(above: Sequence[str], small: str) -> str:
    """HELPS as a clause. small: δ as written, where the gains are less than that."""
    by = "by an interval above 0" if len(above) == 1 else "each by an interval above 0"
    though = f", though by less than {small}" if small else ""
    return f"better than {_listed(above)}, {by}{though}"


def _hurts(worse: Sequence[str], above: Sequence[str]) -> str:
    """HURTS as a clause. worse: the controls that are better; above: those that are not as good."""
    why = f"{_listed(worse)} {'is' if len(worse) == 1 else 'are'} better"
    if above:
        why += f", though {_listed(above)} {'is' if len(above) == 1 else 'are'} worse"
    return why


def _unclear(ends: Ends, near: Sequence[str], within: str) -> str:
    """Against which controls something is shown, and against which not."""
    clauses: dict[str, list[str]] = {}
    for name, (low, high) in ends.items():
        if low > 0:
            shown = "better than"
        elif high < 0:
            shown = "perhaps worse than"
        else:
            shown = f"within {within} of" if name in near else "not told apart from"
        clauses.setdefault(shown, []).append(name)
    return ", ".join(f"{shown} {_listed(names)}" for shown, names in clauses.items())


def _deciding(
    primary: Sequence[Compared], n: int, alpha: float, delta: float | None
) -> tuple[int | None, int | None, str]:
    """How many seeds, or test examples, would tell the arm from every control; and as a clause.

    They are those of an interval of half-width δ/2 at level 1-`alpha`: an interval that holds 0 and
    is no wider than δ lies inside ±δ, so each control is then above, below or within δ, whatever
    the gain. A wider one can leave a gain open; half-width δ would call nothing the same. From the
    variances alone, over all primary controls: the gain that was seen chooses none of them.
    """
    spreads = [one.spread for one in primary if one.spread is not None]
    if not delta or len(spreads) < len(primary):
        return None, None, ""
    each = [seeds_needed(spread, delta / 2, alpha) for spread in spreads]
    enough = [count for count in each if count is not None]
    if len(enough) == len(each):
        seeds = max(enough)
        return seeds, None, f"; about {seeds:,} seeds would decide" if seeds > n else ""
    examples = max(examples_needed(spread, delta / 2, alpha) or 0 for spread in spreads)
    units = "groups of test examples" if spreads[0].clustered else "test examples"
    if any(spread.right_or_wrong for spread in spreads):
        examples = max(examples, fewest_examples(delta, alpha * len(primary), arms=1))
    told = f"; no number of seeds would decide, it takes at least {examples:,} {units}"
    return None, examples, told


def _inside(interval: tuple[float, float], delta: float) -> bool:
    return -delta < interval[0] and interval[1] < delta


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _listed(names: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
