import math
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit, rel_entr, softmax
from scipy.stats import norm
from torch import Tensor
from torch.autograd import gradcheck

from tlrun.core.objective import Step, Steps
from tlrun.core.problem import Domain
from tlrun.core.task import Task
from tlrun.data.batches import Batch, as_batch
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.strategies.terms.distillation import divergence, from_teacher, of_features, of_outputs
from tlrun.training.forward import forward

from problems import SPEC, split

CLASS = Task("class", "multiclass", ("a", "b", "c"))
ODD = Task("odd", "binary", ("no", "yes"))
VALUE = Task("value", "regression")
KINDS = [CLASS, ODD, VALUE]


def outputs(task: Task, seed: int, scale: float = 3.0, size: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(size, task.outputs, dtype=torch.float64, generator=generator)


@given(st.integers(0, 2**31), st.sampled_from([1e-3, 1.0, 20.0]))
def test_of_classes_it_is_the_kullback_leibler_divergence_of_scipy(seed: int, scale: float) -> None:
    teacher, pupil = outputs(CLASS, seed, scale), outputs(CLASS, seed + 1, scale)
    p, q = softmax(teacher.numpy(), axis=1), softmax(pupil.numpy(), axis=1)
    assert float(divergence(CLASS, teacher, pupil)) == pytest.approx(
        rel_entr(p, q).sum(axis=1).mean(), rel=1e-8, abs=1e-14
    )

    teacher, pupil = outputs(ODD, seed, scale), outputs(ODD, seed + 1, scale)
    yes, no = [(expit(s * teacher.numpy()), expit(s * pupil.numpy())) for s in (1, -1)]
    expected = (rel_entr(*yes) + rel_entr(*no)).mean()
    assert float(divergence(ODD, teacher, pupil)) == pytest.approx(expected, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize(("teacher", "pupil"), [(0.0, 1.0), (-2.0, 0.5), (3.0, 3.0)])
def test_of_numbers_it_is_that_of_normal_distributions_of_variance_one_half(
    teacher: float, pupil: float
) -> None:
    def density(x: float) -> float:
        sd = 0.5**0.5
        return float(
            norm.pdf(x, teacher, sd) * (norm.logpdf(x, teacher, sd) - norm.logpdf(x, pupil, sd))
        )

    expected, _ = quad(density, -20, 20)
    found = divergence(VALUE, torch.tensor([[teacher]]), torch.tensor([[pupil]]))
    assert float(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("task", KINDS, ids=lambda task: task.kind)
def test_it_is_zero_for_equal_answers_and_more_for_others(task: Task) -> None:
    for seed in range(10):
        one, other = outputs(task, seed), outputs(task, seed + 50)
        assert float(divergence(task, one, one)) == pytest.approx(0.0, abs=1e-14)
        assert float(divergence(task, one, other)) > 0.0


@pytest.mark.parametrize("task", KINDS, ids=lambda task: task.kind)
def test_its_slope_is_that_of_its_value_and_none_at_agreement(task: Task) -> None:
    teacher, pupil = outputs(task, 0), outputs(task, 1).requires_grad_()
    assert gradcheck(lambda pupil: divergence(task, teacher, pupil), (pupil,))
    agreed = teacher.clone().requires_grad_()
    (slope,) = torch.autograd.grad(divergence(task, teacher, agreed), agreed)
    assert float(slope.abs().max()) < 1e-15


@pytest.mark.parametrize("task", KINDS, ids=lambda task: task.kind)
def test_it_is_a_mean_over_the_batch(task: Task) -> None:
    teacher, pupil = outputs(task, 0), outputs(task, 1)
    rows = [float(divergence(task, t[None], p[None])) for t, p in zip(teacher, pupil, strict=True)]
    assert float(divergence(task, teacher, pupil)) == pytest.approx(np.mean(rows), rel=1e-12)
    twice = torch.cat([teacher, teacher]), torch.cat([pupil, pupil])
    torch.testing.assert_close(divergence(task, *twice), divergence(task, teacher, pupil))


def test_a_binary_answer_is_one_of_two_classes() -> None:
    teacher, pupil = outputs(ODD, 0), outputs(ODD, 1)
    two = Task("two", "multiclass", ("no", "yes"))
    padded = [torch.cat([torch.zeros_like(z), z], dim=1) for z in (teacher, pupil)]
    torch.testing.assert_close(
        divergence(ODD, teacher, pupil), divergence(two, padded[0], padded[1])
    )


@pytest.mark.parametrize("task", [CLASS, ODD], ids=lambda task: task.kind)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_teacher_that_is_sure_is_no_infinity(task: Task, dtype: torch.dtype) -> None:
    teacher, pupil = (
        (1e4 * outputs(task, 0)).to(dtype),
        (-1e4 * outputs(task, 0)).to(dtype).requires_grad_(),
    )
    value = divergence(task, teacher, pupil)
    (slope,) = torch.autograd.grad(value, pupil)
    assert math.isfinite(float(value.detach()))
    assert bool(slope.isfinite().all())


def test_logits_are_seen_through_the_softmax() -> None:
    teacher, pupil = outputs(CLASS, 0), outputs(CLASS, 1)
    torch.testing.assert_close(
        divergence(CLASS, teacher + 7.0, pupil - 3.0), divergence(CLASS, teacher, pupil)
    )


def drawn(own: Literal["heads", "towers"], stir: float = 0.0) -> tuple[Model, Steps]:
    """Two domains with one task in common, and a step of 9 examples of each."""
    domains = [
        Domain(name, "peer", tasks, split(k, 9, tasks))
        for k, (name, tasks) in enumerate(DOMAINS.items())
    ]
    model = draw_model(Mlp((6, 5), "batch"), SPEC, DOMAINS, "target", 0, own).double()
    for parameter in model.parameters():
        parameter.data += stir * torch.randn_like(parameter)
    model.track(DOMAINS)
    same = torch.eye(model.width, dtype=torch.float64).expand(3, 3, -1, -1)
    model.extras.register_parameter("A", torch.nn.Parameter(same.clone()))
    return model, Steps({domain.name: step_of(model, domain) for domain in domains})


def step_of(model: Model, domain: Domain) -> Step:
    batch = as_batch(domain.train)
    return forward(
        model, domain, Batch(batch.inputs.double(), batch.labels), dict.fromkeys(batch.labels, 1.0)
    )


DOMAINS = {"d": (CLASS, ODD), "e": (CLASS,)}


def test_a_finished_teacher_is_asked_as_it_was_left() -> None:
    """In eval mode, without a slope, and without a change to the statistics of its BatchNorm."""
    teacher, _ = drawn("towers", 0.3)
    teacher.eval()
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    model, steps = drawn("heads", 0.3)
    T = from_teacher(steps, teacher)
    T.backward()  # type: ignore[no-untyped-call]  # theirs

    assert all(p.grad is None for p in teacher.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    assert all(p.grad is not None for p in model.heads.parameters())


def test_watching_a_towers_peers_moves_no_statistics_that_decide_an_answer() -> None:
    """A tower that is shown another domain's examples keeps what it knows of its own."""
    model, steps = drawn("towers", 0.3)
    model.train()
    own = {key: model.trunk_of(key).extractor(key.domain) for key in model.head_keys}
    before = {
        key: {name: tensor.clone() for name, tensor in tensors.items()}
        for key, tensors in own.items()
    }
    of_outputs(steps, model)
    of_features(steps, model)
    for key, tensors in own.items():
        assert all(torch.equal(tensor, before[key][name]) for name, tensor in tensors.items())


def test_what_domains_learn_from_a_finished_teacher_adds_up() -> None:
    model, steps = drawn("heads", 0.3)
    model.eval()
    only = Steps({"d": steps["d"]})
    teacher, _ = drawn("heads", 0.2)
    teacher.eval()
    both, one, other = (
        from_teacher(s, teacher).detach() for s in (steps, only, Steps({"e": steps["e"]}))
    )
    torch.testing.assert_close(both, one + other)
