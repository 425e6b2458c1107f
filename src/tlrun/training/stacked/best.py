"""Of every run of a stack, the heads of the step that was best for it (`trainer.select=best`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tlrun.training.state import WHOLE

if TYPE_CHECKING:
    from tlrun.training.stacked.heads import StackedHead


class BestHeads:
    """The lowest validation loss of every run so far, and the heads that it was measured on.

    heads: of the stack. members: how many runs it has.
    """

    def __init__(self, heads: Sequence[StackedHead], members: int) -> None:
        self._heads = heads
        self._lowest: list[dict[str, float]] = [{} for _ in range(members)]
        self._kept = [head.weights.clone() for head in heads]

    def keep(self, number: int, place: tuple[int, int], losses: Mapping[str, float]) -> None:
        """Keep the heads of a run where they are its best.

        number: of the run. place: its tile and slot. losses: by part, the text of a head's key, or
        `WHOLE` for all of them (`loop.selection_losses`).
        """
        for part, loss in losses.items():
            if loss < self._lowest[number].get(part, math.inf):
                self._lowest[number][part] = loss
                for head, kept in zip(self._heads, self._kept, strict=True):
                    if part in (WHOLE, str(head.name)):
                        kept[place] = head.weights[place]

    def take(self, places: Sequence[tuple[int, int]]) -> None:
        """Go back to what was kept. places: of every run."""
        for lowest, place in zip(self._lowest, places, strict=True):
            for head, kept in zip(self._heads, self._kept, strict=True):
                if lowest.keys() & {WHOLE, str(head.name)}:
                    head.weights[place] = kept[place]
