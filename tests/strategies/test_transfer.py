import math

import pytest
import torch

from tlrun.core.errors import UserError
from tlrun.core.objective import Lam, Step, Steps
from tlrun.core.problem import Role
from tlrun.core.task import Task
from tlrun.strategies.schedules import Constant, Cosine, Linear
from tlrun.strategies.transfer import domains_drawn, weighted_losses

from problems import problem

TASK = Task("ours", "multiclass", ("a", "b"))


def step(role: Role, loss: float) -> Step:
    return Step(
        role, torch.zeros(1), (TASK,), {}, {}, {"ours": torch.tensor(loss, dtype=torch.float64)}
    )


@pytest.mark.parametrize("lam", [0.0, 0.1, 1.0, 7.0, 1e6])
def test_the_total_is_the_equation_divided_by_one_plus_lambda(lam: float) -> None:
    found = weighted_losses(Steps(s=step("source", 3.0), t=step("target", 5.0)), Lam(lam))

    assert float(found.total) == pytest.approx((3.0 + lam * 5.0) / (1.0 + lam), rel=1e-12)
    assert {name: float(term) for name, term in found.terms.items()} == {"L_S": 3.0, "L_T": 5.0}


def test_at_the_ends_one_loss_alone_is_left_to_the_bit() -> None:
    source, target = step("source", 0.1), step("target", 0.3)
    for steps, lam, loss in (
        (Steps(s=source, t=target), 0.0, 0.1),
        (Steps(s=source, t=target), math.inf, 0.3),
        (Steps(s=source), 0.0, 0.1),
        (Steps(t=target), math.inf, 0.3),
    ):
        assert float(weighted_losses(steps, Lam(lam)).total) == loss


def test_a_side_is_the_mean_of_its_tasks() -> None:
    steps = Steps(a=step("source", 1.0), b=step("source", 2.0), t=step("target", 10.0))

    assert float(weighted_losses(steps, Lam(1.0)).total) == pytest.approx((1.5 + 10.0) / 2)


def test_the_ends_of_lambda_draw_one_domain_and_the_middle_both() -> None:
    ours = problem()

    assert domains_drawn(ours, Constant(0.0)) == ("source",)
    assert domains_drawn(ours, Constant(1e-9)) == ("source", "target")
    assert domains_drawn(ours, Constant(math.inf)) == ("target",)
    # a schedule that only touches an end weighs both
    assert domains_drawn(ours, Linear(1.0, 0.0)) == ("source", "target")
    assert domains_drawn(ours, Cosine(math.inf, 1.0)) == ("source", "target")


def test_lambda_zero_is_refused_where_the_targets_head_would_never_be_trained() -> None:
    with pytest.raises(UserError, match=r"lam.value: expected more than 0, found 0"):
        domains_drawn(problem("split"), Constant(0.0))
