"""A recurrent network on texts: long short-term memory (Hochreiter & Schmidhuber, 1997)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tlrun.core.inputs import Kind
from tlrun.core.options import Range
from tlrun.models.backbone import Pooling

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Lstm:
    """φ(x) = pool_t h_n(t), h_l = LSTM_l(h_{l-1}), h_0(t) = E[x_t], over the tokens x_t of a text.

    embedding: the width of E, a row a token of the vocabulary. hidden: d, the width of each LSTM.
        layers: n. pooling: the mean or the maximum of h_n over the text, or its last state.
    dropout: the share of numbers of E and of every h_l that is set to 0 at random in training.
    """

    embedding: Annotated[int, Range(1)] = 300
    hidden: Annotated[int, Range(1)] = 128
    layers: Annotated[int, Range(1, 16)] = 2
    pooling: Pooling = "mean"
    dropout: Annotated[float, Range(0.0, 0.9)] = 0.0

    learns: ClassVar[bool] = True
    takes: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def width(self, shape: tuple[int, ...]) -> int:
        """d, whatever the vocabulary."""
        return self.hidden

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from ids [B, L] to [B, d], with fresh weights from torch's global generator.

        shape: (V,), the size of the vocabulary.
        """
        from torch import nn

        from tlrun.models.text_layers import Pool, Recurrent, TokenEmbedding

        modules: OrderedDict[str, nn.Module] = OrderedDict()
        modules["embedding"] = TokenEmbedding(shape[0], self.embedding)
        width = self.embedding
        for layer in range(1, self.layers + 1):
            if self.dropout:
                modules[f"dropout{layer}"] = nn.Dropout(self.dropout)
            modules[f"lstm{layer}"] = Recurrent(width, self.hidden)
            width = self.hidden
        modules["pool"] = Pool(self.pooling)
        return nn.Sequential(modules)
