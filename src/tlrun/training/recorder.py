"""What the loop tells the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tlrun.training.state import TrainState


class Recorder(Protocol):
    """What the loop tells the world; it knows no path and no screen."""

    def log(self, row: Mapping[str, object]) -> None:
        """Keep one evaluation; called before the `step` of the update it follows."""

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        """Called after every update, and the evaluation after it, if one is due.

        state: from which, with the model's weights, the stage can go on; the loop moves it with its
        next update. terms: of the objective before this update.
        """
