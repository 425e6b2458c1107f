from dataclasses import dataclass, replace
from pathlib import Path

from tlrun.config.build import build
from tlrun.core.problem import MetricName, Problem
from tlrun.models.backbones.mlp import Mlp
from tlrun.runs.plan import planned_stages
from tlrun.runs.stage_key import stage_inputs

from problems import config, problem


def test_the_key_of_a_later_stage_knows_the_one_before() -> None:
    run = build(config(Path("unused")))
    ours = problem()
    first, second = run.strategy.stages(ours, run.lam, 5)
    before = [[second], [first, second], [replace(first, steps=6), second]]
    keys = [planned_stages(run, ours, stages, "cpu")[-1].key for stages in before]

    assert len(set(keys)) == 3


def test_the_key_names_classes_as_a_config_does_and_not_where_they_are_defined() -> None:
    """So that moving a module makes no stage anew."""
    run = build(config(Path("unused")))
    ours = problem()
    inputs = stage_inputs(run, ours, run.strategy.stages(ours, run.lam, 5), "cpu")[0]

    for group in ("backbone", "equation", "lam", "optimizer", "trainer"):
        assert "name" in inputs[group]
    told = {key: value for key, value in inputs.items() if key != "fingerprint"}
    assert "tlrun" not in repr(told)


def test_the_metric_a_task_is_judged_by_is_no_part_of_its_training() -> None:
    run = build(config(Path("unused")))

    def judged(metric: MetricName) -> Problem:
        ours = problem()
        domains = {}
        for name, domain in ours.domains.items():
            tasks = tuple(replace(task, metric=metric) for task in domain.tasks)
            domains[name] = replace(domain, tasks=tasks)
        return replace(ours, domains=domains)

    keys = set()
    for ours in (judged("accuracy"), judged("auc")):
        stages = run.strategy.stages(ours, run.lam, 5)
        keys.add(planned_stages(run, ours, stages, "cpu")[0].key)

    assert len(keys) == 1


def test_a_plug_in_of_a_name_of_ours_is_another_stage() -> None:
    @dataclass(frozen=True)
    class Foreign(Mlp):
        """A backbone of another package."""

    Foreign.__name__, Foreign.__module__ = "Mlp", __name__
    run = build(config(Path("unused")))
    ours = problem()
    stages = run.strategy.stages(ours, run.lam, 5)
    foreign = replace(run, backbone=Foreign(hidden=(16,)))

    assert (
        planned_stages(run, ours, stages, "cpu")[0].key
        != planned_stages(foreign, ours, stages, "cpu")[0].key
    )
