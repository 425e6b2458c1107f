import io
from collections.abc import Iterable
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, Group, RenderableType

from tlrun.report.relations import (
    DISAGREEMENT,
    MANY,
    MOST_MATRICES,
    asked_runs,
    mean_relations,
    relations,
)
from tlrun.runs.outcome import Outcome

from problems import outcome

ESCAPE = "\x1b[31mred\x9b\u202e"
MATRIX: dict[str, Any] = {
    "name": "Ω",
    "meaning": "covariance of the tasks",
    "tasks": ["a", "b"],
    "matrix": [[0.5, 0.25], [0.25, 0.5]],
}


def lines(parts: Iterable[RenderableType]) -> list[str]:
    """All that is shown, with one space between words."""
    console = Console(file=io.StringIO(), width=200, markup=False)
    console.print(Group(*parts))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [" ".join(line.split()) for line in shown.splitlines()]


def learning(**relation: Any) -> Outcome:
    """A run that has learnt MATRIX, or what replaces parts of it."""
    return outcome(result={**outcome().result, "relation": MATRIX | relation})


def test_what_was_learnt_of_the_tasks_is_a_matrix_with_their_names() -> None:
    learnt = MATRIX | {"matrix": [[0.5, -0.25], [0.125, 1]]}
    shown = lines(relations({"relation": learnt, "disagreement": 0.125}))

    assert shown == [
        f"heads apart: 12.5 % {DISAGREEMENT}",
        "",
        "Ω, covariance of the tasks:",
        "a b",
        "a 0.500 -0.250",
        "b 0.125 1.000",
    ]


@pytest.mark.parametrize("result", [{}, {"relation": None}])
def test_where_nothing_was_learnt_of_the_tasks_nothing_is_said(result: dict[str, Any]) -> None:
    assert list(relations(result)) == []


@pytest.mark.parametrize("count", [MANY, MANY + 1])
def test_a_matrix_of_many_tasks_is_left_in_its_file(count: int) -> None:
    names = [f"t{k}" for k in range(count)]
    shown = lines(
        relations({"relation": MATRIX | {"tasks": names, "matrix": [[0.5] * count] * count}})
    )
    left = f"{count} tasks; the matrix is in result.json, under relation" in shown

    assert left == (count > MANY)
    assert ("0.500" in " ".join(shown)) == (count <= MANY)


def test_a_sweep_shows_the_mean_matrix_of_each_setting_of_which_every_run_has_one() -> None:
    one, two = learning(), learning(matrix=[[1, 0.75], [0, -0.5]])
    plain = outcome()
    settings = [("Ω", [[one], [two]]), ("half", [[one], [plain]]), ("plain", [[plain]])]

    assert lines(mean_relations(settings)) == [
        "",
        "Ω, λ=1: Ω, covariance of the tasks, mean of 2 seeds:",
        "a b",
        "a 0.750 0.500",
        "b 0.125 0.000",
    ]


@given(st.lists(st.lists(st.floats(-9, 9), min_size=4, max_size=4), min_size=1, max_size=4))
def test_the_mean_is_taken_entry_by_entry(matrices: list[list[float]]) -> None:
    seeds = [[learning(matrix=[entries[:2], entries[2:]])] for entries in matrices]
    means = [f"{fmean(entries):.3f}" for entries in zip(*matrices, strict=True)]
    shown = lines(mean_relations([("x", seeds)]))

    assert shown[3:] == [f"a {means[0]} {means[1]}", f"b {means[2]} {means[3]}"]


def test_controls_have_no_matrix_of_their_own_and_decide_nothing() -> None:
    control = learning(matrix=[[9, 9], [9, 9]])
    seeds = [[learning(), control], [learning(), outcome()]]

    assert lines(mean_relations([("x", seeds)])) == lines(
        mean_relations([("x", [[learning()], [learning()]])])
    )
    assert asked_runs(seeds) == [seeds[0][0], seeds[1][0]]


def test_few_matrices_are_shown_and_the_rest_are_counted() -> None:
    settings = [(f"s{k}", [[learning()]]) for k in range(MOST_MATRICES + 2)]
    shown = lines(mean_relations(settings))

    assert sum("one seed:" in line for line in shown) == MOST_MATRICES
    assert shown[-1] == "and 2 more settings; each run's is shown by tl-run show"
    assert len(lines(mean_relations(settings[:MOST_MATRICES]))) == len(shown) - 1


def test_what_a_matrix_is_called_is_cleaned_and_its_markup_is_not_obeyed() -> None:
    """`tl-run show` reads it from a file that anyone may have written."""
    names = [f"[bold]{ESCAPE}", "b"]
    learnt = MATRIX | {"name": ESCAPE, "meaning": "[red]", "tasks": names}
    shown = "\n".join(lines(relations({"relation": learnt})))

    assert not set(shown) & {"\x1b", "\x9b", "\u202e"}
    assert "[red]" in shown
    assert "[bold]" in shown
