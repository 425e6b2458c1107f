"""What a config and its data must agree on before anything starts."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.core.task import Task
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.runs.checks import (
    check_batch_size,
    check_estimator,
    check_inputs,
    check_roles,
    lam_acts,
)
from tlrun.strategies.base import Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.joint import Joint
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.source_only import SourceOnly
from tlrun.strategies.structure_transfer import StructureTransfer
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer

from problems import Watcher, config, everything, planned, problem
from texts import reviews


@pytest.mark.parametrize(
    ("strategy", "label_space", "backbone", "acts"),
    [
        (FeatureTransfer(), "shared", Mlp(), True),
        (FeatureTransfer(), "split", Mlp(), False),
        (FeatureTransfer(train="all"), "split", Mlp(), True),
        (FeatureTransfer(train="all"), "split", Identity(), False),
        (ParameterTransfer(), "split", Mlp(), True),
        (ParameterTransfer(), "split", Identity(), False),
        (ParameterTransfer(), "shared", Identity(), True),
        (Joint(), "split", Identity(), False),
    ],
)
def test_lambda_acts_where_the_losses_share_a_free_parameter(
    strategy: Strategy, label_space: str, backbone: Backbone, acts: bool
) -> None:
    ours = problem(label_space)  # type: ignore[arg-type]
    run = replace(build(config(Path("unused"))), strategy=strategy, backbone=backbone)

    assert lam_acts(ours, strategy.stages(ours, Constant(1.0), 5), run) is acts
    assert lam_acts(ours, strategy.stages(ours, Constant(math.inf), 5), run)


def test_choosing_the_best_needs_validation_labels(tmp_path: Path) -> None:
    best = {"name": "trainer", "select": "best"}
    with pytest.raises(
        UserError,
        match=(
            r"trainer.select: expected validation labels of every task .* found none of "
            r"source/digit, target/digit"
        ),
    ):
        planned(config(tmp_path, trainer=best), Watcher())

    assert planned(
        config(tmp_path, trainer=best, dataset={"name": "digits", "val_share": 0.2}), Watcher()
    )


def test_choosing_the_best_needs_a_validation_label_of_every_task(tmp_path: Path) -> None:
    """Else a loss that is never defined would leave the last weights without a word."""
    rows = [
        f"{k % 7},{k % 5},{k % 2},{'' if k % 3 == 1 else k % 2},{('train', 'val', 'test')[k % 3]}"
        for k in range(60)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["x,y,p,q,fold", *rows]), encoding="utf-8")
    table = {
        "name": "table_csv",
        "path": str(tmp_path / "t.csv"),
        "predict": ["p", "q"],
        "split": "fold",
        "duplicates": "keep",
    }
    nodes = {"dataset": table, "strategy": {"name": "shared_parameters"}}

    assert planned(config(tmp_path, **nodes), Watcher())
    with pytest.raises(
        UserError,
        match=r"trainer.select: expected validation labels of every task .* found none of table/q",
    ):
        planned(config(tmp_path, **nodes, trainer={"name": "trainer", "select": "best"}), Watcher())


def with_another_task(role: str) -> Problem:
    """Source and target have one task in common, and the domain of `role` another one besides."""
    ours = problem()
    name, domain = role, ours.domains[role]
    more = Task("more", "binary", ("no", "yes"))
    labels = {**domain.train.labels, "more": np.arange(len(domain.train)) % 2}
    train = replace(domain.train, labels=labels)
    wider = replace(domain, tasks=(*domain.tasks, more), train=train)
    return replace(ours, domains={**ours.domains, name: wider})


@pytest.mark.parametrize("role", ["source", "target"])
@pytest.mark.parametrize(
    ("strategy", "backbone"),
    [
        (FeatureTransfer(), Mlp()),
        (FeatureTransfer(train="all"), Identity()),
        (ParameterTransfer(), Identity()),
        (Joint(), Identity()),
    ],
)
def test_one_task_in_common_is_a_head_in_common(
    strategy: Strategy, backbone: Backbone, role: str
) -> None:
    """Without a free φ the head of that task is trained by both losses, the other's by one."""
    ours = with_another_task(role)
    run = replace(build(config(Path("unused"))), strategy=strategy, backbone=backbone)
    *_, stage = strategy.stages(ours, Constant(1.0), 5)

    assert lam_acts(ours, [stage], run)

    model = draw_model(backbone, ours.inputs, ours.tasks_by_domain, "target", 0)
    model.free(stage.trained)
    steps = everything(ours, model)
    free = [p for p in model.parameters() if p.requires_grad]
    slopes = [
        torch.autograd.grad(loss, free, retain_graph=True, allow_unused=True)
        for loss in (steps.loss("source"), steps.loss("target"))
        if isinstance(loss, torch.Tensor)
    ]
    shared = [one is not None and other is not None for one, other in zip(*slopes, strict=True)]
    assert any(shared)
    assert not all(shared)


@pytest.mark.parametrize("name", ["mlp", "conv"])
def test_batchnorm_on_one_example_at_a_time_is_refused_before_anything_starts(
    tmp_path: Path, name: str
) -> None:
    one = {"name": "trainer", "batch_size": 1}
    node = {"name": name, "norm": "batch"}
    with pytest.raises(
        UserError, match=r"^trainer.batch_size: expected 2 or more .*, found 1; try "
    ) as refused:
        planned(config(tmp_path, backbone=node, trainer=one), Watcher())

    assert len(refused.value.lines) == 1
    assert list(tmp_path.iterdir()) == []
    assert planned(config(tmp_path, backbone=node, trainer={**one, "batch_size": 2}), Watcher())
    assert planned(config(tmp_path, backbone={"name": name}, trainer=one), Watcher())


def test_a_backbone_that_says_nothing_takes_any_batch() -> None:
    run = build(config(Path("unused"), trainer={"name": "trainer", "batch_size": 1}))

    check_batch_size(replace(run, backbone=Identity()))


@pytest.mark.parametrize(
    "backbone", [Mlp((4,)), Mlp((4,), "batch"), Conv((4,)), Conv((4,), "batch")]
)
def test_the_smallest_batch_can_be_trained_on(backbone: Mlp | Conv) -> None:
    module = backbone.build((1, 4, 4)).train()

    assert module(torch.randn(backbone.smallest_batch, 1, 4, 4)).isfinite().all()


def without_source() -> Problem:
    """The target of a problem alone."""
    ours = problem()
    return replace(ours, domains={"target": ours.domains["target"]})


@pytest.mark.parametrize("lam", [0.0, 1.0, math.inf])
@pytest.mark.parametrize("strategy", [FeatureTransfer(), ParameterTransfer(warmup=2)])
def test_without_a_source_every_lambda_is_infinity(strategy: Strategy, lam: float) -> None:
    """Else the loss of the target would be multiplied by λ/(1+λ)."""
    ours, constant = without_source(), Constant(lam)
    run = replace(build(config(Path("unused"))), strategy=strategy, lam=constant)

    stages = strategy.stages(ours, constant, 5)
    assert stages[0].domains == ()
    assert {stage.domains for stage in stages[1:]} == {("target",)}
    assert lam_acts(ours, stages, run) is math.isinf(lam)


def test_scratch_and_tasks_by_themselves_need_no_source_and_know_no_lambda() -> None:
    ours = without_source()
    for strategy in (Scratch(), SingleTask(), SingleTask(train="head")):
        run = replace(build(config(Path("unused"))), strategy=strategy)
        check_roles(run, ours)
        assert lam_acts(ours, strategy.stages(ours, run.lam, 5), run)


def test_lambda_acts_on_heads_alone_where_it_weighs_what_relates_them() -> None:
    """They share no parameter with each other, nor need they."""
    ours = problem("shared")
    for strategy in (TaskRelation(train="head"), TaskTransfer("distillation", train="head")):
        run = replace(build(config(Path("unused"))), strategy=strategy)
        assert lam_acts(ours, strategy.stages(ours, run.lam, 5), run)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (FeatureTransfer(), "a backbone with pretrained weights, found a target alone, and backbo"),
        (StructureTransfer(), "a backbone with pretrained weights, found a target alone"),
        (Joint(), "a source domain, found a target alone; try strategy=feature_transfer or param"),
        (SourceOnly(), "expected a source domain, found a target alone"),
    ],
)
def test_without_a_source_what_transfers_needs_weights(strategy: Strategy, message: str) -> None:
    run = replace(build(config(Path("unused"))), strategy=strategy)

    with pytest.raises(UserError, match=message):
        check_roles(run, without_source())


def test_a_backbone_that_cannot_read_the_inputs_is_refused_with_those_that_can() -> None:
    vectors = problem()
    flat = {}
    for name, domain in vectors.domains.items():
        train = replace(domain.train, inputs=domain.train.array.reshape(len(domain.train), -1))
        flat[name] = replace(domain, train=train)
    run = replace(build(config(Path("unused"))), backbone=Conv())

    with pytest.raises(
        UserError, match=r"image inputs for backbone=conv, found vectors of 16 numbers; try .*mlp"
    ):
        check_inputs(run, replace(vectors, domains=flat))
    check_inputs(replace(run, backbone=Mlp()), replace(vectors, domains=flat))


@pytest.mark.parametrize(
    ("strategy", "ours", "told", "fitting"),
    [
        (
            "linear_model",
            reviews("peer"),
            "vectors or images for strategy=linear_model, found texts of at most 50 tokens",
            "constant_prediction or tfidf",
        ),
        (
            "tfidf",
            problem(),
            "texts for strategy=tfidf, found images of 1x4x4",
            "constant_prediction or gradient_boosting or linear_model",
        ),
    ],
)
def test_an_estimator_is_refused_where_it_cannot_learn(
    strategy: str, ours: Problem, told: str, fitting: str
) -> None:
    run = build(config(Path("unused"), strategy={"name": strategy}))
    with pytest.raises(UserError) as caught:
        check_estimator(run, ours)

    assert caught.value.lines == (f"strategy: expected {told}; try strategy={fitting}",)
    for name in ("constant_prediction", "single_task"):
        check_estimator(build(config(Path("unused"), strategy={"name": name})), ours)


def test_only_images_are_changed_at_random() -> None:
    ours, flat = problem(), {}
    for name, domain in ours.domains.items():
        train = replace(domain.train, inputs=domain.train.array.reshape(len(domain.train), -1))
        flat[name] = replace(domain, train=train)
    run = build(config(Path("unused"), trainer={"name": "trainer", "augment": ["flip"]}))

    check_inputs(run, ours)
    with pytest.raises(UserError, match=r"trainer.augment: expected null, or images, found flip"):
        check_inputs(run, replace(ours, domains=flat))


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ({"name": "feature_transfer"}, True),
        ({"name": "feature_transfer", "train": "last"}, True),
        ({"name": "feature_transfer", "train": "all"}, False),
        ({"name": "parameter_transfer", "warmup": 2}, True),
        ({"name": "scratch"}, False),
    ],
)
def test_where_features_are_computed_once_it_is_said_that_no_image_changes(
    tmp_path: Path, strategy: dict[str, Any], said: bool
) -> None:
    watcher = Watcher()
    trainer = {"name": "trainer", "augment": ["flip"], "steps": 4}
    planned(config(tmp_path, strategy=strategy, trainer=trainer), watcher)

    assert any("trainer.augment changes nothing" in note for note in watcher.notes) is said
