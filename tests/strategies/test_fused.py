import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tlrun.core.errors import UserError
from tlrun.core.objective import Lam
from tlrun.core.options import as_node
from tlrun.core.problem import Domain, HeldOutTest, Problem, Role
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batches
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.runs.plan import THIS
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.fused import Fused, SourceSide
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.structure_transfer import StructureTransfer
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer
from tlrun.strategies.transfer import domains_drawn
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import (
    SPEC,
    Rows,
    Watcher,
    config,
    everything,
    performed,
    planned,
    problem,
    split,
)
from properties import assert_lambda_weighs_the_target, assert_same_bits, assert_same_run

PHI = Mlp((6, 5))
CLASS = Task("class", "multiclass", ("a", "b", "c"))
OTHER = Task("other", "multiclass", ("d", "e"))
FIRSTS: Mapping[str, Strategy] = {
    "shared": SharedParameters(),
    "pooled": SharedParameters(heads="shared"),
    "trace norm": TaskRelation("trace_norm"),
    "covariance": TaskRelation("covariance"),
    "asymmetric": TaskTransfer("asymmetric"),
    "distillation": TaskTransfer("distillation"),
    "born again": TaskTransfer("born_again"),
}
THENS: Mapping[str, Strategy] = {
    "parameter": ParameterTransfer(),
    "feature": FeatureTransfer(),
    "feature, free": FeatureTransfer(train="all"),
    "mask": StructureTransfer("mask"),
    "width": StructureTransfer("width"),
    "stats": StructureTransfer("stats"),
}


def ours(target: Task = CLASS) -> Problem:
    """Two sources and a target."""
    parts: dict[str, tuple[Role, Task, int]] = {
        "s1": ("source", CLASS, 30), "s2": ("source", CLASS, 20), "t": ("target", target, 12)
    }  # fmt: skip
    domains = {
        name: Domain(name, role, (task,), split(k, n, (task,)))
        for k, (name, (role, task, n)) in enumerate(parts.items())
    }
    return Problem(domains, HeldOutTest({}), "digest")


def begun(stage: Stage, problem: Problem, strategy: Strategy) -> Model:
    tasks = {name: problem.domains[name].tasks for name in stage.domains}
    model = draw_model(PHI, SPEC, tasks, stage.init, 0, stage.task_specific)
    (stage.by or strategy).add_buffers(model)
    return model


def trained(
    stage: Stage, problem: Problem, strategy: Strategy, previous: Model | None = None
) -> Model:
    """One stage from what it inherits, as a run trains it."""
    by, model = stage.by or strategy, begun(stage, problem, strategy)
    if previous is not None:
        model = by.inherit(stage, model, previous)
    batches = {name: Batches(problem.domains[name].train, name, 8, 0) for name in stage.domains}
    trainer = TrainerOptions(stage.steps, 8, eval_every=stage.steps)
    train_state = TrainState.begin(stage, model, Adam(lr=0.01), batches)
    fit(stage, model, problem.domains, by, trainer, train_state, Rows())
    return model


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("then", THENS)
def test_the_stages_are_those_of_the_first_on_the_sources_alone_and_the_last_of_the_transfer(
    first: str, then: str
) -> None:
    problem, lam = ours(), Constant(3.0)
    *before, target = Fused(FIRSTS[first], 0.5, THENS[then]).stages(problem, lam, 5)
    alone = FIRSTS[first].stages(problem.only("source"), Constant(0.5), 5)

    assert len(before) == len(alone)
    for stage, same in zip(before, alone, strict=True):
        assert stage.domains == ("s1", "s2")
        assert stage.init == "source"
        assert stage.shared
        assert stage.name.startswith("source: ")
        assert stage.by == (same.by or SourceSide(FIRSTS[first]))
        told = replace(
            stage, name=same.name, init=same.init, shared=same.shared, by=same.by, steps=same.steps
        )
        assert told == same
    assert sum(stage.steps for stage in before) == 5  # of the source side, whatever it is made of
    assert target == replace(THENS[then].stages(problem, lam, 5)[-1], by=THENS[then])
    assert before[-1].lam.at(0.5) == (
        Lam(0.0) if isinstance(FIRSTS[first], SharedParameters) else Lam(0.5)
    )


@pytest.mark.parametrize("lam", [0.0, 1.0, math.inf])
def test_lambda_is_that_of_the_target_stage_and_leaves_the_source_stage_alone(lam: float) -> None:
    fused = Fused(TaskRelation("mean"), first_lam=2.0)
    *before, target = fused.stages(ours(), Constant(lam), 5)
    assert before == list(fused.stages(ours(), Constant(0.3), 5)[:-1])
    assert target.lam == Constant(lam)
    assert target.domains == domains_drawn(ours(), Constant(lam))


@pytest.mark.parametrize("then", ["parameter", "feature", "feature, free"])
@pytest.mark.parametrize("lam", [0.5, math.inf])
def test_from_the_same_weights_the_target_stage_is_that_of_the_transfer_to_the_bit(
    then: str, lam: float
) -> None:
    """One source model, of the kind that a plain transfer has: one head for the label space."""
    problem, transfer = ours(), THENS[then]
    source, target = transfer.stages(problem, Constant(lam), 12)
    fused = Fused(SharedParameters(heads="shared"), then=transfer)
    *_, fused_target = fused.stages(problem, Constant(lam), 12)
    previous = trained(source, problem, transfer)
    one = trained(target, problem, transfer, previous)
    other = trained(fused_target, problem, fused, previous)
    assert_same_bits(state(one), state(other))


def test_the_objective_is_that_of_the_transfer() -> None:
    problem, fused = ours(), Fused(SharedParameters(), then=FeatureTransfer())
    stage = fused.stages(problem, Constant(2.0), 3)[-1]
    model, rows = begun(stage, problem, fused), Rows()
    batches = {name: Batches(problem.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, Adam(), batches)
    fit(stage, model, problem.domains, fused, TrainerOptions(3, 8, eval_every=3), train_state, rows)
    for terms in rows.terms:
        assert terms["total"] == pytest.approx((terms["L_S"] + 2.0 * terms["L_T"]) / 3.0, rel=1e-6)


def test_where_labels_agree_the_target_head_starts_from_the_mean_of_the_sources() -> None:
    problem, fused = ours(), Fused(SharedParameters(), then=ParameterTransfer())
    first, target = fused.stages(problem, Constant(1.0), 12)
    previous = trained(first, problem, fused)
    heads = [previous.head_of(TaskKey(source, "class")) for source in ("s1", "s2")]
    assert not torch.equal(heads[0].weight, heads[1].weight)
    assert target.by is not None
    model = target.by.inherit(target, begun(target, problem, fused), previous)

    assert list(model.heads) == ["*/class"]
    for name in ("weight", "bias"):
        both = [getattr(head, name).detach() for head in heads]
        torch.testing.assert_close(
            getattr(model.head_of(TaskKey("t", "class")), name).detach(), (both[0] + both[1]) / 2
        )
    assert_same_bits(model.backbone.state_dict(), previous.backbone.state_dict())


def test_where_labels_differ_the_target_head_is_new() -> None:
    problem, fused = ours(OTHER), Fused(SharedParameters(), then=ParameterTransfer())
    first, target = fused.stages(problem, Constant(1.0), 5)
    assert target.by is not None
    model = target.by.inherit(target, begun(target, problem, fused), trained(first, problem, fused))
    assert_same_bits(
        model.head_of(TaskKey("t", "other")).state_dict(),
        begun(target, problem, fused).head_of(TaskKey("t", "other")).state_dict(),
    )


def test_structure_transfer_takes_no_weight_over() -> None:
    problem, fused = ours(), Fused(SharedParameters(), then=StructureTransfer("stats"))
    first, target = fused.stages(problem, Constant(1.0), 5)
    assert target.by is not None
    fresh = begun(target, problem, fused)
    before = state(fresh)
    assert_same_bits(
        state(target.by.inherit(target, fresh, trained(first, problem, fused))), before
    )


@pytest.mark.parametrize(
    "first",
    [
        TaskRelation("mean", "towers"),
        TaskTransfer("distillation", "towers"),
        TaskTransfer("born_again", "towers"),
    ],
    ids=lambda first: type(first).__name__,
)
def test_towers_have_no_one_phi_to_hand_over(first: Strategy) -> None:
    with pytest.raises(
        UserError, match=r"strategy\.first: expected one φ to hand over, found one for each task"
    ):
        Fused(first).stages(ours(), Constant(1.0), 5)


def test_a_first_stage_that_makes_towers_one_is_fine() -> None:
    """At μ=∞ towers are one φ."""
    first, _ = Fused(TaskRelation("mean", "towers"), math.inf).stages(ours(), Constant(1.0), 5)
    assert first.task_specific == "biases"


def test_one_source_task_has_nothing_to_be_learnt_together_with() -> None:
    with pytest.raises(
        UserError,
        match="strategy: expected two source tasks or more for fused, found 1; "
        "try dataset=digits_domains",
    ):
        Fused().stages(problem(), Constant(1.0), 5)


def test_what_the_parts_refuse_is_refused() -> None:
    with pytest.raises(UserError, match=r"lam\.value: expected more than 0"):
        Fused().stages(ours(OTHER), Constant(0.0), 5)
    with pytest.raises(
        UserError, match=r"strategy\.first_lam: expected a finite λ, found inf: trace_norm"
    ):
        Fused(TaskRelation("trace_norm"), math.inf).stages(ours(), Constant(1.0), 5)
    with pytest.raises(UserError, match=r"strategy\.then: expected a transfer with a source stage"):
        Fused(then=StructureTransfer("layers")).stages(ours(), Constant(1.0), 5)
    with pytest.raises(
        UserError, match=r"strategy\.then\.structure: expected a backbone with weights"
    ):
        Fused(then=StructureTransfer("mask")).warnings(Identity())


ONE_WAY = TaskRelation("graph", graph=((0.0, 1.0), (2.0, 0.0)))


@pytest.mark.parametrize(
    ("fused", "key", "hint"),
    [
        (Fused(TaskRelation("mean")), "first.relation", "try strategy.first.scope=towers"),
        (Fused(TaskRelation("ridge")), "first.relation", "or strategy.first=shared_parameters"),
        (Fused(TaskTransfer()), "first.transfer", "or strategy.first.scope=towers, which"),
        (Fused(ONE_WAY), "first.graph", "another is strategy.first=task_transfer"),
        (Fused(TaskRelation("covariance"), math.inf), "first_lam", "try strategy.first_lam=100"),
        (Fused(TaskTransfer("born_again"), math.inf), "first_lam", "try strategy.first_lam=10"),
    ],
)
def test_what_the_first_stage_refuses_names_its_options_in_key_and_hint(
    fused: Fused, key: str, hint: str
) -> None:
    alone = replace(ours().domains["s2"], tasks=(OTHER,), train=split(1, 20, (OTHER,)))
    mixed = replace(ours(), domains={**ours().domains, "s2": alone})
    known = mixed if key in ("first.relation", "first.transfer") else ours()
    with pytest.raises(UserError) as error:
        fused.stages(known, Constant(1.0), 5)
    assert_about_the_part(error.value, key, hint)


class Unnarrowed(Identity):
    """A φ that learns, and does not say which option holds its widths."""

    learns = True


@pytest.mark.parametrize(
    ("fused", "backbone", "key", "hint"),
    [
        (
            Fused(TaskRelation(scope="towers")),
            Identity(),
            "first.scope",
            "strategy.first.scope=heads",
        ),
        (
            Fused(TaskTransfer(scope="towers")),
            Identity(),
            "first.scope",
            "strategy.first.scope=heads",
        ),
        (Fused(then=StructureTransfer()), Identity(), "then.structure", "try backbone=conv"),
        (
            Fused(then=StructureTransfer("width")),
            Unnarrowed(),
            "then.structure",
            "or strategy.then.structure=mask",
        ),
    ],
)
def test_a_backbone_that_a_part_refuses_names_the_options_of_the_part(
    fused: Fused, backbone: Backbone, key: str, hint: str
) -> None:
    with pytest.raises(UserError) as error:
        fused.warnings(backbone)
    assert_about_the_part(error.value, key, hint)


def assert_about_the_part(error: UserError, key: str, hint: str) -> None:
    (line,) = error.lines
    assert line.startswith(f"strategy.{key}: ")
    assert hint in line
    part = re.escape(key.partition(".")[0])
    assert not re.search(
        rf"strategy(?!\.{part})", line
    )  # nothing is said of another node's options
    assert "lam.value" not in line


def test_the_lambda_of_the_transfer_keeps_its_name() -> None:
    with pytest.raises(UserError) as error:
        Fused().stages(ours(OTHER), Constant(0.0), 5)
    (line,) = error.value.lines
    assert line.startswith("lam.value: ")
    assert line.endswith("; try lam.value=1")


def test_the_controls_are_those_of_a_transfer_and_the_transfer_without_the_fusion() -> None:
    fused = Fused(TaskRelation("mean"), then=FeatureTransfer(train="all"))
    controls = fused.controls(ours())
    assert controls.keys() == {"not fused", *ParameterTransfer().controls(ours())}
    assert controls["not fused"].strategy == fused.then
    assert "source_only" not in fused.controls(ours(OTHER))


def on_digits(runs_dir: Path, **strategy: Any) -> dict[str, Any]:
    dataset = {"name": "digits_domains", "target": "inverted"}
    return config(runs_dir, dataset=dataset, strategy={"name": "fused", **strategy})


def done(asked: dict[str, Any], watcher: Watcher | None = None) -> Any:
    watcher = watcher or Watcher()
    return performed(planned(asked, watcher), THIS, watcher)


def every_pair(*firsts: str) -> Iterator[Any]:
    """Each of `firsts` with each transfer; quick: each transfer once."""
    for k, first in enumerate(firsts):
        for number, then in enumerate(THENS):
            quick = number % len(firsts) == k
            yield pytest.param(first, then, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("first", "then"), list(every_pair("shared", "covariance", "born again")))
def test_every_transfer_works_through_it_and_finds_its_source_stage_again(
    tmp_path: Path, first: str, then: str
) -> None:
    """A second λ trains no source stage, and its bits are those of a run that trained its own."""
    nodes = {"first": as_node(FIRSTS[first]), "then": as_node(THENS[then])}
    one = done(on_digits(tmp_path / "a", **nodes))
    watcher, other = (
        Watcher(),
        on_digits(tmp_path / "a", **nodes) | {"lam": {"name": "constant", "value": 5.0}},
    )
    found, alone = (
        done(other, watcher),
        done({**other, "runs_dir": str(tmp_path / "b"), "stages": False}),
    )

    names = [stage.name for _, stage in watcher.stages]
    record = json.loads((one.path / "run.json").read_text())
    before = (
        ["source: single tasks", "source: tasks"] if first == "born again" else ["source: tasks"]
    )
    assert names == ["target"]
    assert [stage["name"] for stage in record["stages"]] == [*before, "target"]
    assert one.result["headline"]["name"] == "target accuracy"
    assert one.result["labels"] == {"noise": 239, "occlusion": 238, "inverted": 50}
    assert (one.path / "structure.json").exists() == isinstance(THENS[then], StructureTransfer)
    assert_same_run(found.path, alone.path)


OPTIMIZERS: Mapping[str, dict[str, Any]] = {
    "sgd": {"name": "sgd", "lr": 0.05, "weight_decay": 0.01},
    "adam": {"name": "adam", "lr": 0.003, "weight_decay": 0.01},
}
PEERS: Mapping[str, dict[str, Any]] = {
    "mlp": {"backbone": {"name": "mlp", "hidden": [16]}},
    "batchnorm": {"backbone": {"name": "mlp", "hidden": [16], "norm": "batch"}},
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("backbone", PEERS)
@pytest.mark.parametrize("select", ["last", "best"])
def test_with_one_head_for_all_sources_it_is_its_control_not_fused_to_the_bit(
    tmp_path: Path, optimizer: str, backbone: str, select: str
) -> None:
    """Both lower one and the same objective, so no difference between the two is one of step
    sizes."""
    dataset = {"name": "digits_domains", "target": "inverted", "val_share": 0.4}
    trainer = {"steps": 12, "batch_size": 16, "eval_every": 4, "select": select}
    first = {"name": "shared_parameters", "heads": "shared"}
    asked = (
        on_digits(tmp_path, first=first)
        | PEERS[backbone]
        | {
            "dataset": dataset,
            "trainer": {"name": "trainer", **trainer},
            "optimizer": OPTIMIZERS[optimizer],
        }
    )
    fused, pooled = done(asked), done(asked | {"strategy": {"name": "parameter_transfer"}})

    assert Fused().controls(ours())["not fused"].strategy == ParameterTransfer()
    assert_same_run(fused.path, pooled.path)


@pytest.mark.parametrize("first", [name for name in FIRSTS if name != "pooled"])
def test_the_source_side_is_the_equation_of_the_first_over_the_number_of_its_tasks(
    first: str,
) -> None:
    """(Σ L_i + μ R)/n: the same minimum, with the terms and all that is learnt beside it as they
    are. A stage that brings an equation of its own, as each task alone does, keeps it."""
    problem = ours()
    *before, together, _ = Fused(FIRSTS[first], 0.5).stages(problem, Constant(1.0), 6)
    assert together.by is not None
    model = begun(together, problem, together.by)
    if before:
        (alone,) = before
        assert alone.by == SingleTask()
        model = together.by.inherit(together, model, begun(alone, problem, SingleTask()))
    steps = everything(problem.only("source"), model)
    found = together.by.objective(steps, model, Lam(0.5))
    plain = FIRSTS[first].objective(steps, model, Lam(0.5))

    assert isinstance(found.total, Tensor)
    torch.testing.assert_close(2 * found.total, plain.total)
    assert found.terms.keys() == plain.terms.keys()
    assert found.updates.keys() == plain.updates.keys()
    for name, update in plain.updates.items():
        assert torch.equal(found.updates[name], update)


def test_what_the_first_keeps_beside_its_weights_is_kept_and_told() -> None:
    for first in (TaskRelation("covariance"), TaskTransfer("asymmetric")):
        (stage, _) = Fused(first, 0.5).stages(ours(), Constant(1.0), 6)
        assert stage.by is not None
        model = begun(stage, ours(), stage.by)
        assert first.relation_of(model) == stage.by.relation_of(model) is not None


def test_mu_decides_a_run_and_its_source_stage(tmp_path: Path) -> None:
    first = {"name": "task_relation", "relation": "mean"}
    weak, strong = (
        planned(on_digits(tmp_path, first=first, first_lam=mu), Watcher()) for mu in (0.1, 10.0)
    )
    assert weak.run_dir.path != strong.run_dir.path
    assert weak.shared_keys != strong.shared_keys


def test_born_again_shares_its_teachers_with_no_multi_task_run() -> None:
    """Their stage starts from the weights of `source-init`, those of `single_task` from
    `target-init`."""
    fused = Fused(TaskTransfer("born_again")).stages(ours(), Constant(1.0), 5)[0]
    (alone,) = SingleTask().stages(ours().only("source"), Constant(1.0), 5)
    assert (fused.init, alone.init) == ("source", "target")


@pytest.mark.parametrize(
    "then", [ParameterTransfer(), FeatureTransfer(), StructureTransfer()], ids=type
)
def test_lambda_weighs_the_target_against_the_source(then: Strategy) -> None:
    assert_lambda_weighs_the_target(Fused(then=then))


@pytest.mark.parametrize("first", [SharedParameters, TaskRelation, TaskTransfer])
def test_the_sources_are_to_learn_the_phi_that_is_handed_over(first: type) -> None:
    with pytest.raises(
        UserError,
        match=r"strategy\.first\.train: expected all, .*, found head; strategy\.then\.train",
    ):
        Fused(first(train="head"))
