import io
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from rich.console import Console, Group, RenderableType

from tlrun.core.task import TaskKey
from tlrun.report.formatting import interval
from tlrun.report.relations import DISAGREEMENT, MANY, Seeds
from tlrun.report.run_table import run_table
from tlrun.report.sweep_table import sweep_table
from tlrun.report.task_gains import ALONE, delta_m, task_scores
from tlrun.report.tasks import (
    LEGEND,
    run_tasks,
    sweep_tasks,
)
from tlrun.runs.plan import THIS

from problems import numbered, scored

SCORE = st.floats(0.01, 1)
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


def squeezed(shown: str) -> list[str]:
    """The lines of a table with one space between words."""
    return [" ".join(line.split()) for line in shown.splitlines()]


def seeds(mine: Iterable[float], theirs: Iterable[float], **result: Any) -> Seeds:
    """Per seed, a run and its single_task; both tasks score alike."""
    return [
        [
            scored({"d/t0": m, "d/t1": m}, metrics=numbered(2), seed=k, **result),
            scored({"d/t0": s, "d/t1": s}, ALONE, numbered(2), seed=k),
        ]
        for k, (m, s) in enumerate(zip(mine, theirs, strict=True))
    ]


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
    assert ["a", "1", "–"] in [row[:3] for row in rows(sweep_tasks([("a", [[run, single]])]))]


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


def test_many_tasks_over_seeds_are_counted_by_their_intervals() -> None:
    metrics = numbered(MANY + 1)
    outcomes = []
    for seed, noise in enumerate((-0.001, 0.0, 0.001)):
        mine = dict.fromkeys(metrics, 0.5 + noise) | {"d/t0": 0.6, "d/t1": 0.7, "d/t2": 0.4}
        theirs = dict.fromkeys(metrics, 0.5)
        outcomes.append(
            [scored(mine, metrics=metrics, seed=seed), scored(theirs, ALONE, metrics, seed)]
        )
    shown = text(sweep_tasks([("a", outcomes)]))

    assert "2 of 13 up, 1 down, 10 within their intervals" in shown
    assert "setting λ Δm % tasks" in squeezed(shown)


def test_one_seed_of_many_tasks_has_no_interval_to_count_by() -> None:
    metrics = numbered(MANY + 1)
    mine, theirs = dict.fromkeys(metrics, 0.6), dict.fromkeys(metrics, 0.5)
    outcomes = [scored(mine, metrics=metrics), scored(theirs, ALONE, metrics)]

    assert "0 of 13 up, 0 down, 13 within their intervals" not in text(
        sweep_tasks([("a", [outcomes])])
    )


def test_a_sweep_has_delta_m_and_each_tasks_gain_with_intervals_over_seeds() -> None:
    mine, theirs = (0.6, 0.7, 0.8), (0.5, 0.5, 0.5)
    shown = text(sweep_tasks([("up", seeds(mine, theirs)), ("same", seeds(theirs, theirs))]))
    gains = [m - s for m, s in zip(mine, theirs, strict=True)]
    relative = [100 * gain / 0.5 for gain in gains]
    each = [interval(metric, gains, signed=True) for metric in ("accuracy", "accuracy")]
    told = [interval("", relative, signed=True, digits=1), *each]
    lines = squeezed(shown)

    assert f"Gain over {ALONE}, task by task (accuracy in points):" in shown
    assert "setting λ Δm % t0 t1" in lines
    assert " ".join(["up 1", *told]) in lines
    assert "same 1 +0.0 ± 0.0 +0.0 ± 0.0 +0.0 ± 0.0" in lines
    assert "heads apart" not in shown


def test_a_sweep_shows_how_far_heads_are_apart_where_any_run_knows() -> None:
    apart = seeds((0.6, 0.6), (0.5, 0.5), disagreement=0.25)
    shown = text(
        sweep_tasks([("apart", apart), ("tied", seeds((0.6, 0.6), (0.5, 0.5)))]), width=400
    )
    lines = squeezed(shown)

    assert "setting λ Δm % heads apart % t0 t1" in lines
    assert [line for line in lines if line.startswith("apart 1 +20.0 ± 0.0 25.0 ± 0.0 +10.0 ")]
    assert [line for line in lines if line.startswith("tied 1 +20.0 ± 0.0 – +10.0 ")]
    assert f"heads apart: how many {DISAGREEMENT}." in shown


def test_a_seed_without_the_control_does_not_count_and_a_setting_without_any_has_no_row() -> None:
    alone = scored({"d/t0": 0.0, "d/t1": 0.0}, metrics=numbered(2), seed=2)
    outcomes = [*seeds((0.6, 0.6), (0.5, 0.5)), [alone]]
    shown = rows(sweep_tasks([("some", outcomes), ("none", outcomes[2:])]))

    assert ["some", "1", "+20.0", "±", "0.0"] in [row[:5] for row in shown]
    assert "none" not in [row[0] for row in shown if row]


def test_nothing_is_said_of_tasks_where_there_is_one() -> None:
    one = {"target/digit": "accuracy"}
    outcomes = [
        scored({"target/digit": 0.5}, metrics=one),
        scored({"target/digit": 0.4}, ALONE, one),
    ]
    console = Console(file=io.StringIO(), width=200)

    assert list(run_tasks(outcomes)) == []
    assert list(sweep_tasks([("a", [outcomes])])) == []
    for table in (run_table(outcomes, console), sweep_table([("a", [outcomes])], console)):
        assert "Δm" not in text([table])


def test_both_tables_of_a_command_have_the_tasks_in_them() -> None:
    outcomes = [
        scored({"d/t0": 0.6, "d/t1": 0.3}, metrics=numbered(2), relation=MATRIX),
        scored({"d/t0": 0.5, "d/t1": 0.4}, ALONE, numbered(2)),
    ]
    console = Console(file=io.StringIO(), width=200)

    assert "Δm of task_relation: -2.5 %" in text([run_table(outcomes, console)])
    assert "Ω, covariance of the tasks:" in text([run_table(outcomes, console)])
    assert "Δm %" in text([sweep_table([("a", [outcomes])], console)])


def test_settings_of_different_tasks_do_not_stop_the_table() -> None:
    """As of a sweep over data sets."""
    other = {"e/c": "r2", "e/d": "r2"}
    elsewhere = [[scored(dict.fromkeys(other, 0.5), name, other) for name in (THIS, ALONE)]]

    assert text(sweep_tasks([("here", seeds((0.6,), (0.5,))), ("elsewhere", elsewhere)]))


def strange(count: int) -> str:
    """All that is printed of runs whose tasks, setting and relation have an escape sequence in
    their names."""
    metrics = {f"d/{ESCAPE}[bold]{k}": "accuracy" for k in range(count)}
    names = [TaskKey.parse(name).task for name in metrics]
    learnt = {"name": "Ω", "meaning": "a matrix", "tasks": names, "matrix": [[0.5] * count] * count}
    run, single = (
        scored(dict.fromkeys(metrics, 0.5), name, metrics, relation=learnt)
        for name in (THIS, ALONE)
    )
    return text(
        [*run_tasks([run, single]), *sweep_tasks([(f"{ESCAPE}a", [[run, single]])])], width=400
    )


@pytest.mark.parametrize("count", [2, MANY + 1])
def test_escape_sequences_in_names_are_cleaned(count: int) -> None:
    shown = strange(count)

    assert "�[31mred��" in shown
    assert not set(shown) & {"\x1b", "\x9b", "\u202e"}


def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    assert "[bold]0" in strange(2)
