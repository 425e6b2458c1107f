import io
from collections.abc import Iterable, Sequence

import pytest
from rich.console import Console, Group, RenderableType

from tlrun.core.task import TaskKey
from tlrun.report.relations import MANY
from tlrun.report.run_table import run_table
from tlrun.report.task_gains import ALONE, delta_m, task_scores
from tlrun.report.tasks import LEGEND, SHORT, run_tasks
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

from problems import numbered, scored

ESCAPE = "\x1b[31mred\x9b\u202e"
MATRIX = {
    "name": "Ω",
    "meaning": "covariance of the tasks",
    "tasks": ["a", "b"],
    "matrix": [[0.5, 0.25], [0.25, 0.5]],
}


def parts_of(
    outcomes: Sequence[Outcome], width: int = 200, wide: bool = True
) -> list[RenderableType]:
    return list(run_tasks(outcomes, width, wide))


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
    shown = text(parts_of([run, single], 400), width=400)

    assert LEGEND in shown
    assert ["Δm", "%", "–", "·"] in [line.split() for line in shown.splitlines()]


def test_a_result_of_before_there_were_tasks_in_it_has_none() -> None:
    old = scored({"d/a": 0.5, "d/b": 0.5})
    del old.result["headline"]["tasks"]

    assert task_scores(old) == {}
    assert delta_m(old, old) is None
    assert (parts_of([old])) == []


def test_the_task_table_lists_each_task_in_every_arm_with_its_gain_over_learning_it_alone() -> None:
    outcomes = [
        scored({"d/a": 0.6, "d/b": 0.3}),
        scored({"d/a": 0.5, "d/b": 0.4}, ALONE),
        scored({"d/a": 0.1, "d/b": None}, "shared_parameters"),
    ]
    shown = rows(parts_of(outcomes))

    assert ["task", "metric", "relation", "task", "parameters"] in shown
    assert ["a", "accuracy", "%", "*60.0", "+10.0", "50.0", "·", "10.0", "-40.0"] in shown
    assert ["b", "r2", "0.300", "-0.100", "*0.400", "·", "–", "–"] in shown
    assert ["Δm", "%", "–", "·", "–"] in shown  # of two metrics there is none


def test_without_the_control_there_are_scores_and_no_gain() -> None:
    shown = text(parts_of([scored({"d/a": 0.6, "d/b": 0.3})]))

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

    assert [row[0] for row in rows(parts_of([run])) if row[1:2] == ["0.500"]] == names


def test_many_tasks_are_counted_and_not_listed() -> None:
    metrics = numbered(MANY + 1)
    theirs = dict.fromkeys(metrics, 0.5)
    mine = theirs | {"d/t0": 0.1, "d/t1": 0.75, "d/t2": 0.625}
    outcomes = [scored(mine, metrics=metrics), scored(theirs, ALONE, metrics)]
    shown = text(parts_of(outcomes), width=400)

    lines = [line.split() for line in shown.splitlines()]

    assert f"Gains of {MANY + 1} tasks over single_task, in accuracy %:" in shown
    row = ["task_relation", "2", "of", f"{MANY + 1}", "-0.2", "-0.4", "-40.0", "t0", "+25.0", "t1"]
    assert row in lines
    assert "t3" not in shown
    listed = dict(list(metrics.items())[:MANY])
    assert "t3" in text(parts_of([scored(dict.fromkeys(listed, 0.5), metrics=listed)]))


def test_many_tasks_of_different_metrics_are_counted_without_a_mean() -> None:
    metrics = numbered(MANY) | {"d/last": "rmse"}
    theirs = dict.fromkeys(metrics, 0.5)
    outcomes = [scored(theirs | {"d/last": 0.4}, metrics=metrics), scored(theirs, ALONE, metrics)]
    shown = text(parts_of(outcomes), width=400)

    assert ["task_relation", "1", "of", f"{MANY + 1}"] in [
        line.split() for line in shown.splitlines()
    ]
    assert "mean" not in shown.split("Δm")[0]


@pytest.mark.parametrize("count", [2, MANY + 1])
def test_tasks_of_which_no_gain_is_known_do_not_stop_the_table(count: int) -> None:
    metrics = numbered(count)
    undefined = dict.fromkeys(metrics)
    outcomes = [scored(undefined, metrics=metrics), scored(undefined, ALONE, metrics)]

    shown = text(parts_of(outcomes))
    assert "task_relation" in shown or "relation" in shown
    assert "–" in shown


def test_nothing_is_said_of_tasks_where_there_is_one() -> None:
    one = {"target/digit": "accuracy"}
    outcomes = [
        scored({"target/digit": 0.5}, metrics=one),
        scored({"target/digit": 0.4}, ALONE, one),
    ]
    console = Console(file=io.StringIO(), width=200)

    assert parts_of(outcomes) == []
    assert "Δm" not in text([run_table(outcomes, console)])


def test_the_table_of_a_command_has_the_tasks_in_it() -> None:
    outcomes = [
        scored({"d/t0": 0.6, "d/t1": 0.3}, metrics=numbered(2), relation=MATRIX),
        scored({"d/t0": 0.5, "d/t1": 0.4}, ALONE, numbered(2)),
    ]
    console = Console(file=io.StringIO(), width=200)

    assert ["Δm", "%", "-2.5", "·"] in rows([run_table(outcomes, console)])
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
    return text(parts_of([run, single]), width=400)


@pytest.mark.parametrize("count", [2, MANY + 1])
def test_escape_sequences_in_names_are_cleaned(count: int) -> None:
    shown = strange(count)

    assert "�[31mred��" in shown
    assert not set(shown) & {"\x1b", "\x9b", "\u202e"}


def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    assert "[bold]0" in strange(2)


def test_the_best_of_every_task_is_marked_and_of_a_run_alone_none() -> None:
    metrics = {"d/a": "accuracy", "d/b": "rmse"}
    outcomes = [
        scored({"d/a": 0.6, "d/b": 3.0}, metrics=metrics),
        scored({"d/a": 0.6, "d/b": 2.0}, ALONE, metrics),
        scored({"d/a": 0.1, "d/b": 2.5}, "shared_parameters", metrics),
    ]
    shown = rows(parts_of(outcomes))

    assert ["a", "accuracy", "%", "*60.0", "+0.0", "*60.0", "·", "10.0", "-50.0"] in shown
    assert ["b", "rmse", "3", "-1", "*2", "·", "2.5", "-0.5"] in shown
    assert "*" not in text(parts_of(outcomes[:1]))


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("count", [3, MANY, 25])
def test_no_number_of_a_task_is_cut_at_any_width(width: int, count: int) -> None:
    metrics = {f"digits/a_rather_long_name_{k}": "accuracy" for k in range(count)}
    names = (THIS, ALONE, "shared_parameters", "ridge")
    outcomes = [
        scored(dict.fromkeys(metrics, 0.5 + k / 100), name, metrics) for k, name in enumerate(names)
    ]
    shown = text(parts_of(outcomes, width, wide=False), width)

    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    if count <= MANY:
        assert shown.count("53.0") == count
    else:
        assert shown.count(f"{count} of {count}") == 2  # of the two that are better than alone
        assert len(shown.splitlines()) < 16


def test_in_short_what_a_relative_gain_is_takes_a_line() -> None:
    metrics = numbered(2)
    outcomes = [scored(dict.fromkeys(metrics, 0.5), name, metrics) for name in (THIS, ALONE)]

    assert LEGEND not in text(parts_of(outcomes, 400, wide=False), 400)
    assert SHORT in text(parts_of(outcomes, 400, wide=False), 400)
