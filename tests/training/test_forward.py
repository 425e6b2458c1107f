"""A step of many tasks beside the plain one: one domain after another, one head after another."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tlrun.core.inputs import InputSpec
from tlrun.core.objective import Step, Steps
from tlrun.core.problem import Domain, Problem
from tlrun.core.task import Kind, Task, TaskKey
from tlrun.data.batches import Batch, as_batch, labelled
from tlrun.models.backbone import Backbone, TaskSpecific
from tlrun.models.backbones.bag import Bag
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.lstm import Lstm
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.training.forward import FEW, Forward, forward
from tlrun.training.loop import autocast
from tlrun.training.losses import task_loss

from problems import SPEC, as_features, hidden, with_tasks
from properties import assert_same_bits
from texts import tokens

CLASSES = {"multiclass": ("a", "b", "c"), "binary": ("no", "yes"), "regression": ()}


def of(kind: Kind, *names: str, k: int = 3) -> list[Task]:
    """A task of one kind of each name; numbers have a location and scale of their own."""
    classes = CLASSES[kind] if k == 3 else tuple("abcdefgh"[:k])
    if kind != "regression":
        return [Task(name, kind, classes) for name in names]
    return [
        Task(name, kind, location=0.5 * place - 1, scale=1.0 + place)
        for place, name in enumerate(names)
    ]


MIXED = [
    *of("multiclass", "c0", "c1", "c2", "c3", "c4"),
    *of("regression", "r0", "r1", "r2", "r3", "r4"),
    *of("binary", "b0"),
    *of("multiclass", "e0", "e1", k=4),
    *of("binary", "b1", "b2", "b3"),
]
PROBLEMS = {
    "one domain, tasks of every kind": with_tasks(d=MIXED),
    "a task in each of many domains": with_tasks(
        **{f"d{k}": of("multiclass", "same") for k in range(6)}
    ),
    "several tasks in each": with_tasks(
        **{
            f"d{k}": [*of("multiclass", "x", "y"), *of("binary", "z"), *of("regression", "n", "m")]
            for k in range(5)
        }
    ),
    "other tasks in each": with_tasks(
        d=of("binary", "p", "q", "r", "s"),
        e=of("binary", "p", "q"),
        f=[*of("binary", "t", "u"), *of("regression", "v")],
        g=of("regression", "v"),
        h=of("binary", "p", "q"),
    ),
}
ONE_SHAPE = {
    "one domain": with_tasks(d=of("binary", "p", "q", "r", "s", "t")),
    "many domains": PROBLEMS["a task in each of many domains"],
    "many domains of several": with_tasks(
        **{f"d{k}": of("regression", "m", "n") for k in range(5)}
    ),
}


def batches(ours: Problem, size: int | None = None) -> dict[str, Batch]:
    """The first `size` examples of every domain, or all, which are more in each."""
    drawn = {}
    for name, domain in ours.domains.items():
        batch = as_batch(domain.train)
        drawn[name] = batch if size is None else batch.rows(torch.arange(size))
    return drawn


def shares_of(ours: Problem) -> dict[str, dict[str, float]]:
    return {
        name: {
            task: float(labelled(labels).double().mean())
            for task, labels in as_batch(domain.train).labels.items()
        }
        for name, domain in ours.domains.items()
    }


def plain(
    model: Model,
    domains: Mapping[str, Domain],
    drawn: Mapping[str, Batch],
    shares: Mapping[str, Mapping[str, float]],
) -> Steps:
    """One domain after another, and of each one head and one loss after another."""
    steps = Steps()
    for name, batch in drawn.items():
        domain, outputs, losses = domains[name], {}, {}
        z = model.features(batch.inputs, name, domain.tasks, batch.passed)
        z = {
            task: features.to(torch.promote_types(features.dtype, torch.float32))
            for task, features in z.items()
        }
        for task in domain.tasks:
            said = model.output(TaskKey(name, task.name), z[task.name])
            outputs[task.name] = said.to(torch.promote_types(said.dtype, torch.float32))
            if shares[name][task.name] > 0.0:
                losses[task.name] = task_loss(
                    task, outputs[task.name], batch.labels[task.name], shares[name][task.name]
                )
        steps[name] = Step(
            domain.role, batch.inputs, domain.tasks, z, outputs, losses, batch.passed
        )
    return steps


def at_once(
    model: Model,
    domains: Mapping[str, Domain],
    drawn: Mapping[str, Batch],
    shares: Mapping[str, Mapping[str, float]],
) -> Steps:
    return Forward(model, domains, shares)(drawn)


def everything(model: Model, steps: Steps) -> dict[str, Tensor]:
    """All that a step has made, by name: also the gradients of an objective of losses, outputs and
    features, in which each weighs something else."""
    made: dict[str, Tensor] = {}
    total = torch.zeros(())
    for name, step in steps.items():
        for what in ("features", "outputs", "losses"):
            for task, tensor in getattr(step, what).items():
                made[f"{what} {name} {task}"] = tensor.detach()
                total = total + (tensor * (1 + len(made) % 5)).square().mean()
    model.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        made[f"gradient {name}"] = (
            torch.zeros(0) if parameter.grad is None else parameter.grad.clone()
        )
    return made


def assert_equal_to_the_plain_one(
    ours: Problem,
    backbone: Backbone,
    own: TaskSpecific,
    size: int | None = 9,
    spec: InputSpec = SPEC,
    double: bool = True,
    error: float = 1e-9,
    precision: Any = "fp32",
    mode: Callable[[Model], object] = Model.train,
    drawn: Mapping[str, Batch] | None = None,
) -> None:
    """Losses, outputs, features, gradients, buffers, and the random numbers drawn."""
    found, buffers, random = [], [], []
    for compute in (plain, at_once):
        model = draw_model(backbone, spec, ours.tasks_by_domain, "target", 0, own)
        model.track(ours.domains)
        for parameter in model.heads.parameters():
            parameter.data += torch.linspace(-0.5, 0.5, parameter.numel()).view_as(parameter)
        mode(model)
        inputs = drawn or batches(ours, size)
        if double:
            model.double()
            inputs = {
                name: replace(each, inputs=each.inputs.double()) for name, each in inputs.items()
            }
        torch.manual_seed(3)
        with autocast(precision, torch.device("cpu")):
            steps = compute(model, ours.domains, inputs, shares_of(ours))
        for name, step in steps.items():
            assert list(step.outputs) == [task.name for task in ours.domains[name].tasks]
        random.append(torch.get_rng_state())
        buffers.append(dict(model.named_buffers()))
        found.append(everything(model, steps))
    assert list(found[0]) == list(found[1])
    for name, expected in found[0].items():
        assert found[1][name].dtype == expected.dtype, name
        assert found[1][name].shape == expected.shape, name
        off = float((found[1][name] - expected).abs().max()) if expected.numel() else 0.0
        assert off <= error * max(1.0, float(expected.abs().max()) if off else 0.0), (name, off)
    assert torch.equal(*random)
    if buffers[0]:
        assert_same_bits(*buffers)


@pytest.mark.parametrize("own", ["heads", "towers", "nothing"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_step_of_many_tasks_is_the_plain_one(name: str, own: TaskSpecific) -> None:
    assert_equal_to_the_plain_one(PROBLEMS[name], Mlp((6, 5)), own)


@pytest.mark.parametrize("name", ONE_SHAPE)
def test_so_it_is_where_all_heads_have_one_weight(name: str) -> None:
    assert_equal_to_the_plain_one(ONE_SHAPE[name], Mlp((6, 5)), "biases")
    assert_equal_to_the_plain_one(ONE_SHAPE[name], Identity(), "biases")


@pytest.mark.parametrize("name", PROBLEMS)
def test_so_it_is_where_batches_are_of_several_sizes(name: str) -> None:
    assert_equal_to_the_plain_one(PROBLEMS[name], Mlp((6, 5)), "heads", size=None)


@pytest.mark.parametrize(
    ("backbone", "own"),
    list(product([Conv((4,), "batch"), Mlp((6, 5), "batch")], ["heads", "towers"])),
)
def test_statistics_of_batchnorm_are_those_of_each_domain_to_the_bit(
    backbone: Backbone, own: TaskSpecific
) -> None:
    ours = PROBLEMS["several tasks in each"]
    assert_equal_to_the_plain_one(ours, backbone, own)


@pytest.mark.parametrize("every", [2, 9])
@pytest.mark.parametrize("name", PROBLEMS)
def test_missing_labels_cost_nothing(name: str, every: int) -> None:
    """Of some tasks every other label is missing; in the first batch of some there is none."""
    domains = {}
    for domain in PROBLEMS[name].domains.values():
        train = domain.train
        for task in domain.tasks[::2]:
            train = hidden(train, task, 2)
        labels = dict(train.labels)
        for task in domain.tasks[:1]:
            labels[task.name] = labels[task.name].copy()
            labels[task.name][: len(train) - 1] = np.nan if task.kind == "regression" else -1
        domains[domain.name] = replace(domain, train=replace(train, labels=labels))
    assert_equal_to_the_plain_one(
        replace(PROBLEMS[name], domains=domains), Mlp((6, 5)), "heads", every
    )


@pytest.mark.parametrize("own", ["heads", "towers"])
def test_a_task_that_nobody_labels_has_an_output_and_no_loss(own: TaskSpecific) -> None:
    ours = PROBLEMS["one domain, tasks of every kind"]
    (domain,) = ours.domains.values()
    train = domain.train
    for task in domain.tasks[1:12:3]:
        train = hidden(train, task, 1)
    ours = replace(ours, domains={domain.name: replace(domain, train=train)})
    assert_equal_to_the_plain_one(ours, Mlp((6, 5)), own)

    model = draw_model(Mlp((6, 5)), SPEC, ours.tasks_by_domain, "target", 0, own)
    step = at_once(model, ours.domains, batches(ours), shares_of(ours))[domain.name]
    silent = {task.name for task in domain.tasks[1:12:3]}
    assert step.losses.keys() == step.outputs.keys() - silent


@pytest.mark.parametrize("trained", ["head", "last"])
def test_a_part_of_phi_that_is_computed_once_is_passed_by(trained: Any) -> None:
    ours = PROBLEMS["several tasks in each"]
    for backbone in (Mlp((6, 5)), Mlp((6, 5), "batch")):
        model = draw_model(backbone, SPEC, ours.tasks_by_domain, "target", 0, "heads")
        made = as_features(ours, model, trained)
        assert all(domain.train.passed for domain in made.domains.values())
        assert_equal_to_the_plain_one(
            made, backbone, "heads", mode=lambda model: model.set_training_mode(trained)
        )


def test_in_bfloat16_too_up_to_its_rounding() -> None:
    for ours in PROBLEMS.values():
        assert_equal_to_the_plain_one(
            ours, Mlp((6, 5)), "heads", double=False, precision="bf16", error=0.05
        )


class Dropping(Mlp):
    """With dropout between its layers."""

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        first, *rest = super().build(shape).children()
        return nn.Sequential(first, nn.Dropout(0.5), *rest)


def test_what_dropout_draws_stays_what_it_was() -> None:
    ours = PROBLEMS["a task in each of many domains"]
    assert_equal_to_the_plain_one(ours, Dropping((6, 5)), "heads")
    assert_equal_to_the_plain_one(ours, Dropping((6, 5)), "heads", mode=Model.eval)


@pytest.mark.parametrize("backbone", [Lstm(4, 5, 1), Bag(5), Bag(5, 2, 64), Bag(5, dropout=0.5)])
def test_texts_of_one_padded_length_go_together_and_others_alone(backbone: Backbone) -> None:
    ours = with_tasks(**{f"d{k}": of("binary", "mood") for k in range(9)})
    words = ["poor", "fine day", "a fine poor day", "nothing", "one two three four", ""]
    drawn = {}
    for k, (name, batch) in enumerate(batches(ours, 6).items()):
        ids = tokens([" ".join([text] * (1 + k % 2)) for text in words])[:]
        drawn[name] = replace(batch, inputs=torch.from_numpy(ids)[:, : 4 * (1 + k % 2)])
    spec = InputSpec((50,), "int32", 1000)
    assert_equal_to_the_plain_one(
        ours, backbone, "heads", spec=spec, drawn=drawn, double=False, error=1e-4
    )


def counted(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many examples each pass of φ has, as they come."""
    sizes: list[int] = []
    inner = model.backbone.forward

    def watched(inputs: Tensor) -> Any:
        sizes.append(len(inputs))
        return inner(inputs)

    monkeypatch.setattr(model.backbone, "forward", watched)
    return sizes


@pytest.mark.parametrize(
    ("backbone", "passes"),
    [(Mlp((5,)), [54]), (Mlp((5,), "batch"), [9] * 6), (Conv((4,)), [9] * 6)],
)
def test_phi_is_passed_once_where_it_may(
    backbone: Backbone, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = PROBLEMS["a task in each of many domains"]
    model = draw_model(backbone, SPEC, ours.tasks_by_domain, "target", 0, "heads")
    model.track(ours.domains)
    sizes = counted(model, monkeypatch)
    at_once(model, ours.domains, batches(ours, 9), shares_of(ours))
    assert sizes == passes


def test_a_pass_has_no_more_inputs_than_are_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = PROBLEMS["a task in each of many domains"]
    monkeypatch.setattr("tlrun.training.forward.NUMBERS", 4 * 9 * 16 + 1)
    model = draw_model(Mlp((5,)), SPEC, ours.tasks_by_domain, "target", 0, "heads")
    sizes = counted(model, monkeypatch)
    at_once(model, ours.domains, batches(ours, 9), shares_of(ours))
    assert sizes == [36, 9, 9]
    assert_equal_to_the_plain_one(ours, Mlp((5,)), "heads")


@pytest.mark.parametrize("own", ["nothing", "heads", "towers"])
def test_a_few_tasks_are_computed_as_ever_to_the_bit(own: TaskSpecific) -> None:
    assert FEW == 3
    for ours in (
        with_tasks(d=of("multiclass", "c")),
        with_tasks(d=of("multiclass", "c"), e=of("multiclass", "c"), f=of("multiclass", "c")),
        with_tasks(d=[*of("binary", "b"), *of("regression", "r"), *of("multiclass", "c")]),
    ):
        assert_equal_to_the_plain_one(ours, Mlp((6, 5)), own, double=False, error=0.0)


@pytest.mark.parametrize("name", PROBLEMS)
def test_towers_are_computed_one_after_another_to_the_bit(name: str) -> None:
    assert_equal_to_the_plain_one(PROBLEMS[name], Mlp((6, 5)), "towers", double=False, error=0.0)


def test_one_domain_by_itself_is_a_step_of_one() -> None:
    ours = PROBLEMS["one domain, tasks of every kind"]
    (domain,) = ours.domains.values()
    model = draw_model(Mlp((6, 5)), SPEC, ours.tasks_by_domain, "target", 0, "heads")
    (batch,), (shares,) = batches(ours).values(), shares_of(ours).values()
    alone = forward(model, domain, batch, shares)
    among = at_once(model, ours.domains, batches(ours), shares_of(ours))[domain.name]
    assert_same_bits(alone.losses, among.losses)
    assert_same_bits(alone.outputs, among.outputs)
    assert all(z is alone.features["c0"] for z in alone.features.values())
