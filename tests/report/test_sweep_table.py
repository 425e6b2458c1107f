import math

import pytest
from sweeps_shown import seeds, shown

from tlrun.report.console import WIDE
from tlrun.report.sweep_legend import Settings
from tlrun.report.sweep_table import NO_VERDICT, VERDICT
from tlrun.runs.outcome import Outcome

from problems import outcome


def row(settings: Settings, label: str) -> str:
    """The row of a setting, on a wide terminal."""
    (found,) = (line for line in shown(settings).splitlines() if line.startswith(f"{label} "))
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
    outcomes = [[outcome(seed=k, differs=differs)] for k, differs in enumerate(differing)]
    text = shown([("a", outcomes)])

    assert VERDICT in text
    assert text.count("made elsewhere (torch 1 then, 2 now)") == 1
    assert VERDICT not in shown([("a", outcomes[:4])])


def test_a_setting_without_a_control_or_of_one_seed_shows_a_dash() -> None:
    settings = [("a", [[outcome(), outcome("scratch")]]), ("b", [[outcome()]])]

    assert "50.0 ± –" in row(settings, "a")
    assert row(settings, "b").endswith("–")


def test_a_gain_over_fewer_seeds_than_the_row_says_so_and_the_fewest_decide_the_verdict() -> None:
    """A control failed on one seed of five; another setting has only four."""
    outcomes = seeds(0.5, 0.5, 0.5, 0.5, 0.5)
    outcomes[0] = outcomes[0][:1]
    settings = [("a", outcomes), ("b", outcomes[1:])]

    assert "+10.0 ± 0.0 (n=4)" in row(settings, "a")
    assert "(n=" not in row(settings, "b")
    assert NO_VERDICT in shown(settings)


def test_gains_are_paired_by_seed_and_not_between_means() -> None:
    """Run and control rise and fall together, so their difference knows no spread."""
    outcomes = [
        [outcome(test=test + 0.1, seed=k), outcome("scratch", test, seed=k)]
        for k, test in enumerate((0.2, 0.5, 0.8))
    ]

    assert "+10.0 ± 0.0" in row([("a", outcomes)], "a")


def test_the_ends_of_a_lambda_axis_are_columns_where_the_sweep_has_them() -> None:
    settings = [
        (f"λ={lam}", [[outcome(test=test, lam=lam, seed=k)] for k in range(3)])
        for lam, test in ((0.0, 0.3), (1.0, 0.5), (math.inf, 0.4))
    ]
    text = shown(settings)

    assert "over λ=0" in text
    assert "over λ=∞" in text
    assert row(settings, "λ=1.0").endswith("+20.0 ± 0.0 +10.0 ± 0.0")
    assert row(settings, "λ=0.0").endswith("– -10.0 ± 0.0")
    assert "over λ=∞" not in shown(settings[:2])
    assert "over λ" not in shown(settings[1:2])


def test_lambda_that_agree_in_six_digits_are_told_apart() -> None:
    near = (0.12345671, 0.12345672)
    settings = [("a", [[outcome(lam=near[0])]]), ("b", [[outcome(lam=near[1])]])]

    assert row(settings, "a").split()[1] == "0.12345671"
    assert row(settings, "b").split()[1] == "0.12345672"


def test_settings_that_are_scored_otherwise_say_by_what() -> None:
    headline = {"name": "target r2", "val": None, "test": 0.5}
    regression = outcome(family="g", result={**outcome().result, "headline": headline})
    settings = [("a", seeds(0.5)), ("b", [[regression]])]

    assert "target accuracy % 50.0 ± –" in row(settings, "a")
    assert "target r2 0.500 ± –" in row(settings, "b")


def test_what_was_tested_on_is_told_where_all_seeds_have_it() -> None:
    def judged(count: int) -> Outcome:
        headline = {**outcome().result["headline"], "tasks": {"d/t": "accuracy"}}
        told = {"headline": headline, "tested": {"d/t": {"labels": count, "classes": {"a": count}}}}
        return outcome(result={**outcome().result, **told})

    assert "Tested: t on 30 test examples" in shown([("a", [[judged(30)], [judged(30)]])])
    assert "Tested:" not in shown([("a", [[judged(30)], [judged(31)]])])


def test_sizes_are_shown_where_runs_differ_in_them() -> None:
    size = {"parameters": 30, "nonzeros": 25, "flops": 60}
    small = outcome(result={**outcome().result, "size": size})

    for width in (200, 100, 80):
        text = shown([("small", [[small]]), ("large", [[outcome()]])], width)
        assert "30 (30 %)" in text
    assert "FLOPs" not in shown([("large", [[outcome()]])])


def test_markup_and_escape_sequences_in_a_label_are_shown_and_not_obeyed() -> None:
    text = shown([("[red]a\x1b[2J", seeds(0.5))])

    assert "[red]a�[2J" in text
    assert "\x1b" not in text
