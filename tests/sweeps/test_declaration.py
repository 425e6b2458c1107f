from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.runs.identity import problem_id, setting_id
from tlrun.runs.plan import THIS
from tlrun.store.studydir import StudyPlan, studies, study_id
from tlrun.sweeps.declaration import Asked, declared_studies
from tlrun.sweeps.executors.base import Job, JobResults
from tlrun.sweeps.executors.base import Watcher as JobWatcher
from tlrun.sweeps.launch import launch

from problems import SweepWatcher, Watcher, config, data_of, outcomes_of, swept

TRANSFER, SCRATCH = {"name": "parameter_transfer"}, {"name": "scratch"}


def lam(value: float) -> dict[str, Any]:
    return {"name": "constant", "value": value}


def declared(
    configs: Sequence[dict[str, Any]],
    sets: Sequence[Sequence[str]] = (),
    asked: Asked = Asked("tl-run -m"),  # noqa: B008  # frozen
    screen: Watcher | None = None,
) -> list[StudyPlan]:
    """The studies of a sweep; none of its runs is trained."""
    plan = swept(configs, Watcher())
    return declared_studies(plan, sets or [[]] * len(configs), asked, screen or Watcher())


def test_an_arm_is_a_family_with_its_settings_lambdas_and_controls(tmp_path: Path) -> None:
    configs = [
        config(tmp_path, controls=True, strategy=strategy, lam=lam(value), seed=seed)
        for strategy in (TRANSFER, SCRATCH)
        for value in (10.0, float("inf"), 0.0, 2.0)
        for seed in (3, 1)
    ]
    sets = [[f"strategy={each['strategy']['name']}", "seed=9"] for each in configs]
    (study,) = declared(configs, sets)
    plans = {
        arms[THIS].setting: arms[THIS] for arms in swept(configs, Watcher()).arms
    }  # of every setting, one
    transfer, scratch = study.arms

    assert (transfer.strategy, transfer.label) == ("parameter_transfer", "parameter_transfer")
    assert transfer.lams == ("0", "2", "10", "∞")
    assert (scratch.lams, scratch.controls) == ((), {})  # λ decides nothing there
    assert len(transfer.settings) == 4
    assert len(scratch.settings) == 1
    assert sorted(plans) == sorted(transfer.settings + scratch.settings)
    assert {plans[setting].family for setting in transfer.settings} == {transfer.family}
    for setting in transfer.settings:
        assert {n: (c,) for n, c in plans[setting].controls.items()} == transfer.controls
    assert "joint, λ=1" in transfer.controls
    assert (study.problem, study.dataset) == (plans[scratch.settings[0]].problem, "digits")
    assert (study.metric, study.seeds, study.alpha, study.delta) == (
        "target accuracy", (1, 3), 0.05, 0.01,
    )  # fmt: skip


def tuned(path: Path, **changes: Any) -> dict[str, Any]:
    """A config whose runs are tried at three rates."""
    data = {"name": "digits", "val_share": 0.2}
    return config(path, **{"dataset": data, "tune": {"lr": [0.001, 0.003, 0.01]}, **changes})


def test_the_trials_of_every_arm_and_control_are_declared(tmp_path: Path) -> None:
    configs = [
        tuned(tmp_path, controls=True, strategy=TRANSFER, lam=lam(value), seed=seed)
        for value in (0.0, 1.0)
        for seed in (0, 1)
    ]
    sweep = swept(configs, Watcher())
    (study,) = declared_studies(sweep, [[]] * 4, Asked(), Watcher())
    (arm,) = study.arms
    assert study.tuning is not None
    trials = {each.settings[0]: each.settings for each in study.tuning}

    assert {each.rates for each in study.tuning} == {(0.001, 0.003, 0.01)}
    assert len(arm.settings) == 2  # one a λ, whatever the rates
    assert set(trials) == {*arm.settings, *(s for (s,) in arm.controls.values())}
    assert all(len(set(settings)) == 3 for settings in trials.values())
    planned = {plan.setting for _, plan in sweep.runs.values()}
    assert planned == study.every_setting == {s for settings in trials.values() for s in settings}
    assert (study.runs, len(sweep.runs)) == (36, 36)  # 3 rates · 2 seeds · (2 λ + 4 controls)


def test_a_tuned_study_is_another_than_those_of_its_trials(tmp_path: Path) -> None:
    rates = (0.001, 0.003, 0.01)
    axis = [tuned(tmp_path, tune={"lr": None}, optimizer={"name": "adam", "lr": r}) for r in rates]
    alone = [tuned(tmp_path, tune={"lr": None}, optimizer={"name": "adam", "lr": rates[0]})]
    found = [declared(configs)[0] for configs in ([tuned(tmp_path)], axis, alone)]

    assert len({study.id for study in found}) == 3
    assert [study.tuning is None for study in found] == [False, True, True]
    assert declared([tuned(tmp_path, seed=7)])[0] == found[0]  # as it was declared


def test_what_learns_by_no_rate_has_no_trials_and_the_study_is_tuned_all_the_same(
    tmp_path: Path,
) -> None:
    (study,) = declared([tuned(tmp_path, strategy={"name": "linear_model"})])

    assert study.tuning == ()


def test_a_control_at_the_arms_own_lambda_has_a_setting_for_each(tmp_path: Path) -> None:
    fused = {"name": "fused", "first": {"name": "shared_parameters"}, "then": TRANSFER}
    domains = {"name": "digits_domains", "target": "inverted"}
    configs = [
        config(tmp_path, dataset=domains, strategy=fused, lam=lam(value)) for value in (0.1, 1.0)
    ]
    ((arm,),) = [study.arms for study in declared(configs)]

    assert len(arm.controls["not fused"]) == 2
    assert len(arm.controls["scratch"]) == 1


def test_the_id_depends_on_problem_and_settings_alone(tmp_path: Path) -> None:
    """Not on the seeds, nor on the order of anything."""
    configs = [
        config(tmp_path / "a", strategy=strategy, seed=seed)
        for strategy in (TRANSFER, SCRATCH)
        for seed in (0, 1)
    ]
    (one,) = declared(configs)
    others = [{**each, "runs_dir": str(tmp_path / "b"), "seed": 7} for each in configs[::-2]]
    (other,) = declared(others)
    run = build(configs[0])
    (plan, *_), *_ = [list(arms.values()) for arms in swept(configs[:1], Watcher()).arms]
    problem = data_of(plan)

    assert one.id == other.id
    assert [arm.family for arm in one.arms] == [arm.family for arm in other.arms][::-1]
    assert one.problem == problem_id(run, problem)
    assert setting_id(run, problem) in one.arms[0].settings
    assert one.id == study_id(
        one.problem, [setting for arm in one.arms[::-1] for setting in arm.settings]
    )
    assert declared([replace_lam(configs[0], 3.0)])[0].id != one.id


def replace_lam(plain: dict[str, Any], value: float) -> dict[str, Any]:
    return {**plain, "lam": lam(value)}


def test_a_sweep_over_problems_is_a_study_for_each(tmp_path: Path) -> None:
    configs = [
        config(tmp_path, dataset={"name": "digits", "shift": shift}, strategy=strategy)
        for shift in ("noise", "inverted")
        for strategy in (TRANSFER, SCRATCH)
    ]
    sets = [
        [f"dataset.shift={each['dataset']['shift']}", f"strategy={each['strategy']['name']}"]
        for each in configs
    ]
    found = declared(configs, sets)

    assert len({study.id for study in found}) == len({study.problem for study in found}) == 2
    assert sorted(study.id for study in studies(tmp_path)) == sorted(study.id for study in found)
    # within one problem all share its shift
    assert [[arm.label for arm in study.arms] for study in found] == [
        ["parameter_transfer", "scratch"]
    ] * 2


def test_one_arm_and_one_seed_are_a_study_too(tmp_path: Path) -> None:
    (study,) = declared([config(tmp_path)])

    assert (len(study.arms), study.seeds, study.arms[0].label) == (1, (0,), "parameter_transfer")


def test_looks_at_a_study_that_was_declared_without_any_are_told(tmp_path: Path) -> None:
    """They spend all of α each, for the declaration stands."""
    screen = Watcher()
    declared([config(tmp_path)])
    (study,) = declared([config(tmp_path)], asked=Asked("", (1, 2)), screen=screen)

    assert not study.auto
    assert any("every look is at all of α" in line for line in screen.notes)


def test_auto_declares_the_seeds_of_all_its_looks(tmp_path: Path) -> None:
    configs = [config(tmp_path, seed=seed) for seed in range(2)]
    (study,) = declared(configs, asked=Asked("tl-run -m seeds=auto", (2, 4, 8)))

    assert (study.seeds, study.looks, study.auto) == (tuple(range(8)), (2, 4, 8), True)
    assert study.command == "tl-run -m seeds=auto"


def test_what_had_finished_before_is_counted_controls_too(tmp_path: Path) -> None:
    """Whatever rerun=true makes of it: somebody may have seen it."""
    outcomes_of(config(tmp_path, controls=True), Watcher())
    configs = [
        config(tmp_path, controls=True, seed=seed, rerun=seed == 0, lam=lam(value))
        for seed in (0, 1)
        for value in (1.0, 3.0)
    ]
    (study,) = declared(configs)
    (first,) = declared([config(tmp_path / "fresh", controls=True)])

    assert (study.runs, study.finished_before) == (2 * (2 + 4), 5)
    assert (first.runs, first.finished_before) == (5, 0)


def test_what_is_asked_for_otherwise_later_is_told_and_the_declaration_stands(
    tmp_path: Path,
) -> None:
    (first,) = declared([config(tmp_path, seed=seed) for seed in (0, 1)])
    told = Watcher()
    changed = {"alpha": 0.1, "delta": 0.02}
    (again,) = declared(
        [config(tmp_path, seed=seed, verdict=changed) for seed in (1, 2, 3)], screen=told
    )
    silent = Watcher()
    declared([config(tmp_path, seed=1)], screen=silent)  # fewer seeds are no other study

    assert again == first
    assert [line.partition(": ")[2] for line in told.notes] == [
        "declared with α = 0.05, which stands; 0.1 is asked for now",
        "declared with δ = 0.01, which stands; 0.02 is asked for now",
        "declared with 2 seeds; 2 more are marked as added later",
    ]
    assert silent.notes == []


def test_alpha_and_delta_are_as_asked_for(tmp_path: Path) -> None:
    (study,) = declared([config(tmp_path, verdict={"alpha": 0.1, "delta": 0.03})])

    assert (study.alpha, study.delta) == (0.1, 0.03)


class Burning:
    """An executor all of whose runs fail at once. there: the studies that it met."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self.there: list[StudyPlan] = []

    def prepare(self, dataset: Any) -> None:
        pass

    def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
        self.there = studies(self._runs_dir)
        assert not list(self._runs_dir.glob("digits/*/*/run.json"))
        return JobResults(failed=dict.fromkeys(jobs, "burnt down"))


def burnt(configs: Sequence[dict[str, Any]], executor: Burning) -> list[StudyPlan]:
    return launch(
        [build(each) for each in configs],
        [[]] * len(configs),
        executor,
        Watcher(),
        lambda total, found: nullcontext(SweepWatcher()),
        Asked("tl-run -m x"),
    ).studies


def test_it_is_on_disk_before_any_run_starts_and_stays_whatever_becomes_of_them(
    tmp_path: Path,
) -> None:
    executor = Burning(tmp_path)
    found = burnt([config(tmp_path)], executor)

    assert executor.there == found == studies(tmp_path)
    assert found[0].command == "tl-run -m x"


def test_a_sweep_whose_runs_are_all_there_is_declared_too(tmp_path: Path) -> None:
    outcomes_of(config(tmp_path), Watcher())
    executor = Burning(tmp_path)
    (study,) = burnt([config(tmp_path)], executor)

    assert executor.there == []
    assert (study.finished_before, study.runs) == (1, 1)
    assert studies(tmp_path) == [study]


def test_a_study_that_was_tampered_with_stops_the_sweep_before_it_starts(tmp_path: Path) -> None:
    executor = Burning(tmp_path)
    (study,) = burnt([config(tmp_path)], executor)
    (file,) = (tmp_path / ".studies").iterdir()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"alpha": 0.05', '"alpha": 0.2'), encoding="utf-8")
    executor.there = []
    with pytest.raises(UserError, match=r"its digest does not fit\); put the file back as it was"):
        burnt([config(tmp_path)], executor)

    assert executor.there == []
    file.write_text(text, encoding="utf-8")
    assert burnt([config(tmp_path)], executor) == [study]


def test_a_mistake_that_only_the_data_can_tell_declares_nothing(tmp_path: Path) -> None:
    few = config(tmp_path, dataset={"name": "digits", "labels_per_class": 900})
    with pytest.raises(UserError):
        burnt([config(tmp_path), few], Burning(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_what_is_declared_is_what_its_file_says(tmp_path: Path) -> None:
    (study,) = declared([config(tmp_path)])

    assert replace(study, declared="").content == studies(tmp_path)[0].content
