import json
import math
from pathlib import Path

import numpy as np
import pytest
from made_trials import (
    ARM,
    CONTROLS,
    RATES,
    Losses,
    at,
    put_trial,
    put_trials,
    put_tuned,
    tuned_plan,
)

from tlrun.report.answer import Study
from tlrun.report.study.grouping import grouped
from tlrun.report.study.trials import as_tuned, chosen_trial, lacking_trials

from made_runs import put_run
from made_studies import arm_of, folder_of, only, parts_of, planned

RIGHT = np.arange(60) % 3 > 0


def best(losses: Losses) -> dict[int, float]:
    """Of each seed the rate of the lowest loss, found the long way round."""
    found = {}
    for seed, of_seed in losses.items():
        known = [math.inf if loss is None else loss for loss in of_seed]
        found[seed] = RATES[known.index(min(known))]  # of two the first, which is the smaller rate
    return found


def chosen_by(path: Path) -> dict[str, dict[int, float]]:
    """The rate that every strategy of the study has chosen, by seed."""
    found: dict[str, dict[int, float]] = {}
    parts = parts_of(path)
    (arm,) = parts.series
    for name, runs in {ARM: arm.runs, **arm.controls}.items():
        found[name] = {seed: run.optimizer["lr"] for seed, run in runs.items()}
    return found


@pytest.mark.parametrize("start", range(8))
def test_every_arm_and_control_has_the_trial_of_the_lowest_validation_loss(
    tmp_path: Path, start: int
) -> None:
    losses = put_tuned(tmp_path, start=start)

    assert chosen_by(tmp_path) == {name: best(of_name) for name, of_name in losses.items()}


@pytest.mark.parametrize("start", range(4))
def test_no_test_score_moves_a_choice(tmp_path: Path, start: int) -> None:
    """The same losses, with other test answers: a choice that looked at them would move."""
    put_tuned(tmp_path / "one", start=start)
    losses = put_tuned(tmp_path / "other", start=start)
    for name, of_name in losses.items():
        again = tmp_path / "again"
        put_trials(again, name, of_name, start=start + 99)
    tuned_plan(tmp_path / "again")

    assert chosen_by(tmp_path / "one") == chosen_by(tmp_path / "again")
    assert only(tmp_path / "one").arms != only(tmp_path / "again").arms


def test_of_equal_losses_the_smaller_rate_is_chosen_and_none_that_diverged(tmp_path: Path) -> None:
    losses: Losses = {0: [0.5, 0.5, 0.5], 1: [None, 0.9, 0.9], 2: [None, None, 7.0], 3: [None] * 3}
    tuned_plan(tmp_path, seeds=range(4))
    put_trials(tmp_path, ARM, losses)

    assert chosen_by(tmp_path)[ARM] == {0: RATES[0], 1: RATES[1], 2: RATES[2], 3: RATES[0]}


def test_the_choice_does_not_depend_on_the_order_of_the_trials(tmp_path: Path) -> None:
    put_trials(tmp_path, ARM, {0: [0.4, 0.2, 0.3]})
    runs = {run.optimizer["lr"]: run for run in folder_of(tmp_path).finished}

    assert chosen_trial(runs) == chosen_trial(dict(reversed(runs.items()))) == RATES[1]


def test_trials_not_chosen_are_in_no_figure(tmp_path: Path) -> None:
    """The study is, number by number, the one whose folder has nothing but the chosen runs."""
    losses = put_tuned(tmp_path / "all")
    all_of = only(tmp_path / "all")
    planned(tmp_path / "few", {ARM: [ARM]})
    for name, rates in chosen_by(tmp_path / "all").items():
        for seed, rate in rates.items():
            where = (
                tmp_path / "all" / "made" / name / f"{at(name, rate)}_seed={seed}".replace(" ", "_")
            )
            outputs = (where / "predictions.safetensors").read_bytes()
            loss = losses[name][seed][RATES.index(rate)]
            path = put_run(tmp_path / "few", name, seed, RIGHT, val_loss=loss)
            (path / "predictions.safetensors").write_bytes(outputs)
            (path / "result.json").write_bytes((where / "result.json").read_bytes())

    def figures(study: Study) -> list[object]:
        return [(arm.score, arm.gains, arm.word, arm.best, arm.seeds) for arm in study.arms]

    assert figures(all_of) == figures(only(tmp_path / "few"))
    assert all_of.arms_planned == 1
    assert len(all_of.arms) == 1 + len(CONTROLS)
    assert all_of.others == ()


def test_a_seed_that_lacks_a_trial_has_no_run_and_is_told(tmp_path: Path) -> None:
    put_tuned(tmp_path)
    gone = tmp_path / "made" / ARM / f"{at(ARM, RATES[2])}_seed=3".replace(" ", "_")
    record = json.loads((gone / "run.json").read_text(encoding="utf-8"))
    record |= {"status": "failed", "reason": "burnt down"}
    (gone / "run.json").write_text(json.dumps(record), encoding="utf-8")
    damaged = tmp_path / "made" / "scratch" / f"{at('scratch', RATES[0])}_seed=1".replace(" ", "_")
    (damaged / "result.json").write_text("{", encoding="utf-8")
    study = only(tmp_path)

    assert arm_of(study, ARM).seeds == (0, 1, 2, 4, 5)
    assert arm_of(study, "scratch").seeds == (0, 2, 4, 5)  # of those that the arm has
    assert "1 of 6 seeds missing" in arm_of(study, ARM).states
    (of_arm,) = (line for line in study.warnings if "seed 3" in line)
    (of_control,) = (line for line in study.warnings if "scratch, seed 1" in line)
    assert "0.01" in of_arm
    assert "0.001" in of_control
    assert {other.why for other in study.others} == {
        "burnt down",
        "its files are damaged, or an older tl-run's",
    }


def test_without_a_plan_or_without_tuning_the_folder_is_as_it_is_read(tmp_path: Path) -> None:
    """Trials are then ordinary runs, an arm a rate."""
    for name in (ARM, *CONTROLS):
        put_trials(tmp_path, name, {seed: [0.1, 0.2, 0.3] for seed in range(5)})
    folder = folder_of(tmp_path)
    (study,) = grouped(folder)
    plan = planned(tmp_path / "elsewhere", {ARM: [ARM]})

    assert len(study.axes) == len(RATES)
    assert as_tuned(folder, plan) is folder
    assert lacking_trials(folder, plan) == []


def test_each_lam_chooses_its_rate_and_validation_then_chooses_among_lams(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    losses = {lam: rng.random((5, len(RATES))).tolist() for lam in (0.0, 1.0, math.inf)}
    for lam, of_lam in losses.items():
        for seed, of_seed in enumerate(of_lam):
            for rate, loss in zip(RATES, of_seed, strict=True):
                put_trial(tmp_path, ARM, seed, rate, RIGHT, loss, lam=lam)
    settings = {
        rate: [f"{at(ARM, rate)} λ={lam}" for lam in ("0", "1", "inf")] for rate in RATES
    }  # as made runs are named
    trials = [tuple(settings[rate][k] for rate in RATES) for k in range(3)]
    there = {run.setting for run in folder_of(tmp_path).finished}
    assert there == {setting for of_rate in settings.values() for setting in of_rate}
    from tlrun.store.studydir import Trials

    arms = {at(ARM, RATES[0]): settings[RATES[0]]}
    planned(tmp_path, arms, range(5), tuning=tuple(Trials(RATES, each) for each in trials))
    parts = parts_of(tmp_path)
    (axis,) = parts.study.axes
    (one,) = parts.series

    for lam, written in ((0.0, "0"), (1.0, "1"), (math.inf, "inf")):
        rates = {seed: run.optimizer["lr"] for seed, run in axis.by_lam[written].items()}
        assert rates == best(dict(enumerate(losses[lam])))
    assert "validation loss" in one.chosen
    assert parts.terms.arms == 1
