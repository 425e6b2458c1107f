import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pytest
import torch

from tlrun.core.errors import RunFailed
from tlrun.core.objective import Objective, Steps
from tlrun.core.task import Task
from tlrun.data.batches import Batches
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.strategies.base import Stage
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.training.evaluation import scored
from tlrun.training.finite import check_answers, check_finite, first_not_finite
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd
from tlrun.training.options import Precision, TrainerOptions
from tlrun.training.state import TrainState

from problems import SPEC, Rows, problem, split

STAGE = Stage("target", ("source", "target"), 6, lam=Constant(0.5))
VALUES = (math.nan, math.inf, -math.inf)


def drawn() -> Model:
    return draw_model(Conv((4,), "batch"), SPEC, problem().tasks_by_domain, "target", 0)


@pytest.mark.parametrize("value", VALUES)
def test_one_number_that_is_not_finite_is_found_in_any_weight_or_buffer(value: float) -> None:
    names = [name for name, each in drawn().state_dict().items() if each.is_floating_point()]
    assert len(names) > 6  # of BatchNorm the running statistics too
    for name in names:
        model = drawn()
        model.state_dict()[name].view(-1)[-1] = value
        told = f"stage target, step 4, λ=0.5: expected a finite weight {name}, found {value}"
        with pytest.raises(RunFailed) as failed:
            check_finite(model, STAGE, 4)
        assert failed.value.reason.startswith(told)
        assert failed.value.reason.endswith("try a smaller optimizer.lr")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_numbers_as_large_as_there_are_pass(dtype: torch.dtype) -> None:
    most = torch.full((100,), torch.finfo(dtype).max, dtype=dtype)

    assert first_not_finite({"a": most, "b": -most, "none": most[:0]}) is None
    assert first_not_finite({}) is None
    check_finite(drawn(), STAGE, 1)


@dataclass(frozen=True)
class Poisoned(ParameterTransfer):
    """The gradient of one number of the last parameter is `value` in update `at`."""

    at: int = 1
    value: float = math.nan

    def objective(self, steps: Steps, model: Model, lam: Any) -> Objective:
        SEEN.append(state(model))
        return super().objective(steps, model, lam)

    def backward(self, objective: Objective, model: Model) -> None:
        super().backward(objective, model)
        if len(SEEN) == self.at:
            *_, last = model.parameters()
            assert last.grad is not None
            last.grad.view(-1)[0] = self.value


SEEN: list[dict[str, torch.Tensor]] = []


@pytest.mark.parametrize("optimizer", [Adam(), Adamw(), Sgd()], ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("select", ["last", "best"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_never_kept(
    optimizer: Optimizer, select: Literal["last", "best"], precision: Precision, value: float
) -> None:
    """In any update, the last included: told at that step or the next, with the weight."""
    for at in range(1, STAGE.steps + 1):
        ours = problem(val=True)
        model = draw_model(Mlp((4,)), SPEC, ours.tasks_by_domain, "target", 0)
        batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in STAGE.domains}
        begun, rows = TrainState.begin(STAGE, model, optimizer, batches), Rows()
        trainer = TrainerOptions(
            steps=6, batch_size=8, eval_every=3, select=select, precision=precision
        )
        SEEN.clear()
        with pytest.raises(RunFailed) as failed:
            fit(STAGE, model, ours.domains, Poisoned(at=at, value=value), trainer, begun, rows)

        noticed = at if at % 3 == 0 else at + 1
        *_, (name, _) = model.named_parameters()
        assert f"step {noticed}, λ=0.5: expected a finite" in failed.value.reason
        assert f"{name}, found" in failed.value.reason
        assert f"as its gradient was ({value})" in failed.value.reason
        assert all(bool(t.isfinite().all()) for t in begun.best_weights.values())
        assert [row["step"] for row in rows.rows] == ([3] if at > 3 else [])


def test_weights_that_the_loss_does_not_see_are_found_before_they_are_kept() -> None:
    """tanh of ∞ is 1: the loss stays finite, and the weights would have been kept."""
    model = drawn()
    model.register_buffer("unseen", torch.tensor([1.0, math.inf]))

    with pytest.raises(RunFailed, match=r"weight unseen, found inf; the losses up to this step"):
        check_finite(model, STAGE, 6)


CLASS, NUMBER = Task("kind", "multiclass", ("a", "b", "c")), Task("size", "regression")


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("task", [CLASS, NUMBER], ids=lambda task: task.kind)
def test_an_answer_that_is_not_finite_is_no_answer(task: Task, value: float) -> None:
    part = split(0, 9, (task,))
    outputs = {task.name: torch.zeros(9, task.outputs)}
    scores, answers = scored("d", [task], outputs, part)
    check_answers("d", [task], part, answers, scores)
    outputs[task.name][7, -1] = value
    scores, answers = scored("d", [task], outputs, part)

    with pytest.raises(RunFailed, match=f"d/{task.name}: .* found {value} for 1 of 9 examples"):
        check_answers("d", [task], part, answers, scores)


def test_a_loss_too_large_to_be_told_is_none_but_none_without_labels_is_fine() -> None:
    part = split(0, 9, (NUMBER,))
    outputs = {"size": torch.full((9, 1), 1e30)}
    scores, answers = scored("d", [NUMBER], outputs, part)
    with pytest.raises(RunFailed, match="d/size: expected a finite loss"):
        check_answers("d", [NUMBER], part, answers, scores)

    part = replace(part, labels={"size": np.full(9, np.nan, dtype=np.float32)})
    scores, answers = scored("d", [NUMBER], outputs, part)
    assert scores["d/size"]["loss"] is None
    check_answers("d", [NUMBER], part, answers, scores)
