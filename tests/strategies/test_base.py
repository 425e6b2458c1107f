"""What a strategy does that says nothing but its equation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch

from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.models.backbone import Given, TaskSpecific, TrainedPart
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.strategies.base import Control, Stage, Strategy
from tlrun.strategies.schedules import Constant

from problems import SPEC, everything, problem
from properties import assert_same_bits


@dataclass(frozen=True)
class Plain(Strategy):
    """The target alone."""

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        return (Stage("target", problem.named("target"), steps, lam=lam),)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        loss = steps.loss("target")
        return Objective(loss, {"L_T": loss})


@pytest.fixture
def model() -> Model:
    return draw_model(Mlp((4,)), SPEC, problem().tasks_by_domain, "target", 0)


STAGE = Stage("target", ("target",), 1, lam=Constant(1.0))


def test_a_stage_goes_on_from_the_one_before_in_the_structure_of_the_config(model: Model) -> None:
    fresh = draw_model(Mlp((4,)), SPEC, problem().tasks_by_domain, "target", 1)
    given = Given(Mlp((4,)), SPEC, (3,), 0)

    assert Plain().inherit(STAGE, fresh, model) is model
    assert Plain().structure_of(STAGE, model, given) is None


def test_it_has_nothing_beside_phi_and_the_heads_and_says_nothing(model: Model) -> None:
    before = state(model)
    Plain().add_buffers(model)

    assert_same_bits(state(model), before)
    assert len(list(model.extras.children())) == len(list(model.extras.parameters())) == 0
    assert Plain().relation_of(model) is None
    assert Plain().warnings(Identity()) == ()
    assert Plain().controls(problem()) == {}


def test_the_gradient_is_that_of_the_total(model: Model) -> None:
    objective = Plain().objective(everything(problem(), model), model, Lam(1.0))
    parameters = list(model.parameters())
    total = objective.total
    assert isinstance(total, torch.Tensor)
    expected = torch.autograd.grad(total, parameters, retain_graph=True, allow_unused=True)
    Plain().backward(objective, model)

    for parameter, slope in zip(parameters, expected, strict=True):
        assert (parameter.grad is None) == (slope is None)
        assert slope is None or torch.equal(parameter.grad, slope)  # type: ignore[arg-type]


def test_it_expects_a_source_and_a_target_and_lambda_decides_it() -> None:
    assert Plain.needs == ("source", "target")
    assert Plain.ignores == frozenset()


def test_a_stage_is_of_its_own_strategy_and_run_alone_unless_it_says_otherwise() -> None:
    assert (STAGE.by, STAGE.shared, STAGE.pretrained, STAGE.trained) == (None, False, False, "all")
    assert (STAGE.init, STAGE.task_specific, STAGE.trained_for) == ("target", "nothing", "target")
    assert Control(Plain()).lam is None


def test_a_strategy_without_stages_or_equation_is_none() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Strategy()  # type: ignore[abstract]


def test_a_task_keeps_a_step_of_its_own_only_where_no_other_moves_what_it_has() -> None:
    """It has a φ of its own, or one that nobody moves and a head of its own."""
    for fitting in (
        replace(STAGE, task_specific="towers", selected="each task"),
        replace(STAGE, task_specific="heads", trained="head", selected="each task"),
    ):
        assert fitting.selected == "each task"
    tied: list[tuple[TaskSpecific, TrainedPart]]
    tied = [("heads", "all"), ("heads", "last"), ("nothing", "head")]
    for shared, trained in tied:
        with pytest.raises(ValueError, match=f"found {shared}, trained={trained}"):
            replace(STAGE, task_specific=shared, trained=trained, selected="each task")
