"""The answer of a study in sentences that need no symbol and no table."""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.core.metrics import MEAN, TARGET, metric_of
from tlrun.report.answer import Arm, Gain
from tlrun.report.formatting import number, unit_of

OUTSIDE = {  # what the interval of a gain over a method from outside shows
    "above": "better than",
    "below": "worse than",
    "neither": "not shown to be better or worse than",
}
TOTAL = ", total budget"
# What a control is, to somebody who has not met its name.
PLAIN = {
    "scratch": "training from scratch",
    "scratch, total budget": "training from scratch for as many steps in all",
    "pretrained, no source": "the pretrained weights without the source",
    "source_only": "the source model left alone",
    "joint, λ=1": "training on source and target together",
    "single_task": "learning each task alone",
    "single_task, total budget": "learning each task alone for as many steps in all",
    "shared_parameters": "sharing without a relation",
    "shared_parameters, total budget": "sharing without a relation for as many steps in all",
    "ridge": "shrinking weights alone",
    "not fused": "pooling the sources",
    "constant_prediction": "one answer for every example",
    "linear_model": "a linear model",
    "gradient_boosting": "boosted trees",
    "tfidf": "a linear model of the words",
}


def plain(name: str) -> str:
    """A control or a strategy in words, or its name without what only a program needs."""
    base, comma, rest = name.partition(", pooled")
    if comma and not rest:
        return f"{plain(base)} on all domains together"
    return PLAIN.get(name, name.replace("_", " "))


def amount(metric: str, value: float) -> str:
    """A difference of scores in words: "14.9 points" of an accuracy, "0.031 of auc"."""
    unit = unit_of(metric)
    written = number(metric, abs(value))
    if unit == "%":
        return f"{written} point{'' if written == '1.0' else 's'}"
    short = metric.removeprefix(TARGET).removeprefix(MEAN)
    return f"{written} of {short}"


def named(arm: Arm) -> str:
    """An arm in a sentence: its label, and its λ where it has one."""
    label = arm.label.replace("_", " ")
    return label if arm.lam == "–" or arm.chosen else f"{label} (λ={arm.lam})"


def answer(arms: Sequence[Arm], metric: str) -> tuple[str, tuple[str, ...]]:
    """The verdict of a study, and further sentences, one for each other arm that has a word.

    arms: those of the study, the highest score first, without its controls.
    """
    helping = [arm for arm in arms if arm.word == "HELPS"]
    hurting = [arm for arm in arms if arm.word == "HURTS"]
    same = [arm for arm in arms if arm.word == "SAME"]
    unclear = [arm for arm in arms if arm.word == "UNCLEAR"]
    more: list[str] = []
    if metric_of(metric) is None:
        return "No verdict: the tasks have no score in common; each task's gain stands below.", ()
    if helping:
        first, *others = helping
        verdict = f"Yes: {named(first)} helps, by {_over_all(first, metric)}."
        more += [f"{_start(arm)} helps too, by {_over_all(arm, metric)}." for arm in others]
        more += [said for arm in helping[:1] if (said := _beside(arm))]
        more += [_hurts(arm, metric) for arm in hurting]
    elif hurting:
        verdict = f"No: {_lower(_hurts(hurting[0], metric))}"
        more += [_hurts(arm, metric) for arm in hurting[1:]]
    elif same:
        verdict = f"It makes no difference: {named(same[0])} is {same[0].why}."
        same = same[1:]
    elif unclear:
        verdict = "Not shown: neither help nor harm, as far as these runs can tell."
    else:
        whys = {arm.why for arm in arms if arm.why} or {"there is nothing to compare with"}
        if len(whys) == 1:
            return f"No verdict: {whys.pop().rstrip('.')}.", ()
        verdict = "No verdict: every arm lacks something that a word takes."
    more += [f"{_start(arm)} makes no difference: it is {arm.why}." for arm in same]
    more += [said for arm in arms if not arm.diverged and (said := _outside(arm))]
    more += [f"{_start(arm)} is not shown to help or to hurt: {arm.why}." for arm in unclear[:1]]
    if len(unclear) > 1:
        rest = _listed([named(arm) for arm in unclear[1:]])
        more.append(f"Nor {'is' if len(unclear) == 2 else 'are'} {rest}.")
    more += [
        f"{_start(arm)} has no verdict: {arm.why}." for arm in arms if not arm.word and arm.why
    ]
    return verdict, tuple(more)


def _over_all(arm: Arm, metric: str) -> str:
    """By how much over each primary control, the smallest gain last."""
    means = {gain.over: _mean(gain) for gain in arm.gains if gain.primary}
    said: dict[str, float] = {}
    for over, mean in means.items():
        base = over.removesuffix(TOTAL)
        if base + TOTAL in means and base in means:  # of two budgets, by how much over the better
            said[f"{plain(base)} (at either budget)"] = min(means[base], means[base + TOTAL])
        else:
            said[plain(over)] = mean
    ordered = sorted(said.items(), key=lambda pair: -pair[1])
    return _listed([f"{amount(metric, mean)} over {name}" for name, mean in ordered])


def _hurts(arm: Arm, metric: str) -> str:
    """Which control is shown to be better than an arm that hurts, as its word names it.

    Not any whose interval lies below 0: those are of level 1-α/m, and the word is of 1-α/(mC).
    """
    (gain,) = (gain for gain in arm.gains if gain.over == arm.hurt_by)
    better = f"{plain(gain.over)} is better, by {amount(metric, _mean(gain))}"
    return f"{_start(arm)} hurts: {better}."


def _beside(arm: Arm) -> str:
    """Which controls that decide no word, as joint, an arm that helps is not shown to beat."""
    said = []
    for shown, words in (("below", "worse than"), ("neither", "not shown to be better than")):
        others = [gain for gain in arm.gains if not gain.primary and not gain.outside]
        names = [plain(gain.over) for gain in others if gain.shown == shown]
        if names:
            decides = "which decides" if len(names) == 1 else "which decide"
            said.append(f"{words} {_listed(names)}, {decides} no word")
    return f"{_start(arm)} is {'; '.join(said)}." if said else ""


def _outside(arm: Arm) -> str:
    """Which methods from outside an arm is shown to be better than; empty where there are none."""
    said = []
    for shown, words in OUTSIDE.items():
        names = [plain(gain.over) for gain in arm.gains if gain.outside and gain.shown == shown]
        if names:
            said.append(f"{words} {_listed(names)}")
    return f"{_start(arm)} is {'; '.join(said)}." if said else ""


def _mean(gain: Gain) -> float:
    return gain.figure.value or 0.0


def _listed(words: Sequence[str]) -> str:
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _start(arm: Arm) -> str:
    name = named(arm)
    return name[:1].upper() + name[1:]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
