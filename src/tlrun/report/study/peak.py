"""How strong: whether an inner λ beats both ends of its axis, in a sentence an axis."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tlrun.core.errors import SMALLER_LR
from tlrun.report.statistics.axis import FEWEST, shape
from tlrun.report.study.arms import Axis, chosen_lams, number_of, shown
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.sentences import amount
from tlrun.report.study.terms import Terms
from tlrun.runs.outcome import Outcome

NOT_CHOSEN = (
    "λ* not chosen: it takes validation labels (dataset.val_share=0.2 buys them from the labels "
    "asked for)"
)
NONE = (math.nan, math.nan)


def peaks(axes: Sequence[Axis], terms: Terms, evidence: Evidence) -> Iterator[str]:
    """A sentence for each axis with both ends and an inner λ. Intervals are of level 1-α/m."""
    for axis in axes:
        numbers = {lam: number for lam in axis.by_lam if (number := number_of(lam)) is not None}
        inner = {lam: axis.by_lam[lam] for lam, at in numbers.items() if 0 < at < math.inf}
        zero, infinity = (
            [lam for lam, at in numbers.items() if at == end] for end in (0, math.inf)
        )
        if inner and zero and infinity:
            name = axis.label.replace("_", " ")
            if count := sum(run.diverged for run in axis.runs):
                yield f"{name}: {count} of {len(axis.runs)} runs diverged; {SMALLER_LR}."
                continue
            ends = (axis.by_lam[zero[0]], axis.by_lam[infinity[0]])
            yield f"{name}: {_sentence(inner, ends, terms, evidence)}"


def _sentence(
    inner: Mapping[str, Mapping[int, Outcome]],
    ends: tuple[Mapping[int, Outcome], Mapping[int, Outcome]],
    terms: Terms,
    evidence: Evidence,
) -> str:
    if len(inner) == 1:
        (lam, runs), *_ = inner.items()
        picked: dict[int, str] | None = dict.fromkeys(runs, lam)
    else:
        picked = chosen_lams(inner)
    if picked is None:
        seeds = set.intersection(*map(set, inner.values()))
        few = f"{len(seeds)} seed{'s' * (len(seeds) != 1)}, and to choose λ takes {FEWEST}"
        return f"{NOT_CHOSEN if len(seeds) >= FEWEST else few}."
    best = {seed: inner[lam][seed] for seed, lam in picked.items()}
    level = 1 - terms.alpha / terms.arms
    over, said = [], []
    for name, end in zip(("λ=0", "λ=∞"), ends, strict=True):
        found = evidence.gain(best, end)
        over.append(NONE if found is None else found.bounds(level))
        if found is not None:
            said.append(f"{found.figure(level, signed=True).text} over {name}")
    each = []
    for runs in inner.values():
        found = evidence.gain(runs, ends[1])
        each.append(NONE if found is None else found.bounds(level))
    metric = next(iter(best.values())).result["headline"]["name"]
    within = "" if terms.delta is None else amount(metric, terms.delta)
    word = shape(over[0], over[1], each, len(best), terms.delta, within)
    counts = Counter(picked.values()).most_common()
    lams = ", ".join(f"{shown(lam)} for {count} of {len(picked)} seeds" for lam, count in counts)
    how = "the only inner λ" if len(inner) == 1 else f"chosen by validation loss ({lams})"
    called = shown(counts[0][0]) if len(counts) == 1 else "λ*"
    verdict = word.why if not word.word else f"{word.word}: {word.why}"
    gains = f", {' and '.join(said)}" if said else ""
    return f"inner λ={called}, {how}{gains}. {verdict}."
