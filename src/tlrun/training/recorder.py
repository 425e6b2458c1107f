"""The protocol by which the training loop reports what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tlrun.training.state import TrainState


class Recorder(Protocol):
    """To whom the loop reports evaluations and updates, so that it knows no path and no screen."""

    def log(self, row: Mapping[str, object]) -> None:
        """Keep one evaluation; called before the `step` of the update that it follows.

        row: as a line of metrics.jsonl holds it (`loop.row_of`).
        """

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        """Called after every update, and after the evaluation that follows it, if one is due.

        state: from which, with the model's weights, the stage can go on; the loop moves it with its
        next update. terms: of the objective before this update, by name, and their `total`.
        """
