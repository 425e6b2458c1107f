import math
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.problem import Domain, Problem
from tlrun.core.task import MetricName, Task
from tlrun.models.backbone import TrainedPart
from tlrun.models.backbones.mlp import Mlp
from tlrun.runs.plan import planned_stages
from tlrun.runs.stage_key import data_fingerprint, stage_fingerprint, stage_inputs, stage_key
from tlrun.strategies.base import Stage
from tlrun.strategies.joint import Joint
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch

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


CHANGED: dict[str, Any] = {  # of every field of a stage that decides its bits, another value
    "name": "another",
    "domains": ("target", "source"),
    "steps": 6,
    "lam": Constant(0.5),
    "init": "source",
    "trained": "head",
    "pretrained": True,
    "by": Joint(),
    "task_specific": "biases",
    "trained_for": "all tasks",
    "selected": "each task",
}


def test_every_field_of_a_stage_that_decides_its_bits_is_in_its_key() -> None:
    """All but `shared`, which says who may start from it."""
    ours = problem()
    trainer = {"name": "trainer", "cache_features": False, "select": "best"}
    run = build(config(Path("unused"), trainer=trainer))
    stage = Stage("target", ("source", "target"), 5, lam=run.lam, task_specific="towers")

    def key_of(stage: Stage) -> str:
        return planned_stages(run, ours, [stage], "cpu")[0].key

    assert CHANGED.keys() == {field.name for field in fields(Stage)} - {"shared"}
    keys = [key_of(replace(stage, **{name: value})) for name, value in CHANGED.items()]
    assert len({key_of(stage), *keys}) == 1 + len(CHANGED)
    assert key_of(replace(stage, shared=True)) == key_of(stage)


RUNS: dict[str, dict[str, Any]] = {
    "backbone": {"backbone": {"name": "mlp", "hidden": [17]}},
    "optimizer": {"optimizer": {"name": "adam", "lr": 0.004}},
    "another optimizer": {"optimizer": {"name": "adamw", "lr": 0.003, "weight_decay": 0.0}},
    "batches": {"trainer": {"name": "trainer", "batch_size": 8, "eval_every": 4}},
    "evaluations": {"trainer": {"name": "trainer", "batch_size": 16, "eval_every": 5}},
    "selection": {
        "trainer": {"name": "trainer", "batch_size": 16, "eval_every": 4, "select": "best"}
    },
    "strategy": {"strategy": {"name": "joint"}},
    "seed": {"seed": 1},
    "threads": {"threads": 2},
}


@pytest.mark.parametrize("changed", RUNS)
def test_what_of_a_run_decides_the_bits_of_a_stage_is_in_its_key(changed: str) -> None:
    ours = problem()
    keys = set()
    for changes in ({}, RUNS[changed]):
        run = build(config(Path("unused"), **changes))
        stage = Stage("target", ("source", "target"), 5, lam=Constant(1.0))
        keys.add(planned_stages(run, ours, [stage], "cpu")[0].key)

    assert len(keys) == 2


def test_what_is_selected_for_itself_is_in_the_key_where_anything_is_selected_alone() -> None:
    ours = problem()
    found = {}
    for select in ("last", "best"):
        run = build(config(Path("unused"), trainer={"name": "trainer", "select": select}))
        stage = Stage("target", ("source", "target"), 5, lam=Constant(1.0), task_specific="towers")
        stages = [stage, replace(stage, selected="each task")]
        found[select] = {planned_stages(run, ours, [each], "cpu")[0].key for each in stages}

    assert (len(found["last"]), len(found["best"])) == (1, 2)


def test_caching_features_is_in_the_key_of_a_stage_that_holds_phi_fixed_alone() -> None:
    ours = problem()
    trainers = [{"name": "trainer", "cache_features": cached} for cached in (True, False)]
    found = {}
    parts: list[TrainedPart] = ["head", "last", "all", "first", "norm"]
    for trained in parts:
        stage = Stage("target", ("source", "target"), 5, lam=Constant(1.0), trained=trained)
        runs = [build(config(Path("unused"), trainer=trainer)) for trainer in trainers]
        found[trained] = {planned_stages(run, ours, [stage], "cpu")[0].key for run in runs}

    assert [len(found[trained]) for trained in parts] == [2, 2, 1, 1, 1]


def test_what_a_stage_sees_of_its_domains_is_in_its_key_and_nothing_of_the_others() -> None:
    ours, run = problem(val=True), build(config(Path("unused")))
    stage = Stage("target", ("target",), 5, lam=Constant(math.inf))
    target, source = ours.domains["target"], ours.domains["source"]
    renamed = Task("ours", "multiclass", ("x", "y", "z"))
    moved = replace(target.train, inputs=target.train.array + 1)

    def key_of(**domains: Domain) -> str:
        seen = replace(ours, domains={**ours.domains, **domains})
        return planned_stages(run, seen, [stage], "cpu")[0].key

    others = [
        key_of(target=replace(target, train=moved)),
        key_of(target=replace(target, val=None)),
        key_of(target=replace(target, role="source")),
        key_of(target=replace(target, tasks=(renamed,)), source=replace(source, tasks=(renamed,))),
    ]
    assert len({key_of(), *others}) == 5
    assert key_of(source=replace(source, train=moved)) == key_of()


def test_the_shape_of_an_input_and_the_device_are_in_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a domain that is not drawn only the shape counts, which all of them share."""
    ours, run = problem(), build(config(Path("unused")))
    (stage,) = Scratch().stages(ours, run.lam, 5)
    source = ours.domains["source"]
    flat = replace(source.train, inputs=source.train.array.reshape(len(source.train), -1))
    reshaped = replace(ours, domains={**ours.domains, "source": replace(source, train=flat)})
    monkeypatch.setattr("tlrun.runs.stage_key.describe", str)
    keys = [planned_stages(run, ours, [stage], device)[0].key for device in ("cpu", "cuda:0")]

    assert len({*keys, planned_stages(run, reshaped, [stage], "cpu")[0].key}) == 3


def test_the_place_of_a_stage_and_who_hands_over_to_it_are_in_its_key() -> None:
    """Its place names the stream of dropout; `inherit` is the strategy's own."""
    run, ours = build(config(Path("unused"))), problem()
    stage = Stage("same", ("source", "target"), 5, lam=Constant(1.0), by=Joint())
    inputs = stage_inputs(run, ours, [stage, stage, stage], "cpu")
    told = [{**each, "after": None} for each in inputs]

    assert len({stage_key(each) for each in told}) == 3
    assert inputs[0]["after"] is None
    heirs = [
        stage_inputs(run, ours, [stage, replace(stage, by=by)], "cpu")[1]["after"]
        for by in (Joint(), ParameterTransfer())
    ]
    assert heirs[0] != heirs[1]


def test_a_library_that_a_backbone_needs_is_in_its_fingerprint_or_missed_in_a_line() -> None:
    @dataclass(frozen=True)
    class Built(Mlp):
        libraries: ClassVar[tuple[str, ...]] = ("torchvision",)

    @dataclass(frozen=True)
    class Lacking(Mlp):
        libraries: ClassVar[tuple[str, ...]] = ("no-such-library",)

    run = build(config(Path("unused")))
    facts = stage_fingerprint(replace(run, backbone=Built()), "cpu", Scratch())
    assert facts["torchvision"] == version("torchvision")
    with pytest.raises(UserError, match=r"backbone: expected no-such-library, .* pip install"):
        stage_fingerprint(replace(run, backbone=Lacking()), "cpu", Scratch())


def test_what_decodes_photos_is_among_what_decides_data() -> None:
    assert data_fingerprint(build(config(Path("unused"))))["pillow"] == version("pillow")
