import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from tlrun.core.objective import Steps
from tlrun.core.problem import Problem
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import as_batch
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.strategies.terms.parameters import loss_terms, rms, side_by_side, tasks_of
from tlrun.training.forward import forward

from problems import SPEC, with_tasks

CLASS = Task("class", "multiclass", ("a", "b", "c"))
ODD, PRIME = Task("odd", "binary", ("no", "yes")), Task("prime", "binary", ("no", "yes"))
PHI = Mlp((6, 5))


def drawn(
    ours: Problem, backbone: Backbone, own: Literal["heads", "towers"]
) -> tuple[Model, Steps]:
    """A model in float64, every parameter moved, and a step of all examples."""
    model = draw_model(backbone, SPEC, ours.tasks_by_domain, "target", 0, own).double()
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    steps = Steps()
    for name, domain in ours.domains.items():
        batch = as_batch(replace(domain.train, inputs=domain.train.array.astype(np.float64)))
        steps[name] = forward(model, domain, batch, dict.fromkeys(batch.labels, 1.0))
    return model, steps


def test_the_tasks_of_a_step_stand_in_the_order_of_the_heads() -> None:
    ours = with_tasks(d=(CLASS, ODD), e=(ODD, CLASS))
    model, steps = drawn(ours, PHI, "heads")
    assert list(tasks_of(steps)) == list(model.head_keys) == list(ours.task_keys)


@pytest.mark.parametrize(
    ("ours", "names"),
    [
        (with_tasks(d=(CLASS, ODD)), ["L_class", "L_odd"]),
        (with_tasks(d=(CLASS,), e=(CLASS,)), ["L_d", "L_e"]),
        (with_tasks(d=(CLASS, ODD), e=(CLASS,)), ["L_d/class", "L_d/odd", "L_e/class"]),
    ],
)
def test_a_loss_is_called_by_what_sets_its_task_apart(ours: Problem, names: list[str]) -> None:
    _, steps = drawn(ours, PHI, "heads")
    terms = loss_terms(steps)

    assert list(terms) == names
    assert list(terms.values()) == list(steps.losses().values())


def test_rms_is_over_all_features_of_all_domains_alike() -> None:
    """Each domain counts as one, and a domain's features once, however many tasks share them."""
    _, steps = drawn(with_tasks(d=(CLASS, ODD), e=(CLASS,)), PHI, "heads")
    squares = [float((steps[name].features["class"].detach() ** 2).mean()) for name in ("d", "e")]
    assert float(rms(steps).detach()) == pytest.approx(math.sqrt(sum(squares) / 2), rel=1e-12)

    _, steps = drawn(with_tasks(d=(CLASS, ODD), e=(CLASS,)), PHI, "towers")
    z = [z.detach() for step in steps.values() for z in step.features.values()]
    assert float(rms(steps).detach()) == pytest.approx(
        math.sqrt(sum(float((f**2).mean()) for f in z) / 3), rel=1e-12
    )


def test_of_many_domains_it_is_so_too_and_its_slope() -> None:
    _, steps = drawn(with_tasks(**{f"d{k}": (CLASS,) for k in range(12)}), PHI, "heads")
    for name in list(steps)[2:]:  # ten of one shape, and two of others
        step = steps[name]
        steps[name] = replace(step, features={"class": step.features["class"][:9]})
    z = [step.features["class"] for step in steps.values()]
    plain = torch.stack([each.square().mean() for each in z]).mean().sqrt()
    assert torch.allclose(rms(steps), plain, rtol=1e-12)
    slopes = torch.autograd.grad(rms(steps), z), torch.autograd.grad(plain, z)
    assert all(torch.allclose(a, b, rtol=1e-9) for a, b in zip(*slopes, strict=True))


def test_features_that_are_all_zero_have_a_size_of_zero_and_a_slope() -> None:
    _, steps = drawn(with_tasks(d=(CLASS,), e=(CLASS,)), PHI, "heads")
    for double in (True, False):
        z = torch.zeros(4, 5, dtype=torch.float64 if double else torch.float32, requires_grad=True)
        dead = Steps({name: replace(step, features={"class": z}) for name, step in steps.items()})
        (slope,) = torch.autograd.grad(rms(dead), z)
        assert float(rms(dead).detach()) < 1e-15
        assert not slope.any()


def centred(weight: Tensor) -> Tensor:
    return (weight - weight.mean(dim=0)).flatten()


def test_on_one_phi_it_is_the_heads_in_units_of_logits() -> None:
    model, steps = drawn(with_tasks(d=(CLASS,), e=(CLASS,)), PHI, "heads")
    size = rms(steps)
    expected = torch.stack(
        [size * centred(model.head_of(TaskKey(name, "class")).weight) for name in ("d", "e")], dim=1
    )
    torch.testing.assert_close(side_by_side(model, steps), expected)

    model, steps = drawn(with_tasks(d=(ODD, PRIME)), PHI, "heads")
    expected = (
        rms(steps)
        * torch.cat([model.head_of(TaskKey("d", name)).weight for name in ("odd", "prime")]).T
    )
    # a single logit has nothing to be centred on
    torch.testing.assert_close(side_by_side(model, steps), expected)


def test_without_a_phi_that_learns_heads_are_as_they_are() -> None:
    model, steps = drawn(with_tasks(d=(ODD, PRIME)), Identity(), "heads")
    heads = [model.head_of(TaskKey("d", name)) for name in ("odd", "prime")]
    expected = torch.cat([head.weight for head in heads]).T
    assert torch.equal(side_by_side(model, steps), expected)


def test_a_phi_that_is_held_fixed_gives_its_features_their_size_all_the_same() -> None:
    """They may be large or small, and do not change: λ means the same beside any φ."""
    model, steps = drawn(with_tasks(d=(ODD, PRIME)), PHI, "heads")
    before = side_by_side(model, steps)
    model.free("head")
    assert torch.equal(side_by_side(model, steps), before)


def test_of_towers_it_is_all_of_phi_and_the_heads_where_they_mean_the_same() -> None:
    for ours in (
        with_tasks(d=(CLASS,), e=(CLASS,)),
        with_tasks(d=(CLASS, ODD)),
        with_tasks(d=(ODD, PRIME)),
    ):
        model, steps = drawn(ours, PHI, "towers")
        same = len(ours.tasks) == 1
        size, columns = rms(steps), []
        for key in ours.task_keys:
            phi = [p.flatten() for p in model.trunk_of(key).parameters()]
            columns.append(torch.cat(phi + [size * centred(model.head_of(key).weight)] * same))
        torch.testing.assert_close(side_by_side(model, steps), torch.stack(columns, dim=1))


@pytest.mark.parametrize("own", ["heads", "towers"])
def test_biases_of_heads_are_left_out(own: Literal["heads", "towers"]) -> None:
    model, steps = drawn(with_tasks(d=(CLASS,), e=(CLASS,)), PHI, own)
    W = side_by_side(model, steps).square().sum()
    biases = [model.head_of(TaskKey(name, "class")).bias for name in ("d", "e")]
    unseen = torch.autograd.grad(W, biases, allow_unused=True, retain_graph=True)
    assert [slope is None for slope in unseen] == [True, True]
    for parameter in model.trunks.parameters():
        (slope,) = torch.autograd.grad(W, parameter, retain_graph=True)
        assert slope.any()
