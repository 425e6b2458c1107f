"""A text as a bag of words: the mean of its tokens' vectors (Joulin et al., 2017, fastText)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tlrun.core.inputs import Kind
from tlrun.core.options import Range

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Bag:
    """φ(x) = mean_t E[x_t], over the tokens x_t of a text, in whatever order they stand.

    embedding: d, the width of E, a row a token of the vocabulary.
    """

    embedding: Annotated[int, Range(1)] = 128

    learns: ClassVar[bool] = True
    takes: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def width(self, shape: tuple[int, ...]) -> int:
        """d, whatever the vocabulary."""
        return self.embedding

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from ids [B, L] to [B, d], with fresh weights from torch's global generator.

        shape: (V,), the size of the vocabulary.
        """
        from torch import nn

        from tlrun.core.tokens import PADDING

        bag = nn.EmbeddingBag(shape[0], self.embedding, mode="mean", padding_idx=PADDING)
        return nn.Sequential(OrderedDict(embedding=bag))
