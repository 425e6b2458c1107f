"""The options of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from tlrun.core.options import Range
from tlrun.data.base import Change

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Checkpointing:
    """When a stage is kept while it is trained, to go on from there; it decides no run.

    seconds: of training, after which a checkpoint is due; null: none by time. steps: updates of a
    stage, after which one is due; null: none by their number. A signal that stops a run makes one
    too, unless both are null: then there is none.
    """

    seconds: Annotated[float, Range(0.0, 1e9)] | None = 60.0
    steps: Annotated[int, Range(1, 10**9)] | None = None

    def due(self, seconds: float, step: int) -> bool:
        """Whether one is due after update number `step`, `seconds` after the last."""
        by_time = self.seconds is not None and seconds >= self.seconds
        return by_time or (self.steps is not None and step % self.steps == 0)

    @property
    def never(self) -> bool:
        """Whether there are none at all."""
        return self.seconds is None and self.steps is None


@dataclass(frozen=True)
class TrainerOptions:
    """The node `trainer`: the budget of one stage and how its model is chosen.

    steps: updates of a stage. batch_size: examples of each domain drawn per step. eval_every: steps
        between evaluations on the validation examples; the last step of a stage is one too.
    select: `last` keeps the last step's weights; `best` those of the evaluation with the lowest
        validation loss; where each task is learnt alone, of each task those of its own lowest.
    augment: what is done at random to the images that a step draws (`data/augmentation.py`): any of
        flip, crop and color. Not where features are computed once; validation and test images stay
        as they are.
    cache_features: in a stage that holds φ or all before its last block fixed, and reads a domain's
        training examples at least once, compute what those make of them once, before it, in
        float32, instead of in every step. With precision=fp32 the same numbers up to rounding
        (1e-6).
    precision: of the passes through φ and the heads that a step's losses are of. `fp32`; or `bf16`,
        torch's autocast: convolutions and matrix products in bfloat16. Weights, losses, penalties,
        passes of teachers, updates and every evaluation are in float32. Faster where the processor
        has instructions for it.
    memory_format: of the weights of convolutions, and so of the images that these hand on, by which
        no result changes beyond rounding. `channels_last`, the channels of a pixel side by side, is
        what they are fast on; `contiguous`, channel by channel.
    """

    steps: Annotated[int, Range(1, 10**9)] = 200
    batch_size: Annotated[int, Range(1, 2**20)] = 64
    eval_every: Annotated[int, Range(1)] = 20
    select: Literal["last", "best"] = "last"
    augment: tuple[Change, ...] | None = None
    cache_features: bool = True
    precision: Precision = "fp32"
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"

    def __post_init__(self) -> None:
        # one run for every spelling of the same changes
        if self.augment is not None:
            changes = tuple(change for change in get_args(Change) if change in self.augment)
            object.__setattr__(self, "augment", changes)
