import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from tlrun.report.run_table import best_of, ordered, run_table
from tlrun.runs.outcome import Outcome

from problems import outcome, scored

NAMES = ["scratch", "scratch, total budget", "source_only", "joint, λ=1"]
OUTSIDE = ["linear_model, pooled", "gradient_boosting, pooled"]


def shown(outcomes: Sequence[Outcome], width: int, wide: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(run_table(outcomes, console, wide))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def row(text: str, name: str) -> list[str]:
    """What stands in the row of `name` behind it."""
    (line,) = (line for line in text.splitlines() if line.lstrip(" *>").startswith(f"{name}  "))
    return line.lstrip(" *>").removeprefix(name).split()


@pytest.mark.parametrize("width", [200, 120, 80])
def test_it_answers_the_question_at_any_width(width: int) -> None:
    text = shown([outcome(), outcome("scratch", 0.4, lam=None, found=True)], width)

    assert text.startswith("feature_transfer (λ=1): 50.0 % target accuracy, 10.0 points above")
    assert row(text, "feature_transfer") == ["1", "50.0", "+10.0", "719+50", "1.2"]
    assert row(text, "scratch") == ["–", "40.0", "·", "719+50", "found"]


@pytest.mark.parametrize("width", [200, 160, 120, 80])
@pytest.mark.parametrize("wide", [False, True])
def test_no_number_is_wrapped_or_cut_and_no_line_too_long(width: int, wide: bool) -> None:
    labels = {"north": 1120, "south": 1120, "west": 42}
    runs = [outcome(), *(outcome(name, 0.25) for name in NAMES + OUTSIDE)]
    told = [outcome(run.name, 0.25, result={**run.result, "labels": labels}) for run in runs]
    text = shown(told, width, wide)

    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for name in NAMES + OUTSIDE:
        if not wide or width > 80:  # else the end of a name is folded below its beginning
            assert row(text, name)[:2] == ["1", "25.0"]
            assert "1120+1120+42" in row(text, name)


def test_a_narrow_terminal_loses_columns_and_no_score() -> None:
    text = shown([outcome(), outcome("scratch, total budget", 0.4)], 50)

    assert "+10.0" in text
    assert "50.0" in text
    assert "…" not in text


def test_the_best_row_comes_first_and_is_marked_and_so_is_the_one_that_was_asked_for() -> None:
    runs = [outcome(test=0.5), outcome("joint", 0.75), outcome("none", None), outcome("low", 0.1)]
    lines = shown(runs, 120).splitlines()
    rows = [line for line in lines if "719+50" in line]

    assert [run.name for run in ordered(runs)] == ["joint", "this run", "low", "none"]
    assert [line[:3].strip() for line in rows] == ["*", ">", "", ""]
    assert ["joint" in rows[0], "feature_transfer" in rows[1]] == [True, True]


def test_where_lower_is_better_the_lowest_comes_first() -> None:
    runs = []
    for name, test in (("this run", 2.0), ("scratch", 3.0), ("joint", 1.5)):
        result = outcome().result
        headline = {**result["headline"], "name": "target rmse", "test": test}
        runs.append(outcome(name, result={**result, "headline": headline}))

    assert [run.name for run in ordered(runs)] == ["joint", "this run", "scratch"]
    assert best_of(runs) == [runs[2]]


def test_equally_good_rows_are_all_the_best_and_one_alone_is_none() -> None:
    one, other = outcome(test=0.5), outcome("scratch", 0.5)

    assert best_of([one, other, outcome("low", 0.4)]) == [one, other]
    assert best_of([one]) == []
    assert best_of([one, outcome("unknown", None)]) == []


def test_a_gain_is_the_row_minus_the_control_that_all_are_compared_with() -> None:
    runs = [outcome(test=0.5), outcome("scratch", 0.25), outcome("better", 0.75)]
    text = shown([*runs, outcome("unknown", None)], 200)

    assert row(text, "feature_transfer")[1:3] == ["50.0", "+25.0"]
    assert row(text, "better")[1:3] == ["75.0", "+50.0"]
    assert row(text, "unknown")[1:3] == ["–", "–"]
    assert "over scratch: above 0 is better than it" in text


def test_a_run_without_controls_speaks_of_no_gain() -> None:
    assert "over scratch" in shown([outcome(), outcome("scratch")], 100)
    assert "over" not in shown([outcome()], 100)


def test_what_lam_is_is_said_where_it_decides_something() -> None:
    schedule = outcome(lam=None, lam_label="linear-0-inf")
    text = shown([schedule, outcome("scratch")], 200)

    assert "linear-0-∞" in text
    assert "λ: the weight of the target's loss" in text
    assert "λ" not in shown([outcome(lam=None), outcome("scratch", lam=None)], 200)


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
    text = shown([labelled(count)], 200, wide=True)

    assert f" {cell} " in text
    assert legend in text


def test_in_short_the_domains_of_labels_are_named_where_they_are_several() -> None:
    assert "labels: d0+d1." in shown([labelled(2)], 80)
    assert "labels:" not in shown([labelled(1)], 80)
    assert "labels:" not in shown([labelled(5)], 80)


def test_in_short_one_line_says_where_the_runs_are_and_how_to_see_the_rest() -> None:
    text = shown([outcome(), outcome("scratch")], 120)

    assert "38,400" not in text
    assert "runs/digits/[bold]/x" not in text
    assert "Run folders: runs/digits/; this run: tl-run show x; all: --wide" in text


@pytest.mark.parametrize("width", [200, 100, 80])
def test_wide_has_every_path_and_what_each_has_cost(width: int) -> None:
    text = shown([outcome(), outcome("scratch")], width, wide=True)

    assert "38,400" in text
    assert text.count("runs/digits/[bold]/x") == 2
    assert "examples: drawn in training" in text


@pytest.mark.parametrize("width", [200, 100, 80])
def test_wide_has_sizes_where_runs_differ_in_them(width: int) -> None:
    size: dict[str, Any] = {"parameters": 30, "nonzeros": 25, "flops": 60}
    small = outcome(result={**outcome().result, "size": size})
    text = shown([small, outcome("scratch")], width, wide=True)

    for cell in ("30 (30 %)", "25 (25 %)", "60 (30 %)"):
        assert cell in text
    assert "FLOPs: of one example's forward pass" in " ".join(text.split())
    assert "FLOPs" not in shown([small, outcome("scratch")], width)
    assert "non-zeros" not in shown([outcome(), outcome("scratch")], width, wide=True)


def test_where_tasks_are_counted_it_is_not_said_that_above_0_is_better() -> None:
    run, single = scored({"d/a": 0.6, "d/b": 0.3}), scored({"d/a": 0.5, "d/b": 0.4}, "single_task")
    text = shown([run, single], 120)

    assert "1 of 2 tasks up" in text
    assert "over single_task: on how many tasks better than it" in text
    assert "above 0" not in text


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("width", [200, 80])
def test_a_run_that_has_diverged_is_told(who: int, width: int) -> None:
    """In its row, in the answer and, with how far, below; its control too."""
    far = "test loss 3e+30 of d/t, of one answer for all 2.3; try a smaller optimizer.lr"
    runs = [outcome(), outcome("scratch", 0.4, lam=None)]
    runs[who] = replace(runs[who], diverged=True, how_far=far)
    name = ("feature_transfer", "scratch")[who]
    text = shown(runs, width)
    words = " ".join(text.split())

    assert f"{name} (diverged)" in text
    assert best_of(runs) == []  # of one alone nothing is said
    assert f"{name} diverged: that says nothing of what is compared." in words
    assert f"{name} diverged: {far}" in words
    assert "diverged" not in shown([replace(run, diverged=False) for run in runs], width)
