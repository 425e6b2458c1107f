from pathlib import Path

import numpy as np
import pytest

from tlrun.report.statistics.sequential import alpha_at
from tlrun.report.study.terms import Terms, deviations, look_of
from tlrun.store.studydir import study_file

from made_runs import put_arm, put_numbers, put_run, put_study, right_on
from made_studies import only, parts_of, planned

PT, FT = "parameter_transfer λ=1", "feature_transfer λ=1"
AFTER = "2999-01-01T00:00:00.000+00:00"  # the plans of these tests are declared now


def told(path: Path) -> list[str]:
    parts = parts_of(path)
    return list(deviations(parts.study, parts.series, parts.folder.records))


def test_without_a_plan_that_is_told_and_m_is_how_many_arms_there_are(tmp_path: Path) -> None:
    put_study(tmp_path)

    assert parts_of(tmp_path).terms == Terms(arms=2, alpha=0.05, delta=0.01, seeds=6)
    (said,) = told(tmp_path)
    assert said.startswith("No plan was declared")


def test_a_study_as_it_was_declared_has_nothing_to_tell(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"parameter_transfer": [PT], "feature_transfer": [FT]})
    for strategy, lam in (("scratch", None), ("parameter_transfer", 1.0), ("feature_transfer", 1)):
        put_arm(tmp_path, strategy, 0.5, lam=lam, started=AFTER)

    assert told(tmp_path) == []
    assert only(tmp_path).declared == plan.declared


def test_a_plan_that_has_been_changed_is_told_and_not_passed_over(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"parameter_transfer": [PT]})
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0, started=AFTER)
    path = study_file(tmp_path, plan.id)
    path.write_text(path.read_text().replace("0.05", "0.4"))
    (of_none, of_damaged) = only(tmp_path).deviations

    assert of_none.startswith("No plan was declared")
    assert path.name in of_damaged
    assert "has been changed since" in of_damaged


def test_arms_and_lams_without_a_run_are_told_and_count(tmp_path: Path) -> None:
    arms = {"parameter_transfer": [PT, "parameter_transfer λ=2"], "feature_transfer": [FT]}
    planned(tmp_path, arms)
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0, started=AFTER)

    assert told(tmp_path) == [
        "Declared, and without a finished run: parameter_transfer (1 of 2 λ), feature_transfer."
    ]
    assert parts_of(tmp_path).terms.arms == 3


@pytest.mark.parametrize(
    ("seeds", "said"),
    [((0, 1, 2, 3, 4), "Seed 5 was"), ((0, 1, 3), "Seeds 2, 4-5 were"), (tuple(range(6)), "")],
)
def test_seeds_added_after_the_plan_are_told(
    tmp_path: Path, seeds: tuple[int, ...], said: str
) -> None:
    planned(tmp_path, {"parameter_transfer": [PT]}, seeds)
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0, started=AFTER)
    sentences = told(tmp_path)

    assert bool(sentences) == bool(said)
    assert all(sentence.startswith(f"{said} added after the plan") for sentence in sentences)


def test_runs_before_the_plan_are_told(tmp_path: Path) -> None:
    put_study(tmp_path)
    planned(tmp_path, {"parameter_transfer": [PT]}, finished_before=1_200, runs=2_400)

    assert told(tmp_path) == [
        "1,200 of 2,400 runs had finished before the plan was declared.",
        "6 of 6 runs of its arms began before the plan was declared.",
    ]


@pytest.mark.parametrize("when", ["", "yesterday", "2999-01-01T00:00:00", None])
def test_a_run_that_does_not_say_when_it_began_is_no_early_one(
    tmp_path: Path, when: str | None
) -> None:
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0, started=when)
    planned(tmp_path, {"parameter_transfer": [PT]})

    assert told(tmp_path) == []


def test_alpha_and_delta_are_the_declared_ones(tmp_path: Path) -> None:
    put_study(tmp_path)
    planned(tmp_path, {"parameter_transfer": [PT]}, alpha=0.1, delta=None)

    assert parts_of(tmp_path).terms == Terms(arms=1, alpha=0.1, delta=None, seeds=6)


@pytest.mark.parametrize(("seeds", "look"), [(3, 5), (5, 5), (6, 5), (10, 10), (41, 40)])
def test_looks_spend_alpha(tmp_path: Path, seeds: int, look: int) -> None:
    put_arm(tmp_path, "parameter_transfer", 0.5, seeds, rows=40, lam=1.0)
    planned(tmp_path, {"parameter_transfer": [PT]}, range(40), looks=(5, 10, 20, 40))
    terms = parts_of(tmp_path).terms

    assert look_of(seeds) == look
    assert (terms.seeds, terms.alpha) == (look, alpha_at(look, 0.05))


def test_one_axis_is_one_arm_where_validation_chooses(tmp_path: Path) -> None:
    settings = [f"parameter_transfer λ={lam}" for lam in (1, 2, 3)]
    for lam in (1.0, 2.0, 3.0):
        put_arm(tmp_path, "parameter_transfer", 0.5, lam=lam, val_loss=lam)
    planned(tmp_path, {"parameter_transfer": settings})

    assert parts_of(tmp_path).terms.arms == 1


def test_there_is_no_smallest_difference_of_a_loss_or_a_label(tmp_path: Path) -> None:
    put_numbers(tmp_path / "number", "fused", 1.0)
    for metric in ("log_loss", "auc"):
        made = {"target/kind": right_on(parts_right(), metric=metric)}
        put_run(tmp_path / metric, "fused", 0, made)

    assert parts_of(tmp_path / "number").terms.delta is None
    assert parts_of(tmp_path / "log_loss").terms.delta is None
    assert parts_of(tmp_path / "auc").terms.delta == 0.01


def parts_right() -> np.ndarray:
    return np.arange(40) % 3 > 0


@pytest.mark.parametrize(("seeds", "left"), [(7, "seed 6 of 7"), (10, "seeds 6-9 of 10"), (6, "")])
def test_seeds_that_no_arm_has_yet_are_told(tmp_path: Path, seeds: int, left: str) -> None:
    planned(tmp_path, {"parameter_transfer": [PT]}, range(seeds))
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0, started=AFTER)
    sentences = told(tmp_path)

    assert bool(sentences) == bool(left)
    assert all(sentence.startswith(f"Not finished: {left} declared.") for sentence in sentences)


def test_seeds_that_a_look_has_not_asked_for_are_not_missing(tmp_path: Path) -> None:
    planned(tmp_path, {"parameter_transfer": [PT]}, range(10), looks=(5, 10))
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0, started=AFTER)

    assert told(tmp_path) == []
