import pytest

from tlrun.report.run_answer import ONE_SEED, main_control, run_answer
from tlrun.report.task_gains import ALONE
from tlrun.runs.outcome import Outcome

from problems import numbered, outcome, scored


def judged(name: str, metric: str, test: float | None) -> Outcome:
    """A run whose headline is `metric`."""
    run = outcome() if name == "this" else outcome(name)
    headline = {**run.result["headline"], "name": metric, "test": test}
    return outcome(run.name, result={**run.result, "headline": headline})


def outside(name: str, test: float) -> Outcome:
    return outcome(name, test, result={**outcome(name, test).result, "size": None})


def test_the_answer_says_how_far_above_and_below_each_control_a_run_is() -> None:
    controls = [outcome("scratch", 0.386), outcome("joint, λ=1", 0.527)]
    said = run_answer([outcome(test=0.488), outcome("source_only", 0.455), *controls])

    assert said == (
        "feature_transfer (λ=1): 48.8 % target accuracy, 10.2 points above scratch, "
        f"3.3 above source_only, 3.9 below joint, λ=1. {ONE_SEED}"
    )


def test_of_two_budgets_the_harder_one_is_told_and_named() -> None:
    budgets = [outcome("scratch", 0.3), outcome("scratch, total budget", 0.35)]
    said = run_answer([outcome(test=0.5), *budgets])

    assert "15.0 points above scratch, total budget." in said
    assert "20.0" not in said


def test_of_methods_without_a_network_the_best_one_is_told() -> None:
    said = run_answer([outcome(), outside("linear_model", 0.7), outside("constant", 0.2)])

    assert "20.0 points below linear_model (the best without a network)" in said
    assert "constant" not in said


def test_equal_scores_are_level() -> None:
    assert "level with scratch" in run_answer([outcome(), outcome("scratch", 0.5)])
    assert "level with scratch" in run_answer([outcome(), outcome("scratch", 0.50001)])


def test_where_lower_is_better_nothing_is_called_above() -> None:
    said = run_answer(
        [
            judged("this", "target rmse", 2.0),
            judged("scratch", "target rmse", 3.0),
            judged("joint, λ=1", "target rmse", 1.5),
        ]
    )

    assert "target rmse 2" in said
    assert "1 better than scratch" in said
    assert "0.5 worse than joint, λ=1" in said
    assert "above" not in said


@pytest.mark.parametrize("score", [0.5, None])
def test_a_run_without_controls_or_score_has_an_answer_still(score: float | None) -> None:
    said = run_answer([outcome(test=score)])

    assert said.endswith(f". {ONE_SEED}")
    assert ("–" in said) == (score is None)
    assert run_answer([outcome(test=score), outcome("scratch", None)]) == said


def test_of_tasks_of_several_metrics_those_that_gain_are_counted() -> None:
    run, single = scored({"d/a": 0.6, "d/b": 0.3}), scored({"d/a": 0.5, "d/b": 0.4}, ALONE)

    assert "1 of 2 tasks up over single_task" in run_answer([run, single])
    assert run_answer([run]).endswith(ONE_SEED)


def test_every_row_is_compared_with_one_control() -> None:
    scratch, joint, tree = outcome("scratch"), outcome("joint", 0.4), outside("tree", 0.3)
    tasks = numbered(2)
    single = scored(dict.fromkeys(tasks, 0.5), ALONE, tasks)

    assert main_control([outcome()]) is None
    assert main_control([outcome(), tree, joint, scratch]) is scratch
    assert main_control([outcome(), tree]) is tree
    assert main_control([outcome(), scratch, single]) is single


def test_the_first_number_has_its_unit_also_after_a_level_one() -> None:
    said = run_answer([outcome(test=0.5), outcome("scratch", 0.5), outcome("joint", 0.6)])

    assert "level with scratch, 10.0 points below joint" in said
