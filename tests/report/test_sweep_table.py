import io
import math
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from tlrun.report.console import WIDE
from tlrun.report.sweep_table import NO_VERDICT, VERDICT, sweep_table
from tlrun.runs.outcome import Outcome

from problems import outcome

Answers = Sequence[tuple[str, Sequence[Sequence[Outcome]]]]


def shown(answers: Answers, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False)
    console.print(sweep_table(answers, console))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def said(answers: Answers) -> str:
    """All that is shown, in one line."""
    return " ".join(shown(answers).split())


def seeds(*tests: float, **changes: Any) -> list[list[Outcome]]:
    """An answer a seed, each with a control that scores 0.4."""
    return [
        [outcome(test=test, seed=k, **changes), outcome("scratch", 0.4, seed=k)]
        for k, test in enumerate(tests)
    ]


def row(answers: Answers, label: str) -> str:
    """The row of a setting, on a wide terminal."""
    (found,) = (line for line in shown(answers).splitlines() if line.startswith(f"{label} "))
    return " ".join(found.split())


def test_it_has_an_interval_per_control() -> None:
    text = shown([("λ=1", seeds(0.5, 0.6, 0.7))])

    assert "over scratch" in text
    assert NO_VERDICT in text
    assert "60.0 ± 24.8" in text  # t(0.975, 2) · 10 / √3
    assert "+20.0 ± 24.8" in text


@pytest.mark.parametrize("width", [60, 80, WIDE - 1])
def test_on_a_narrow_terminal_figures_stand_below_one_another_and_none_is_cut(width: int) -> None:
    text = shown([("λ=1", seeds(0.5, 0.6, 0.7)), ("λ=2", seeds(0.5, 0.6, 0.7))], width)
    lines = [" ".join(line.split()) for line in text.splitlines()]

    assert "setting λ seeds figure" in lines
    assert "λ=1 1 3 test target accuracy % 60.0 ± 24.8" in lines
    assert lines.count("over scratch +20.0 ± 24.8") == 2
    assert "…" not in text


def test_from_five_seeds_on_an_interval_may_be_read_and_foreign_runs_are_marked() -> None:
    differing = ["", *["torch 1 then, 2 now"] * 4]
    answer = [[outcome(seed=k, differs=differs)] for k, differs in enumerate(differing)]
    text = shown([("a", answer)])

    assert VERDICT in text
    assert text.count("made elsewhere (torch 1 then, 2 now)") == 1
    assert VERDICT not in shown([("a", answer[:4])])


def test_a_setting_without_a_control_or_of_one_seed_shows_a_dash() -> None:
    answers = [("a", [[outcome(), outcome("scratch")]]), ("b", [[outcome()]])]

    assert "50.0 ± –" in row(answers, "a")
    assert row(answers, "b").endswith("–")


def test_a_gain_over_fewer_seeds_than_the_row_says_so_and_the_fewest_decide_the_verdict() -> None:
    """A control failed on one seed of five; another setting has only four."""
    answer = seeds(0.5, 0.5, 0.5, 0.5, 0.5)
    answer[0] = answer[0][:1]
    answers = [("a", answer), ("b", answer[1:])]

    assert "+10.0 ± 0.0 (n=4)" in row(answers, "a")
    assert "(n=" not in row(answers, "b")
    assert NO_VERDICT in shown(answers)


def test_gains_are_paired_by_seed_and_not_between_means() -> None:
    """Run and control rise and fall together, so their difference knows no spread."""
    answer = [
        [outcome(test=test + 0.1, seed=k), outcome("scratch", test, seed=k)]
        for k, test in enumerate((0.2, 0.5, 0.8))
    ]

    assert "+10.0 ± 0.0" in row([("a", answer)], "a")


def test_the_ends_of_a_lambda_axis_are_columns_where_the_sweep_has_them() -> None:
    answers = [
        (f"λ={lam}", [[outcome(test=test, lam=lam, seed=k)] for k in range(3)])
        for lam, test in ((0.0, 0.3), (1.0, 0.5), (math.inf, 0.4))
    ]
    text = shown(answers)

    assert "over λ=0" in text
    assert "over λ=∞" in text
    assert row(answers, "λ=1.0").endswith("+20.0 ± 0.0 +10.0 ± 0.0")
    assert row(answers, "λ=0.0").endswith("– -10.0 ± 0.0")
    assert "over λ=∞" not in shown(answers[:2])
    assert "over λ" not in shown(answers[1:2])


def test_lambda_that_agree_in_six_digits_are_told_apart() -> None:
    near = (0.12345671, 0.12345672)
    answers = [("a", [[outcome(lam=near[0])]]), ("b", [[outcome(lam=near[1])]])]

    assert row(answers, "a").split()[1] == "0.12345671"
    assert row(answers, "b").split()[1] == "0.12345672"


def test_settings_that_are_scored_otherwise_say_by_what() -> None:
    headline = {"name": "target r2", "val": None, "test": 0.5}
    regression = outcome(family="g", result={**outcome().result, "headline": headline})
    answers = [("a", seeds(0.5)), ("b", [[regression]])]

    assert "target accuracy % 50.0 ± –" in row(answers, "a")
    assert "target r2 0.500 ± –" in row(answers, "b")


def test_sizes_are_shown_where_runs_differ_in_them() -> None:
    size = {"parameters": 30, "nonzeros": 25, "flops": 60}
    small = outcome(result={**outcome().result, "size": size})

    for width in (200, 100, 80):
        text = shown([("small", [[small]]), ("large", [[outcome()]])], width)
        assert "30 (30 %)" in text
    assert "FLOPs" not in shown([("large", [[outcome()]])])


def test_the_legend_says_what_all_arms_have_in_common() -> None:
    text = said([("a", seeds(0.5, 0.6))])

    assert "same test examples" in text
    assert "All arms have the same optimizer settings." in text


def test_the_legend_does_not_say_of_seeds_with_examples_of_their_own_that_they_share_them() -> None:
    """`dataset.split_seed=null` draws other test examples for every seed."""
    answer = seeds(0.5, 0.6)
    answer[1] = [outcome(test=0.6, seed=1, test_examples="others")]
    text = said([("a", answer)])

    assert "same test examples" not in text
    assert "every seed on test examples of its own" in text
    assert "in some rows every seed on test examples" in said(
        [("a", answer), ("b", seeds(0.5, 0.6))]
    )


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({"name": "adam", "lr": 0.1}, "optimizer.lr"),
        ({"name": "sgd", "lr": 0.003}, "optimizer"),
        ({"name": "adam", "lr": 0.003, "weight_decay": 0.1}, "optimizer.weight_decay"),
    ],
)
def test_the_legend_names_what_arms_of_other_optimizers_differ_in(
    other: dict[str, Any], key: str
) -> None:
    """As of a sweep over `optimizer.lr`."""
    text = said([("a", [[outcome()]]), ("b", [[outcome(optimizer=other, setting="t")]])])

    assert "same optimizer settings" not in text
    assert f"Arms differ in {key}; a control has what its run has." in text


def test_where_nothing_is_compared_no_gain_is_explained() -> None:
    assert "over X: gain" in said([("a", seeds(0.5))])
    assert "over X" not in said([("a", [[outcome()]])])


def test_markup_and_escape_sequences_in_a_label_are_shown_and_not_obeyed() -> None:
    text = shown([("[red]a\x1b[2J", seeds(0.5))])

    assert "[red]a�[2J" in text
    assert "\x1b" not in text
