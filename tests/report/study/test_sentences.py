from dataclasses import replace
from typing import Any

import pytest

from tlrun.report.answer import Arm, Figure, Gain, Word
from tlrun.report.study.sentences import PLAIN, amount, answer, named, plain

METRIC = "target accuracy"


def gain(over: str, mean: float, half: float = 0.01, **more: Any) -> Gain:
    figure = Figure("", mean, mean - half, mean + half, n=10)
    shown: Any = "neither" if abs(mean) < half else "above" if mean > 0 else "below"
    return Gain(over, **{"primary": True, "figure": figure, "shown": shown, **more})


def arm(word: Word, *gains: Gain, strategy: str = "fused", **more: Any) -> Arm:
    named = {"hurt_by": gains[0].over} if word == "HURTS" else {}
    return Arm(strategy, strategy, "–", "arm", Figure(""), gains, word, **(named | more))


def test_every_sentence_is_whole() -> None:
    """It begins with a capital letter and ends with a full stop, whatever the words of the arms."""
    words: tuple[Word, ...] = ("HELPS", "HURTS", "SAME", "UNCLEAR", "")
    why = "not told apart from training from scratch; about 20 seeds would decide"
    for first in words:
        for second in words:
            arms = [
                arm(word, gain("scratch", -0.2 if word == "HURTS" else 0.2), why=why)
                for word in (first, second)
            ]
            verdict, more = answer(arms, METRIC)
            for sentence in (verdict, *more):
                assert sentence[0].isupper()
                assert sentence.endswith(".")
                assert ".." not in sentence
                assert "_" not in sentence


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("HELPS", "HURTS"), "Yes: "),
        (("UNCLEAR", "HURTS"), "No: "),
        (("SAME", "UNCLEAR"), "It makes no difference: "),
        (("", "UNCLEAR"), "Not shown: "),
        (("", ""), "No verdict: "),
    ],
)
def test_the_verdict_is_that_of_the_strongest_word(words: tuple[Word, ...], start: str) -> None:
    for order in (words, words[::-1]):
        arms = [arm(w, gain("scratch", 0.2 if w == "HELPS" else -0.2)) for w in order]

        assert answer(arms, METRIC)[0].startswith(start)


def test_every_arm_with_a_word_is_named_once() -> None:
    words: tuple[Word, ...] = ("HELPS", "HELPS", "SAME", "UNCLEAR", "HURTS")
    arms = [
        arm(word, gain("scratch", -0.2 if word == "HURTS" else 0.2), strategy=f"way{k}")
        for k, word in enumerate(words)
    ]
    verdict, more = answer(arms, METRIC)

    assert "way0" in verdict
    for k in range(1, 5):
        assert sum(f"ay{k}" in sentence for sentence in more) == 1


def test_of_two_budgets_the_smaller_gain_is_told() -> None:
    one = arm("HELPS", gain("scratch", 0.2), gain("scratch, total budget", 0.1))

    assert answer([one], METRIC)[0] == (
        "Yes: fused helps, by 10.0 points over training from scratch (at either budget)."
    )


def test_the_control_that_is_named_is_one_that_is_shown_to_be_better() -> None:
    """Not one that is below 0 at level 1-α/m alone, though by more."""
    below = gain("scratch", -0.2, half=0.02), gain("source_only", -0.1, half=0.05)
    verdict, _ = answer([arm("HURTS", *below, hurt_by="source_only")], METRIC)

    assert "source model left alone is better, by 10.0 points" in verdict
    assert "scratch" not in verdict


def test_who_is_told_of_no_difference_is_told_within_how_much() -> None:
    why = "within 3.0 points of training from scratch"
    one, other = (arm("SAME", gain("scratch", 0.0), strategy=s, why=why) for s in ("one", "other"))
    verdict, more = answer([one, other], METRIC)

    assert verdict == f"It makes no difference: one is {why}."
    assert more == (f"Other makes no difference: it is {why}.",)


def test_methods_from_outside_have_a_sentence_and_no_word() -> None:
    outside = [
        gain("linear_model", 0.2, primary=False, outside=True),
        gain("tfidf", -0.2, primary=False, outside=True),
        gain("constant_prediction", 0.0, primary=False, outside=True),
    ]
    verdict, more = answer([arm("HELPS", gain("scratch", 0.2), *outside)], METRIC)

    assert "linear" not in verdict
    (said,) = more
    assert said == (
        "Fused is better than a linear model; worse than a linear model of the words; not shown to "
        "be better or worse than one answer for every example."
    )


def test_tasks_without_a_score_in_common_have_no_verdict() -> None:
    verdict, more = answer([arm("")], "mean score")

    assert verdict.startswith("No verdict: the tasks have no score in common")
    assert more == ()


def test_the_reason_of_one_arm_is_not_given_for_all() -> None:
    reasons = {"one": "no control to be measured against", "other": "1 seed, and a word takes 5"}
    arms = [arm("", strategy=strategy, why=why) for strategy, why in reasons.items()]
    verdict, more = answer(arms, METRIC)

    assert not any(why in verdict for why in reasons.values())
    for strategy, why in reasons.items():
        assert f"{strategy.capitalize()} has no verdict: {why}." in more
    same, _ = answer([arms[0], replace(arms[0], label="other")], METRIC)
    assert same == "No verdict: no control to be measured against."


def test_no_arm_and_no_control_is_no_verdict() -> None:
    assert answer([], METRIC)[0] == "No verdict: there is nothing to compare with."


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        ("target accuracy", 0.149, "14.9 points"),
        ("target accuracy", -0.01, "1.0 point"),
        ("mean auc", 0.0312, "0.031 of auc"),
        ("target mae", 1234.5, "1,234 of mae"),
    ],
)
def test_a_difference_has_its_unit_and_no_sign(metric: str, value: float, words: str) -> None:
    assert amount(metric, value) == words


def test_names_are_in_words() -> None:
    assert all("_" not in words and "," not in words for words in PLAIN.values())
    assert plain("my_own_control") == "my own control"
    assert plain("linear_model, pooled") == "a linear model on all domains together"
    one = arm("", strategy="joint")
    assert named(one) == "joint"
    assert named(replace(one, lam="∞")) == "joint (λ=∞)"
    assert named(replace(one, lam="0.1, 1", chosen="by validation")) == "joint"


def test_who_helps_is_told_beside_a_control_that_decides_no_word() -> None:
    """Pooling all data is no control that a word depends on, and may be the better thing to do."""
    said = {}
    for mean in (0.1, 0.001, -0.1):
        beside = gain("joint, λ=1", mean, primary=False)
        said[mean] = answer([arm("HELPS", gain("scratch", 0.2), beside)], METRIC)[1]

    assert said[0.1] == ()
    together = "training on source and target together, which decides no word."
    assert said[0.001] == (f"Fused is not shown to be better than {together}",)
    assert said[-0.1] == (f"Fused is worse than {together}",)
