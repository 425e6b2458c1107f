import io
from collections.abc import Iterable

import pytest
from rich.console import Console, Group, RenderableType

from tlrun.core.task import TaskKey
from tlrun.report.relations import MANY
from tlrun.report.run_table import run_table
from tlrun.report.task_gains import ALONE, delta_m, task_scores
from tlrun.report.tasks import LEGEND, run_tasks
from tlrun.runs.plan import THIS

from problems import numbered, scored

ESCAPE = "\x1b[31mred\x9b\u202e"
MATRIX = {
    "name": "Ω",
    "meaning": "covariance of the tasks",
    "tasks": ["a", "b"],
    "matrix": [[0.5, 0.25], [0.25, 0.5]],
}


def text(parts: Iterable[RenderableType], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(Group(*parts))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def rows(parts: Iterable[RenderableType]) -> list[list[str]]:
    return [line.split() for line in text(parts).splitlines()]


@pytest.mark.parametrize(("mine", "theirs"), [
    ({"d/t0": 0.5, "d/t1": 0.5}, {"d/t0": 0.5, "d/t1": 0.0}),
    ({"d/t0": 0.5, "d/t1": 0.5}, {"d/t0": 0.5, "d/t1": -0.1}),
    ({"d/t0": 0.5, "d/t1": None}, {"d/t0": 0.5, "d/t1": 0.5}),
    ({"d/t0": 0.5, "d/t1": 0.5}, {"d/t0": None, "d/t1": 0.5}),
    ({"d/t0": 0.5, "d/t1": 0.5}, {"d/t0": 0.5}),
])  # fmt: skip
def test_delta_m_is_undefined_where_one_of_its_terms_is(
    mine: dict[str, float | None], theirs: dict[str, float | None]
) -> None:
    run, single = scored(mine, metrics=numbered(2)), scored(theirs, ALONE, numbered(2))

    assert delta_m(run, single) is None
    assert f"Δm of task_relation: –. {LEGEND}" in text(run_tasks([run, single]), width=400)


def test_a_result_of_before_there_were_tasks_in_it_has_none() -> None:
    old = scored({"d/a": 0.5, "d/b": 0.5})
    del old.result["headline"]["tasks"]

    assert task_scores(old) == {}
    assert delta_m(old, old) is None
    assert list(run_tasks([old])) == []


def test_the_task_table_lists_each_task_in_every_arm_with_its_gain_over_learning_it_alone() -> None:
    outcomes = [
        scored({"d/a": 0.6, "d/b": 0.3}),
        scored({"d/a": 0.5, "d/b": 0.4}, ALONE),
        scored({"d/a": 0.1, "d/b": None}, "shared_parameters"),
    ]
    shown = rows(run_tasks(outcomes))

    head = [
        "task",
        "metric",
        "task_relation",
        "single_task",
        "shared_parameters",
        "gain",
        "over",
        "single_task",
    ]
    assert head in shown
    assert ["a", "accuracy", "%", "60.0", "50.0", "10.0", "+10.0"] in shown
    assert ["b", "r2", "0.300", "0.400", "–", "-0.100"] in shown
    assert "Δm of task_relation: –." in text(run_tasks(outcomes))  # of two metrics there is none


def test_without_the_control_there_are_scores_and_no_gain() -> None:
    shown = text(run_tasks([scored({"d/a": 0.6, "d/b": 0.3})]))

    assert "60.0" in shown
    assert "gain" not in shown
    assert "Δm" not in shown


@pytest.mark.parametrize(("metrics", "names"), [
    ({"d/a": "r2", "d/b": "r2"}, ["a", "b"]),
    ({"d/a": "r2", "e/a": "r2"}, ["d", "e"]),
    ({"d/a": "r2", "e/b": "r2"}, ["d/a", "e/b"]),
])  # fmt: skip
def test_a_task_is_called_by_what_sets_it_apart(metrics: dict[str, str], names: list[str]) -> None:
    run = scored(dict.fromkeys(metrics, 0.5), metrics=metrics)

    assert [row[0] for row in rows(run_tasks([run])) if row[1:2] == ["r2"]] == names


def test_many_tasks_are_counted_and_not_listed() -> None:
    metrics = numbered(MANY + 1)
    theirs = dict.fromkeys(metrics, 0.5)
    mine = theirs | {"d/t0": 0.1, "d/t1": 0.75, "d/t2": 0.625}
    outcomes = [scored(mine, metrics=metrics), scored(theirs, ALONE, metrics)]
    shown = text(run_tasks(outcomes), width=400)

    assert (
        f"over single_task: 2 of {MANY + 1} tasks up, mean -0.002, from t0 -0.400, t1 +0.250"
        in shown
    )
    assert "Δm of task_relation: -0.4 %" in shown
    assert "t3" not in shown
    listed = dict(list(metrics.items())[:MANY])
    assert "t3" in text(run_tasks([scored(dict.fromkeys(listed, 0.5), metrics=listed)]))


def test_many_tasks_of_different_metrics_are_counted_without_a_mean() -> None:
    metrics = numbered(MANY) | {"d/last": "rmse"}
    theirs = dict.fromkeys(metrics, 0.5)
    outcomes = [scored(theirs | {"d/last": 0.4}, metrics=metrics), scored(theirs, ALONE, metrics)]
    shown = text(run_tasks(outcomes), width=400)

    assert f"over single_task: 1 of {MANY + 1} tasks up\n" in shown


@pytest.mark.parametrize("count", [2, MANY + 1])
def test_tasks_of_which_no_gain_is_known_do_not_stop_the_table(count: int) -> None:
    metrics = numbered(count)
    undefined = dict.fromkeys(metrics)
    outcomes = [scored(undefined, metrics=metrics), scored(undefined, ALONE, metrics)]

    assert "Δm of task_relation: –" in text(run_tasks(outcomes))


def test_nothing_is_said_of_tasks_where_there_is_one() -> None:
    one = {"target/digit": "accuracy"}
    outcomes = [
        scored({"target/digit": 0.5}, metrics=one),
        scored({"target/digit": 0.4}, ALONE, one),
    ]
    console = Console(file=io.StringIO(), width=200)

    assert list(run_tasks(outcomes)) == []
    assert "Δm" not in text([run_table(outcomes, console)])


def test_the_table_of_a_command_has_the_tasks_in_it() -> None:
    outcomes = [
        scored({"d/t0": 0.6, "d/t1": 0.3}, metrics=numbered(2), relation=MATRIX),
        scored({"d/t0": 0.5, "d/t1": 0.4}, ALONE, numbered(2)),
    ]
    console = Console(file=io.StringIO(), width=200)

    assert "Δm of task_relation: -2.5 %" in text([run_table(outcomes, console)])
    assert "Ω, covariance of the tasks:" in text([run_table(outcomes, console)])


def strange(count: int) -> str:
    """All that is printed of runs whose tasks and relation have odd names."""
    metrics = {f"d/{ESCAPE}[bold]{k}": "accuracy" for k in range(count)}
    names = [TaskKey.parse(name).task for name in metrics]
    learnt = {"name": "Ω", "meaning": "a matrix", "tasks": names, "matrix": [[0.5] * count] * count}
    run, single = (
        scored(dict.fromkeys(metrics, 0.5), name, metrics, relation=learnt)
        for name in (THIS, ALONE)
    )
    return text(run_tasks([run, single]), width=400)


@pytest.mark.parametrize("count", [2, MANY + 1])
def test_escape_sequences_in_names_are_cleaned(count: int) -> None:
    shown = strange(count)

    assert "�[31mred��" in shown
    assert not set(shown) & {"\x1b", "\x9b", "\u202e"}


def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    assert "[bold]0" in strange(2)
