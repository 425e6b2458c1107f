"""How far a stage has come: what resuming it needs beside the weights of its model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tlrun.data.batches import Batches
from tlrun.strategies.base import Stage
from tlrun.training.optimizers import Optimizer, Updates

if TYPE_CHECKING:
    from tlrun.models.model import Model

WHOLE = "*"  # the part of a model that is all of it


@dataclass(eq=False)
class TrainState:
    """Everything but the model that decides what the rest of a stage does, to the bit.

    step: updates made, 0 at first. updates: the optimizer at work, with its own state. batches: per
        domain the sequence it is drawn from, at its position.
    generators: the states of torch's global random generators, by device (`cpu`, `cuda:0`), as they
        stood after `step`; dropout and the like draw from them.
    best_loss, best_weights: the lowest validation loss so far of every part of the model that is
        chosen for itself, and of the model's tensors those that it was measured on, by name
        (nothing before the first evaluation, or where the last step's weights are kept).

    It is whole between two updates, which is when the loop hands it to its recorder. A stage that
    was stopped there goes on with the same state and model, or, in another process, with a state
    from `begin` and a model of the same shape that were both filled with what had been saved.
    """

    updates: Updates
    batches: Mapping[str, Batches]
    generators: dict[str, Tensor]
    step: int = 0
    best_loss: dict[str, float] = field(default_factory=dict)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, stage: Stage, model: Model, options: Optimizer, batches: Mapping[str, Batches]
    ) -> TrainState:
        """The state before the first update of `stage`, and `model` made ready for it.

        The model gets statistics of BatchNorm for each domain drawn, and of φ is held fixed what
        the stage does not train; the optimizer is over what is left free. The random generators are
        taken as they stand. options: of the optimizer, its schedule included. batches: of each
        domain that the stage draws, at the position where it takes them up.
        """
        model.track(stage.domains)
        model.free(stage.trained)
        free = [p for p in model.parameters() if p.requires_grad]
        towers = model.task_specific == "towers"  # each is to be what it is alone, to the bit
        heads = () if towers else tuple(model.heads.parameters())
        updates = Updates(options, free, stage.steps, heads)
        generators = {"cpu": _random_state("cpu")}
        if model.device.type != "cpu":
            generators[str(model.device)] = _random_state(str(model.device))
        return cls(updates, batches, generators)

    def finish_step(self, step: int) -> None:
        """Note that update number `step` is made, and where it has left the random generators."""
        self.step = step
        self.generators = {name: _random_state(name) for name in self.generators}

    def restore_generators(self) -> None:
        """Set torch's global random generators to where they stood after `step`."""
        for name, state in self.generators.items():
            if name == "cpu":
                torch.set_rng_state(state)
            else:
                torch.cuda.set_rng_state(state, name)

    def keep_if_best(self, losses: Mapping[str, float], model: Model) -> None:
        """Keep a copy of every part of the model whose validation loss is the lowest so far.

        losses: by part, the text of a task's key, for its φ and its head, or `WHOLE` for all there
        is. Raises ValueError for a task whose φ is trained and not its own.
        """
        for part, loss in losses.items():
            if loss < self.best_loss.get(part, math.inf):
                self.best_loss[part] = loss
                for name, tensor in _weights_of(part, model).items():
                    self.best_weights[name] = tensor.clone()

    def state_dict(self) -> dict[str, Any]:
        """The state as tensors on the CPU, numbers, None, and dicts, lists and tuples of these.

        All are copies: the stage may go on.
        """
        return _copied(  # type: ignore[no-any-return]  # of a dict it is one
            {
                "step": self.step,
                "updates": self.updates.state_dict(),
                "positions": {name: each.position for name, each in self.batches.items()},
                "generators": self.generators,
                "best_loss": self.best_loss,
                "best_weights": self.best_weights,
            }
        )

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave.

        This state comes from `begin`, with the same stage and optimizer options, and a model that
        has the same parameters in the same order on the same kind of device; the weights of the
        model are restored apart. Raises KeyError or ValueError where they do not fit.
        """
        saved = _copied(saved)
        self.updates.load_state_dict(saved["updates"])
        for name, each in self.batches.items():
            each.position = saved["positions"][name]
        self.step, self.generators = saved["step"], saved["generators"]
        self.best_loss, self.best_weights = saved["best_loss"], saved["best_weights"]


def _weights_of(part: str, model: Model) -> dict[str, Tensor]:
    """What a part of `model` is made of, by the names in its `state_dict`."""
    weights: dict[str, Tensor] = model.state_dict()
    if part == WHOLE:
        return weights
    held = not any(parameter.requires_grad for parameter in model.trunks.parameters())
    if model.task_specific != "towers" and not (model.task_specific == "heads" and held):
        raise ValueError(f"{part}: expected a φ for each task, found one for all")
    own = (f"trunks.{part}.", f"heads.{part}.")
    return {name: tensor for name, tensor in weights.items() if name.startswith(own)}


def _random_state(device: str) -> Tensor:
    """The state of the global generator of `device`, a byte tensor on the CPU."""
    return torch.get_rng_state() if device == "cpu" else torch.cuda.get_rng_state(device)


def _copied(value: Any) -> Any:
    """`value` with every tensor in it copied to the CPU, and every dict, list and tuple anew."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value
