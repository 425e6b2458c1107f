import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tlrun.core.objective import FEW, Known, Lam, Objective, Step, Steps, added
from tlrun.core.problem import Role
from tlrun.core.task import Task, TaskKey


def step(role: Role, **losses: float) -> Step:
    """A step with a loss for each task named, of one example."""
    z = torch.zeros(1, 2)
    tasks = tuple(Task(name, "regression") for name in losses)
    scalars = {name: torch.tensor(value) for name, value in losses.items()}
    return Step(role, z, tasks, dict.fromkeys(losses, z), dict.fromkeys(losses, z[:, :1]), scalars)


def test_loss_is_the_mean_over_the_tasks_and_domains_of_a_role() -> None:
    steps = Steps(a=step("source", x=1.0, y=2.0), b=step("source", x=6.0), c=step("target", x=8.0))

    assert steps.loss("source") == torch.tensor(3.0)
    assert steps.loss("target") == torch.tensor(8.0)


@given(st.integers(1, 6), st.integers(1, 4))
def test_lambda_weighs_many_sources_as_it_weighs_one(domains: int, tasks: int) -> None:
    losses = {f"t{k}": 0.75 for k in range(tasks)}
    many = Steps(
        {f"d{k}": step("source", **losses) for k in range(domains)}, target=step("target", x=2.0)
    )

    assert many.loss("source") == torch.tensor(0.75)


def test_a_domain_without_a_label_in_training_does_not_thin_the_mean() -> None:
    assert Steps(a=step("source", x=3.0), b=step("source")).loss("source") == torch.tensor(3.0)


@pytest.mark.parametrize(
    "steps", [Steps(), Steps(a=step("target", x=8.0)), Steps(a=step("source"))]
)
def test_an_undrawn_role_is_a_plain_zero(steps: Steps) -> None:
    loss = steps.loss("source")

    assert loss == 0.0
    assert isinstance(loss, float)


def test_losses_are_those_of_every_task_of_every_domain_by_name_and_in_order() -> None:
    steps = Steps(a=step("peer", x=1.0, y=2.0), b=step("peer", y=4.0))

    assert list(steps.losses()) == [("a", "x"), ("a", "y"), ("b", "y")]
    assert [float(loss) for loss in steps.losses().values()] == [1.0, 2.0, 4.0]
    assert steps.losses()[TaskKey("b", "y")] is steps["b"].losses["y"]


def test_gradient_flows_through_the_mean_in_equal_parts() -> None:
    leaves = [torch.tensor(float(k), requires_grad=True) for k in range(3)]
    plain = step("source", x=0.0)
    with_gradient = [
        Step(plain.role, plain.inputs, plain.tasks, {}, {}, {"x": leaf}) for leaf in leaves
    ]
    loss = Steps({f"d{k}": one for k, one in enumerate(with_gradient)}).loss("source")
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]

    assert [float(leaf.grad) for leaf in leaves if leaf.grad is not None] == pytest.approx(
        [1 / 3] * 3
    )


@given(st.floats(0, 1e300))
def test_alpha_weighs_the_losses_as_the_equation_does(value: float) -> None:
    """(L_S + λ L_T)/(1+λ) = (1-α) L_S + α L_T."""
    alpha, source, target = Lam(value).alpha, 2.0, 5.0

    assert 0 <= alpha <= 1
    assert math.isclose(
        (1 - alpha) * source + alpha * target, source / (1 + value) + target * (value / (1 + value))
    )


@given(st.floats(0, 1e6) | st.just(math.inf))
def test_lambda_is_found_again_by_its_alpha(value: float) -> None:
    assert Lam.weighing(Lam(value).alpha).value == pytest.approx(value, rel=1e-6)


def test_the_ends_of_lambda_are_exact() -> None:
    assert Lam(0.0).alpha == 0.0
    assert Lam(1.0).alpha == 0.5
    assert Lam(math.inf).alpha == 1.0
    assert Lam.weighing(0.0) == Lam(0.0)
    assert Lam.weighing(1.0) == Lam(math.inf)


def test_an_objective_has_found_nothing_unless_it_says_so_and_shares_no_default() -> None:
    one, other = Objective(0.0, {}), Objective(0.0, {})

    assert one.updates == {}
    assert one.updates is not other.updates
    assert [field.name for field in fields(Objective)] == ["total", "terms", "updates"]


def test_a_sum_of_many_is_that_of_one_after_another_and_so_is_its_gradient() -> None:
    assert added([]) == 0.0
    for number in (1, 3, FEW, FEW + 1, 100):
        scalars = torch.randn(number, dtype=torch.float64, requires_grad=True)
        found = added(iter(scalars.sin().unbind()))
        assert isinstance(found, torch.Tensor)
        assert found.shape == ()
        assert float(found.detach()) == pytest.approx(sum(scalars.sin().tolist()))
        found.backward()  # type: ignore[no-untyped-call]
        assert scalars.grad is not None
        assert torch.allclose(scalars.grad, scalars.cos())


def test_of_the_parts_of_one_tensor_the_sum_is_that_of_all() -> None:
    many = torch.randn(FEW + 3, requires_grad=True)
    parts = (many * 2).unbind()
    total = added(parts)
    assert isinstance(total, Tensor)
    assert torch.equal(total, torch.stack(parts).sum())
    total.backward()  # type: ignore[no-untyped-call]
    assert many.grad is not None
    assert torch.equal(many.grad, torch.full_like(many, 2.0))
    assert added(parts[1:]) == torch.stack(parts[1:]).sum()


def test_what_is_known_of_other_domains_is_not_believed() -> None:
    steps = Steps(a=step("source", x=1.0, y=2.0), b=step("target", x=6.0))
    keys, names = steps.keys_of_tasks(), steps.names_of_tasks()
    assert list(names.values()) == ["a/x", "a/y", "b/x"]
    assert list(steps.losses()) == list(names)
    steps.known = Known(keys, names)
    assert steps.names_of_tasks() is names
    del steps["b"]
    assert list(steps.losses()) == [TaskKey("a", "x"), TaskKey("a", "y")]
    assert list(steps.names_of_tasks().values()) == ["x", "y"]
