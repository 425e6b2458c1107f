import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from tlrun.report.formatting import number
from tlrun.report.run_table import run_table
from tlrun.report.sweep_table import sweep_table
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS


def outcome(name: str = THIS, test: float | None = 0.5, seed: int = 0, **changes: Any) -> Outcome:
    result = {
        "headline": {"name": "target accuracy", "val": None, "test": test},
        "labels": {"source": 719, "target": 50},
        "steps": 400,
        "examples": 38400,
        "size": {"parameters": 100, "nonzeros": 100, "flops": 200},
    }
    facts: dict[str, Any] = {
        "name": name, "strategy": "feature_transfer", "lam": "1", "seed": seed, "setting": "s", "family": "f",
        "path": Path("runs/digits/[bold]/x"), "result": result, "found": False, "differs": "", "seconds": 1.25,
    }  # fmt: skip
    return Outcome(**facts | changes)


def text(table: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def swept(answers: Any, width: int) -> str:
    return text(sweep_table(answers, Console(file=io.StringIO(), width=width)), width)


def test_accuracy_is_in_percent_and_other_scores_are_not() -> None:
    assert number("target accuracy", 0.5) == "50.0"
    assert number("target accuracy", -0.012, signed=True) == "-1.2"
    assert number("target r2", 0.5, signed=True) == "+0.500"
    assert number("target r2", None) == "–"


@pytest.mark.parametrize("width", [200, 100, 80])
def test_the_run_table_answers_the_question_at_any_width(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    shown = text(
        run_table([outcome(), outcome("scratch", 0.4, lam="", found=True)], console), width
    )
    rows = [line.split() for line in shown.splitlines()]

    assert ["feature_transfer", "1", "50.0", "719+50", "400", "38,400", "1.2"] in [
        row[:7] for row in rows
    ]
    assert ["scratch", "–", "40.0", "+10.0", "719+50", "400", "38,400", "found"] in [
        row[:8] for row in rows
    ]
    assert shown.count("runs/digits/[bold]/x") == 2


def test_a_narrow_terminal_loses_columns_and_no_number() -> None:
    console = Console(file=io.StringIO(), width=60)
    shown = text(run_table([outcome(), outcome("scratch, total budget", 0.4)], console), 60)
    seeds = [
        [outcome(test=t, seed=k), outcome("scratch", 0.4)] for k, t in enumerate((0.5, 0.6, 0.7))
    ]

    assert "+10.0" in shown
    assert "719+50" in shown
    assert "…" not in shown
    assert "60.0 ± 24.8" in swept([("λ=1", seeds)], 60)
    assert "+20.0 ± 24.8" in swept([("λ=1", seeds)], 60)


def test_a_run_without_controls_speaks_of_no_gain() -> None:
    assert "gain" not in text(run_table([outcome()], Console(file=io.StringIO(), width=100)), 100)


def test_a_result_made_elsewhere_is_marked() -> None:
    console = Console(file=io.StringIO(), width=200)
    shown = text(run_table([outcome(differs="torch 1 then, 2 now")], console), 200)

    assert "this run: made elsewhere (torch 1 then, 2 now)" in shown


def test_the_sweep_table_has_an_interval_per_control() -> None:
    seeds = [
        [outcome(test=t, seed=k), outcome("scratch", 0.4)] for k, t in enumerate((0.5, 0.6, 0.7))
    ]
    shown = swept([("λ=1", seeds)], 200)

    assert "over scratch" in shown
    assert "Fewer than 5 seeds: no verdict." in shown
    assert "60.0 ± 24.8" in shown  # t(0.975, 2) · 10 / √3
    assert "+20.0 ± 24.8" in shown


def test_from_five_seeds_on_an_interval_may_be_read_and_foreign_runs_are_marked() -> None:
    seeds = [[outcome(seed=k, differs="torch 1 then, 2 now" if k else "")] for k in range(5)]
    shown = swept([("a", seeds)], 200)

    assert "below 0 hurts" in shown
    assert shown.count("made elsewhere (torch 1 then, 2 now)") == 1


def test_a_setting_without_a_control_or_of_one_seed_shows_a_dash() -> None:
    shown = swept([("a", [[outcome(), outcome("scratch")]]), ("b", [[outcome()]])], 200)
    rows = {line.split()[0]: line for line in shown.splitlines() if line.startswith(("a ", "b "))}

    assert "50.0 ± –" in rows["a"]
    assert rows["b"].rstrip().endswith("–")


def test_a_gain_over_fewer_seeds_than_the_row_says_so_and_the_fewest_decide_the_verdict() -> None:
    """A control failed on one seed of five; another setting has only four."""
    seeds = [
        [outcome(test=0.5, seed=k), *([outcome("scratch", 0.4)] if k else [])] for k in range(5)
    ]
    shown = swept([("a", seeds), ("b", seeds[1:])], 200)
    rows = {line.split()[0]: line for line in shown.splitlines() if line.startswith(("a ", "b "))}

    assert "+10.0 ± 0.0 (n=4)" in rows["a"]
    assert "(n=" not in rows["b"]
    assert "Fewer than 5 seeds: no verdict." in shown


@pytest.mark.parametrize("width", [200, 100, 80])
def test_sizes_are_shown_where_runs_differ_in_them(width: int) -> None:
    small = outcome(name=THIS, test=0.5)
    small.result["size"] |= {"parameters": 30, "nonzeros": 25, "flops": 60}  # type: ignore[index]
    shown = text(
        run_table([small, outcome("scratch")], Console(file=io.StringIO(), width=width)), width
    )

    assert "30 (30 %)" in shown
    assert "25 (25 %)" in shown
    assert "60 (30 %)" in shown
    assert "non-zeros" not in text(
        run_table([outcome(), outcome("scratch")], Console(file=io.StringIO(), width=width)), width
    )
    assert "30 (30 %)" in swept([("small", [[small]]), ("large", [[outcome()]])], width)
