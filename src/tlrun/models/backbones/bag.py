"""A text as a bag of words: the mean of its tokens' vectors (Joulin et al., 2017, fastText)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.acting import Acts, Where
from tlrun.core.inputs import Kind
from tlrun.core.options import Range

if TYPE_CHECKING:
    from torch import nn


DEVIATION = 0.1  # of fresh numbers of E


@dataclass(frozen=True)
class Bag:
    """φ(x) = mean_t E[x_t], over the tokens x_t of a text, in whatever order they stand.

    embedding: d, the width of E, a row a token of the vocabulary.
    ngrams: 2: every two tokens side by side are a token more, whose row of E is that of a hash of
        the two; rows are shared where hashes are equal. buckets: how many rows there are for them.
    dropout: the share of the tokens that are left out at random in training, as if the text did not
        have them (Iyyer et al., 2015).
    """

    embedding: Annotated[int, Range(1)] = 128
    ngrams: Literal[1, 2] = 1
    buckets: Annotated[int, Range(1, 2**24)] = 2**16
    dropout: Annotated[float, Range(0.0, 0.9)] = 0.0

    acts: ClassVar[Acts] = {"buckets": Where("ngrams", 2)}
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
        from tlrun.models.text_layers import Bigrams, TokenDropout

        modules: OrderedDict[str, nn.Module] = OrderedDict()
        rows = shape[0]
        if self.ngrams == 2:
            modules["bigrams"] = Bigrams(rows, self.buckets)
            rows += self.buckets
        if self.dropout:
            modules["dropout"] = TokenDropout(self.dropout)
        bag = nn.EmbeddingBag(rows, self.embedding, mode="mean", padding_idx=PADDING)
        # torch's own deviation of 1 leaves rare words as noise that a few updates cannot outweigh
        nn.init.normal_(bag.weight, std=DEVIATION)
        modules["embedding"] = bag
        return nn.Sequential(modules)
