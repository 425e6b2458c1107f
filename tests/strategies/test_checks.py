import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from tlrun.core.errors import UserError
from tlrun.core.objective import Schedule, Steps
from tlrun.core.problem import Domain, HeldOutTest, Problem, Task, TaskKey, tasks_by_key
from tlrun.data.batches import as_batch
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.model import Model, draw_model
from tlrun.strategies.checks import finite, one_label_space, one_shape, several, told
from tlrun.strategies.schedules import Constant, Cosine, Linear
from tlrun.strategies.terms.parameters import rms, side_by_side, tasks_of
from tlrun.training.loop import forward

from problems import SHAPE, split

CLASS = Task("class", "multiclass", ("a", "b", "c"))
SHADE = Task("shade", "multiclass", ("x", "y", "z"))
ODD, PRIME = Task("odd", "binary", ("no", "yes")), Task("prime", "binary", ("no", "yes"))
VALUE = Task("value", "regression")
PHI = Mlp((6, 5))


def made(**domains: Sequence[Task]) -> Problem:
    parts = {
        name: Domain(name, "peer", tuple(tasks), split(k, 10 + 3 * k, tuple(tasks)))
        for k, (name, tasks) in enumerate(domains.items())
    }
    return Problem(parts, HeldOutTest({}), "digest")


def drawn(
    ours: Problem, backbone: Backbone, own: Literal["heads", "towers"]
) -> tuple[Model, Steps]:
    """A model in float64, every parameter moved, and a step of all examples."""
    model = draw_model(backbone, SHAPE, ours.tasks_by_domain, "target", 0, own).double()
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    steps = Steps()
    for name, domain in ours.domains.items():
        batch = as_batch(replace(domain.train, inputs=domain.train.inputs.astype(np.float64)))
        steps[name] = forward(model, domain, batch, dict.fromkeys(batch.labels, 1.0))
    return model, steps


def test_every_task_of_every_domain_is_one() -> None:
    ours = made(d=(CLASS, ODD), e=(CLASS,))
    assert several(ours, "x") == {
        TaskKey("d", "class"): CLASS,
        TaskKey("d", "odd"): ODD,
        TaskKey("e", "class"): CLASS,
    }


def test_one_task_is_refused_by_the_name_of_the_strategy() -> None:
    with pytest.raises(
        UserError,
        match="strategy: expected two tasks or more for fancy, found one, d/class; "
        "try another data set, such as dataset=",
    ):
        several(made(d=(CLASS,)), "fancy")


@pytest.mark.parametrize(
    "lam", [Constant(math.inf), Linear(math.inf), Linear(1.0, math.inf), Cosine(math.inf)]
)
def test_lambda_that_is_infinite_at_any_time_is_refused_with_the_reason(lam: Schedule) -> None:
    with pytest.raises(UserError) as error:
        finite(lam, "because", "try {key}=1")
    told = f"lam.value: expected a finite λ, found {lam.label}: because; try lam.value=1"
    assert error.value.lines == (told,)


@pytest.mark.parametrize("lam", [Constant(0.0), Constant(1e300), Linear(5.0), Cosine(0.0, 3.0)])
def test_lambda_that_stays_finite_passes(lam: Schedule) -> None:
    finite(lam, "because", "try {key}=1")


@pytest.mark.parametrize(
    ("tasks", "shape", "space"),
    [
        ([CLASS, CLASS], True, True),
        ([CLASS, SHADE], True, False),
        ([ODD, PRIME], True, False),
        ([ODD, VALUE], False, False),  # one number each, but a logit is no number
        ([CLASS, ODD], False, False),
        ([CLASS, Task("more", "multiclass", tuple("abcd"))], False, False),
    ],
)
def test_heads_are_compared_by_shape_and_by_meaning(
    tasks: list[Task], shape: bool, space: bool
) -> None:
    by_key = tasks_by_key({f"d{k}": [task] for k, task in enumerate(tasks)})
    assert one_shape(by_key) == shape
    assert one_label_space(by_key) == space


def test_tasks_are_told_by_their_short_names_and_no_more_than_eight() -> None:
    assert (
        told(made(d=(CLASS, ODD, VALUE)).task_keys)
        == "class (3 classes), odd (binary), value (regression)"
    )
    assert told(made(d=(CLASS,), e=(CLASS,)).task_keys) == "d (3 classes), e (3 classes)"
    assert told(made(d=(CLASS, ODD), e=(CLASS,)).task_keys).startswith(
        "d/class (3 classes), d/odd (binary)"
    )
    many = tasks_by_key({"d": [Task(f"t{k}", "binary", ("no", "yes")) for k in range(11)]})
    assert told(many).endswith("t7 (binary) and 3 more")
    assert told(dict(list(many.items())[:8])).endswith("t7 (binary)")


def test_the_tasks_of_a_step_stand_in_the_order_of_the_heads() -> None:
    ours = made(d=(CLASS, ODD), e=(ODD, CLASS))
    model, steps = drawn(ours, PHI, "heads")
    assert list(tasks_of(steps)) == list(model.head_keys) == list(ours.task_keys)


def test_rms_is_over_all_features_of_all_domains_alike() -> None:
    """Each domain counts as one, and a domain's features once, however many tasks share them."""
    _, steps = drawn(made(d=(CLASS, ODD), e=(CLASS,)), PHI, "heads")
    squares = [float((steps[name].features["class"].detach() ** 2).mean()) for name in ("d", "e")]
    assert float(rms(steps).detach()) == pytest.approx(math.sqrt(sum(squares) / 2), rel=1e-12)

    _, steps = drawn(made(d=(CLASS, ODD), e=(CLASS,)), PHI, "towers")
    z = [z.detach() for step in steps.values() for z in step.features.values()]
    assert float(rms(steps).detach()) == pytest.approx(
        math.sqrt(sum(float((f**2).mean()) for f in z) / 3), rel=1e-12
    )


def test_features_that_are_all_zero_have_a_size_of_zero_and_a_slope() -> None:
    _, steps = drawn(made(d=(CLASS,), e=(CLASS,)), PHI, "heads")
    for double in (True, False):
        z = torch.zeros(4, 5, dtype=torch.float64 if double else torch.float32, requires_grad=True)
        dead = Steps({name: replace(step, features={"class": z}) for name, step in steps.items()})
        (slope,) = torch.autograd.grad(rms(dead), z)
        assert float(rms(dead).detach()) < 1e-15
        assert not slope.any()


def centred(weight: Tensor) -> Tensor:
    return (weight - weight.mean(dim=0)).flatten()


def test_on_one_phi_it_is_the_heads_in_units_of_logits() -> None:
    model, steps = drawn(made(d=(CLASS,), e=(CLASS,)), PHI, "heads")
    size = rms(steps)
    expected = torch.stack(
        [size * centred(model.head_of(TaskKey(name, "class")).weight) for name in ("d", "e")], dim=1
    )
    torch.testing.assert_close(side_by_side(model, steps), expected)

    model, steps = drawn(made(d=(ODD, PRIME)), PHI, "heads")
    expected = (
        rms(steps)
        * torch.cat([model.head_of(TaskKey("d", name)).weight for name in ("odd", "prime")]).T
    )
    # a single logit has nothing to be centred on
    torch.testing.assert_close(side_by_side(model, steps), expected)


def test_without_a_phi_that_learns_heads_are_as_they_are() -> None:
    model, steps = drawn(made(d=(ODD, PRIME)), Identity(), "heads")
    heads = [model.head_of(TaskKey("d", name)) for name in ("odd", "prime")]
    expected = torch.cat([head.weight for head in heads]).T
    assert torch.equal(side_by_side(model, steps), expected)


def test_a_phi_that_is_held_fixed_gives_its_features_their_size_all_the_same() -> None:
    """They may be large or small, and do not change: λ means the same beside any φ."""
    model, steps = drawn(made(d=(ODD, PRIME)), PHI, "heads")
    before = side_by_side(model, steps)
    model.freeze_backbone(True)
    assert torch.equal(side_by_side(model, steps), before)


def test_of_towers_it_is_all_of_phi_and_the_heads_where_they_mean_the_same() -> None:
    for ours in (made(d=(CLASS,), e=(CLASS,)), made(d=(CLASS, ODD)), made(d=(ODD, PRIME))):
        model, steps = drawn(ours, PHI, "towers")
        same = len(ours.tasks) == 1
        size, columns = rms(steps), []
        for key in ours.task_keys:
            phi = [p.flatten() for p in model.trunk_of(key).parameters()]
            columns.append(torch.cat(phi + [size * centred(model.head_of(key).weight)] * same))
        torch.testing.assert_close(side_by_side(model, steps), torch.stack(columns, dim=1))


@pytest.mark.parametrize("own", ["heads", "towers"])
def test_biases_of_heads_are_left_out(own: Literal["heads", "towers"]) -> None:
    model, steps = drawn(made(d=(CLASS,), e=(CLASS,)), PHI, own)
    W = side_by_side(model, steps).square().sum()
    biases = [model.head_of(TaskKey(name, "class")).bias for name in ("d", "e")]
    unseen = torch.autograd.grad(W, biases, allow_unused=True, retain_graph=True)
    assert [slope is None for slope in unseen] == [True, True]
    for parameter in model.trunks.parameters():
        (slope,) = torch.autograd.grad(W, parameter, retain_graph=True)
        assert slope.any()
