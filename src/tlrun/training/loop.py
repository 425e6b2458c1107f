"""The one training loop. It knows no strategy, data set, path or screen by name.

Shapes: B examples in a batch, d features, k outputs of a head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch

from tlrun.core.errors import SMALLER_LR, RunFailed
from tlrun.core.problem import Domain
from tlrun.core.task import TaskKey
from tlrun.data.together import Together
from tlrun.strategies.base import Stage, Strategy
from tlrun.training.evaluation import Scores, validate
from tlrun.training.finite import check_finite, not_finite, where
from tlrun.training.forward import Forward
from tlrun.training.options import Precision, TrainerOptions
from tlrun.training.recorder import Recorder
from tlrun.training.state import WHOLE, TrainState

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.objective import Lam, Objective
    from tlrun.models.model import Model


def fit(
    stage: Stage,
    model: Model,
    domains: Mapping[str, Domain],
    strategy: Strategy,
    trainer: TrainerOptions,
    state: TrainState,
    recorder: Recorder,
) -> None:
    """Train `model` in place through what `state` leaves of `stage`: `state.step` + 1 to the end.

    domains: training and validation examples by name. strategy: whose objective is minimised.
    state: from `TrainState.begin`, fresh or filled with where the stage was stopped; it moves with
        the training.
    recorder: told of every evaluation, and handed the state after each update.

    Raises RunFailed for an objective that is not finite, before the update, or such weights.
    """
    state.restore_generators()
    model.set_training_mode(stage.trained)
    device = model.device
    drawn = {name: domains[name] for name in stage.domains}
    shares = {name: state.batches[name].shares for name in stage.domains}
    # a strategy with a backward of its own may look for the gradients of every parameter
    plain = type(strategy).backward is Strategy.backward
    forward = Forward(model, drawn, shares, state.updates.leaves() if plain else ())
    batches = Together({name: state.batches[name] for name in stage.domains})
    for step in range(state.step + 1, stage.steps + 1):
        lam = stage.lam.at(step / stage.steps)
        with autocast(trainer.precision, device):
            steps = forward(next(batches))
        objective = strategy.objective(steps, model, lam)
        terms = measured(objective, model, stage, step)
        state.updates.zero_grad()
        strategy.backward(objective, model)
        state.updates.step()
        model.update_buffers(objective.updates)
        if step % trainer.eval_every == 0 or step == stage.steps:
            check_finite(model, stage, step)
            scores = validated(model, stage, domains)
            model.set_training_mode(stage.trained)
            recorder.log(row_of(stage, step, lam, terms, scores))
            if trainer.select == "best":
                state.keep_if_best(selection_losses(domains, stage, scores), model)
        state.finish_step(step)
        recorder.step(state, terms)
    if state.best_weights:
        model.load_state_dict({**model.state_dict(), **state.best_weights})
    model.free("all")


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Where a step's forward passes run: torch's autocast to bfloat16, or as everything else."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def measured(objective: Objective, model: Model, stage: Stage, step: int) -> dict[str, float]:
    """The terms drawn in this step, and their total, as numbers by name.

    Raises RunFailed at the first that is not finite, and names the weight of `model` that is not.
    """
    # one that was not drawn is a plain 0.0
    drawn = {name: term for name, term in objective.terms.items() if isinstance(term, torch.Tensor)}
    drawn["total"] = torch.as_tensor(objective.total)
    terms = dict(zip(drawn, _numbers(list(drawn.values())), strict=True))
    if not all(map(math.isfinite, terms.values())):
        name, value = next((n, v) for n, v in terms.items() if not math.isfinite(v))
        mistake = f"expected a finite {name}, found {value}"
        if broken := not_finite(model):
            mistake += f", after an update that left the weight {broken}"
        raise RunFailed(f"{where(stage, step)}: {mistake}; {SMALLER_LR}")
    return terms


def _numbers(scalars: Sequence[Tensor]) -> list[float]:
    """Scalars as numbers, read at once: of an accelerator every reading waits for all its work."""
    with torch.no_grad():
        if all(scalar.is_cpu for scalar in scalars):
            return [float(scalar) for scalar in scalars]
        return torch.stack([scalar.reshape(()).double() for scalar in scalars]).tolist()


def validated(model: Model, stage: Stage, domains: Mapping[str, Domain]) -> Scores:
    """Scores on the validation examples of every domain that the stage draws."""
    scores: Scores = {}
    for name in stage.domains:
        scores |= validate(model, domains[name])
    return scores


def row_of(
    stage: Stage, step: int, lam: Lam, terms: Mapping[str, float], scores: Scores
) -> dict[str, object]:
    """One evaluation as a line of metrics.jsonl holds it."""
    return {"stage": stage.name, "step": step, "lam": lam.value, "terms": terms, "val": scores}


def selection_losses(
    domains: Mapping[str, Domain], stage: Stage, validation: Scores
) -> dict[str, float]:
    """The validation losses by which `trainer.select=best` chooses among weights, by their part.

    Of a stage that is selected together there is one part, `WHOLE`, and its loss the sum of the L_i
    of `validation` over the targets that a stage trained for the target draws; over all drawn
    domains where it draws none, or is trained for all tasks. Where it is selected task by task each
    L_i stands by itself, by the text of its key.

    A loss that is undefined is ∞, which is never the best.
    """
    chosen = [name for name in stage.domains if domains[name].role == "target"]
    if stage.trained_for == "all tasks" or not chosen:
        chosen = list(stage.domains)
    losses: dict[str, float] = {}
    for name in chosen:
        for task in domains[name].tasks:
            key = str(TaskKey(name, task.name))
            loss = validation[key]["loss"]
            losses[key] = math.inf if loss is None else loss
    return losses if stage.selected == "each task" else {WHOLE: sum(losses.values())}
