from typing import Any

from tlrun.data.load_report import ENOUGH
from tlrun.report.tested import every_metric, on_examples, small_tests
from tlrun.runs.outcome import Outcome

from problems import outcome


def judged_on(**tasks: dict[str, Any]) -> Outcome:
    """A run judged by some tasks of one domain. tasks: the scores and test examples of each."""
    keys = {f"here/{name}": "auc" for name in tasks}
    told = {
        "headline": {"name": "mean auc", "val": None, "test": 0.5, "tasks": keys},
        "metrics": {
            "val": {},
            "test": {f"here/{name}": told["scores"] for name, told in tasks.items()},
        },
        "tested": {f"here/{name}": told["tested"] for name, told in tasks.items()},
    }
    return outcome(result={**outcome().result, **told})


MINE: dict[str, Any] = {
    "scores": {"loss": 0.6, "auc": 0.75, "accuracy": 0.9, "brier": None},
    "tested": {"labels": 22, "classes": {"no": 20, "mine": 2}},
}
COST = {"scores": {"r2": 0.25, "rmse": 1234.5}, "tested": {"labels": 30}}


def test_every_metric_of_a_task_stands_beside_what_it_was_judged_on() -> None:
    first, second = every_metric(judged_on(mine=MINE, cost=COST))

    assert first == (
        "mine: auc 0.750, accuracy 90.0 %, brier –; on 22 test examples: 20 of 'no', 2 of 'mine'"
    )
    assert second == "cost: r2 0.250, rmse 1,234 (in the unit of cost); on 30 test examples"


def test_of_folds_the_pairs_that_an_auc_compares_are_told() -> None:
    folded = {**MINE, "tested": {**MINE["tested"], "pairs": 1234}}
    (line,) = every_metric(judged_on(mine=folded))

    assert "on 22 test examples (auc: 1,234 pairs of one fold): 20 of 'no', 2 of 'mine'" in line


def test_of_many_classes_the_fewest_and_most_are_told() -> None:
    classes = {str(k): 5 if k == 3 else 10 for k in range(10)}
    many = {"scores": {"accuracy": 0.5}, "tested": {"labels": 95, "classes": classes}}

    (line,) = every_metric(judged_on(digit=many))
    assert line == "digit: accuracy 50.0 %; on 95 test examples of 10 classes, 5 to 10 each"


def test_many_tasks_have_no_lines() -> None:
    assert list(every_metric(judged_on(**{f"t{k}": MINE for k in range(7)}))) == []


def test_few_test_examples_of_a_class_are_told_with_every_gain() -> None:
    enough = {"scores": {}, "tested": {"labels": 2 * ENOUGH, "classes": {"a": ENOUGH, "b": ENOUGH}}}

    assert list(small_tests([judged_on(t=enough, cost=COST)])) == []
    (line,) = small_tests([judged_on(t=enough), judged_on(mine=MINE, cost=COST)])
    assert line == (
        f"A gain is mostly chance where fewer than {ENOUGH} test examples are of a class: "
        "2 of class 'mine' of here/mine."
    )


def test_the_fewest_of_all_seeds_count() -> None:
    other = {**MINE, "tested": {"labels": 22, "classes": {"no": 21, "mine": 1}}}
    (line,) = small_tests([judged_on(mine=MINE), judged_on(mine=other)])

    assert "1 of class 'mine'" in line
    assert "2 of class" not in line


def test_a_run_without_tasks_says_nothing() -> None:
    assert list(every_metric(outcome())) == list(small_tests([outcome()])) == []


def test_in_short_only_the_test_examples_are_told() -> None:
    classes = {str(k): 5 if k == 3 else 10 for k in range(10)}
    digit: dict[str, Any] = {"scores": {}, "tested": {"labels": 95, "classes": classes}}

    assert list(on_examples(judged_on(digit=digit))) == [
        "Scores are on 95 test examples of 10 classes, 5 to 10 each."
    ]
    assert list(on_examples(judged_on(a=MINE, b=MINE))) == [
        "Scores are on 22 test examples: 20 of 'no', 2 of 'mine' for each task."
    ]
    assert list(on_examples(judged_on(mine=MINE, cost=COST))) == [
        "Test examples: mine on 22: 20 of 'no', 2 of 'mine'; cost on 30."
    ]
    many = judged_on(**{f"t{k}": MINE if k else COST for k in range(7)})
    assert list(on_examples(many)) == ["7 tasks on 22 to 30 test examples each."]
    assert list(on_examples(outcome())) == []
