import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.task import TaskKey
from tlrun.report.task_gains import ALONE, alone, delta_m, task_scores, tasks_up
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

from problems import numbered, scored

SCORE = st.floats(0.01, 1)


def test_delta_m_by_hand() -> None:
    """100/2 ((0.6 - 0.5)/0.5 + (0.3 - 0.4)/0.4) = 50 (0.2 - 0.25)."""
    found = delta_m(
        scored({"d/t0": 0.6, "d/t1": 0.3}, metrics=numbered(2)),
        scored({"d/t0": 0.5, "d/t1": 0.4}, ALONE, numbered(2)),
    )

    assert found == pytest.approx(-2.5)


@given(st.lists(st.tuples(SCORE, SCORE), min_size=2, max_size=6))
def test_delta_m_is_above_0_where_every_task_gains_and_0_where_none_moves(
    pairs: list[tuple[float, float]],
) -> None:
    metrics = numbered(len(pairs))
    mine, theirs = (dict(zip(metrics, column, strict=True)) for column in zip(*pairs, strict=True))
    better = {key: score * 1.5 for key, score in theirs.items()}
    single = scored(theirs, ALONE, metrics)

    assert delta_m(scored(better, metrics=metrics), single) == pytest.approx(50.0)
    assert delta_m(scored(theirs, metrics=metrics), single) == 0.0
    relative = [(m - s) / s for m, s in pairs]
    assert delta_m(scored(mine, metrics=metrics), single) == pytest.approx(
        100 * sum(relative) / len(pairs)
    )


@given(st.lists(SCORE, min_size=2, max_size=5), st.floats(0.1, 10))
def test_the_scale_of_a_metric_does_not_move_delta_m(scores: list[float], scale: float) -> None:
    metrics = numbered(len(scores))
    mine, theirs = dict(zip(metrics, scores, strict=True)), dict.fromkeys(metrics, 0.5)
    plain = delta_m(scored(mine, metrics=metrics), scored(theirs, ALONE, metrics))
    first = next(iter(metrics))
    scaled = delta_m(
        scored(mine | {first: scale * mine[first]}, metrics=metrics),
        scored(theirs | {first: scale * 0.5}, ALONE, metrics),
    )

    assert plain is not None
    assert scaled == pytest.approx(plain)


def test_task_scores_are_of_what_the_run_is_about_by_its_own_metric() -> None:
    run = scored({"d/a": 0.5, "e/a": 0.9}, metrics={"d/a": "accuracy", "e/a": "accuracy"})
    run.result["headline"]["tasks"] = {"d/a": "accuracy", "d/gone": "auc"}

    assert task_scores(run) == {
        TaskKey("d", "a"): ("accuracy", 0.5),
        TaskKey("d", "gone"): ("auc", None),
    }


def test_the_control_is_found_by_its_name_and_is_no_run_asked_for() -> None:
    run, other, single = scored({}), scored({}, "shared_parameters"), scored({}, ALONE)

    assert alone([run, other, single]) is single
    assert alone([run, other]) is None
    assert alone([single]) is None


def test_tasks_of_different_metrics_have_no_delta_m() -> None:
    same = {"d/a": 0.5, "d/b": 0.5}

    assert delta_m(scored(same), scored(same, ALONE)) is None


def test_tasks_that_gain_on_the_mean_over_seeds_are_up_whichever_way_their_metric_gets_better() -> (
    None
):
    metrics = {"d/a": "accuracy", "d/b": "rmse", "d/c": "log_loss"}

    def run(a: float, b: float, c: float | None, seed: int, name: str) -> Outcome:
        return scored({"d/a": a, "d/b": b, "d/c": c}, name, metrics, seed)

    pairs = [
        (run(0.6, 9.0, 0.5, 0, THIS), run(0.5, 8.0, 0.4, 0, ALONE)),
        (run(0.4, 5.0, 0.3, 1, THIS), run(0.45, 7.0, 0.3, 1, ALONE)),
    ]

    assert tasks_up(pairs) == "2 of 3 tasks up"
    assert tasks_up(pairs[:1]) == "1 of 3 tasks up"
    undefined = (run(0.6, 9.0, None, 2, THIS), run(0.5, 9.5, 0.4, 2, ALONE))
    assert tasks_up([*pairs, undefined]) == "2 of 2 tasks up"


def test_where_no_task_can_be_compared_nothing_is_counted() -> None:
    none = scored({"d/a": None, "d/b": None})

    assert tasks_up([(none, none)]) == "–"
