from pathlib import Path

import numpy as np

from tlrun.report.study.grouping import by_problem, grouped, outside, undeclared

from made_runs import CONTROLS, put_arm, put_run, put_study
from made_studies import PROBLEM, folder_of, only, planned

PT, FT = "parameter_transfer λ=1", "feature_transfer λ=1"


def test_without_a_plan_all_runs_of_a_problem_are_one_study(tmp_path: Path) -> None:
    put_study(tmp_path)
    put_arm(tmp_path, "joint", 0.5, problem="bbbbbbbbbbbb")
    first, second = grouped(folder_of(tmp_path))

    assert {first.problem, second.problem} == {PROBLEM, "bbbbbbbbbbbb"}
    assert all(study.plan is None and study.id == study.problem for study in (first, second))
    assert {study.look for study in (first, second)} == {1}


def test_a_plan_has_its_arms_in_its_order_and_the_rest_is_listed(tmp_path: Path) -> None:
    put_study(tmp_path)
    put_arm(tmp_path, "joint", 0.5)
    plan = planned(tmp_path, {"parameter_transfer": [PT], "feature_transfer": [FT]})
    (study,) = grouped(folder_of(tmp_path))

    assert study.id == plan.id
    assert [axis.label for axis in study.axes] == ["parameter_transfer", "feature_transfer"]
    assert {run.strategy for run in study.others} == {"joint"}  # neither arm nor control


def test_two_plans_on_the_same_rows_are_two_looks_the_newest_first(tmp_path: Path) -> None:
    put_study(tmp_path)
    first = planned(tmp_path, {"parameter_transfer": [PT]})
    second = planned(tmp_path, {"feature_transfer": [FT]})
    studies = grouped(folder_of(tmp_path))

    assert [study.id for study in studies] == [second.id, first.id]
    assert [study.look for study in studies] == [2, 1]


def test_looks_count_rows_and_not_problems(tmp_path: Path) -> None:
    put_study(tmp_path)
    other = "bbbbbbbbbbbb"
    for problem, rows in ((other, "e"), ("cccccccccccc", "f")):
        put_arm(tmp_path, "joint", 0.5, problem=problem, options={"at": rows}, test_examples=rows)
    planned(tmp_path, {"parameter_transfer": [PT]})
    planned(tmp_path, {"joint at=e": ["joint at=e"]}, problem=other)
    planned(tmp_path, {"joint at=f": ["joint at=f"]}, problem="cccccccccccc")
    looks = {study.problem: study.look for study in grouped(folder_of(tmp_path))}

    assert looks == {PROBLEM: 1, other: 2, "cccccccccccc": 1}


def test_a_plan_without_a_finished_arm_hides_no_other_run(tmp_path: Path) -> None:
    put_study(tmp_path)
    planned(tmp_path, {"joint": ["joint"]})
    (study,) = grouped(folder_of(tmp_path))

    assert study.plan is None
    assert {run.strategy for run in study.runs} == {"parameter_transfer", "feature_transfer"}


def test_where_all_are_controls_all_are_arms(tmp_path: Path) -> None:
    put_arm(tmp_path, "scratch", 0.5, seeds=2, controls=CONTROLS)
    put_arm(tmp_path, "source_only", 0.5, seeds=2, controls=CONTROLS)
    runs = folder_of(tmp_path).finished

    assert [axis.strategy for axis in undeclared(runs).axes] == ["scratch", "source_only"]
    assert outside(runs, []) == list(runs)


def test_the_problem_of_the_newest_run_stands_first(tmp_path: Path) -> None:
    right = np.ones(20, bool)
    for seed, problem in enumerate(("a", "b", "a")):
        put_run(tmp_path, "joint", seed, right, problem=problem)
    problems = by_problem(folder_of(tmp_path))

    assert list(problems) == ["a", "b"]
    assert [run.seed for run in problems["a"]] == [0, 2]


def test_a_control_that_is_asked_for_too_is_an_arm_of_its_plan(tmp_path: Path) -> None:
    put_study(tmp_path)
    planned(tmp_path, {"parameter_transfer": [PT], "scratch": ["scratch"]})
    study = only(tmp_path)

    assert {arm.label: arm.role for arm in study.arms} == {
        "parameter_transfer": "arm", "scratch": "arm", "source_only": "control",
    }  # fmt: skip
    assert study.arms_planned == 2
