import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from tlrun.report.run_table import run_table
from tlrun.runs.outcome import Outcome

from problems import outcome


def shown(outcomes: Sequence[Outcome], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(run_table(outcomes, console))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [200, 100, 80])
def test_it_answers_the_question_at_any_width(width: int) -> None:
    text = shown([outcome(), outcome("scratch", 0.4, lam=None, found=True)], width)
    rows = [line.split() for line in text.splitlines()]

    assert ["feature_transfer", "1", "50.0", "719+50", "400", "38,400", "1.2"] in [
        row[:7] for row in rows
    ]
    assert ["scratch", "–", "40.0", "+10.0", "719+50", "400", "38,400", "found"] in [
        row[:8] for row in rows
    ]
    assert text.count("runs/digits/[bold]/x") == 2


def test_a_narrow_terminal_loses_columns_and_no_number() -> None:
    text = shown([outcome(), outcome("scratch, total budget", 0.4)], 60)

    assert "+10.0" in text
    assert "719+50" in text
    assert "38,400" not in text
    assert "…" not in text


def test_a_gain_is_the_run_minus_the_control() -> None:
    text = shown([outcome(test=0.5), outcome("better", 0.75), outcome("unknown", None)], 200)
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}

    assert rows["better"][2:4] == ["75.0", "-25.0"]
    assert rows["unknown"][2:4] == ["–", "–"]


def test_a_run_without_controls_speaks_of_no_gain() -> None:
    assert "gain" in shown([outcome(), outcome("scratch")], 100)
    assert "gain" not in shown([outcome()], 100)


def test_a_schedule_is_shown_by_its_label() -> None:
    text = shown([outcome(lam=None, lam_label="linear-0-2")], 200)

    assert "linear-0-2" in text


def test_a_result_made_elsewhere_is_marked() -> None:
    text = shown([outcome(differs="torch 1 then, 2 now")], 200)

    assert "this run: made elsewhere (torch 1 then, 2 now)" in text
    assert "made elsewhere" not in shown([outcome()], 200)


def labelled(count: int) -> Outcome:
    """A run on so many domains, the labels of each are 10, 11, ..."""
    run = outcome()
    labels = {f"d{k}": 10 + k for k in range(count)}
    return outcome(result={**run.result, "labels": labels})


@pytest.mark.parametrize(
    ("count", "cell", "legend"),
    [(1, "10", "labels: d0."), (4, "10+11+12+13", "labels: d0+d1+d2+d3."), (5, "60", "labels: of")],
)
def test_labels_of_many_domains_are_told_as_their_sum(count: int, cell: str, legend: str) -> None:
    text = shown([labelled(count)], 200)

    assert f" {cell} " in text
    assert legend in text


@pytest.mark.parametrize("width", [200, 100, 80])
def test_sizes_are_shown_where_runs_differ_in_them(width: int) -> None:
    size: dict[str, Any] = {"parameters": 30, "nonzeros": 25, "flops": 60}
    small = outcome(result={**outcome().result, "size": size})
    text = shown([small, outcome("scratch")], width)

    for cell in ("30 (30 %)", "25 (25 %)", "60 (30 %)"):
        assert cell in text
    assert "FLOPs: of one example's forward pass" in " ".join(text.split())
    assert "non-zeros" not in shown([outcome(), outcome("scratch")], width)
