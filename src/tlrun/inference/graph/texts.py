"""A graph of texts: the ids of their tokens, which the tokenizer beside it gives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tlrun.core.tokens import PADDING
from tlrun.data.tables.notation import Notation
from tlrun.inference.graph.inputs import AsTheyAre, Port

if TYPE_CHECKING:
    from torch import Tensor

ENDING = ".tokenizer.json"
IDS = "input_ids"
SHORT = 16  # words of a random text: attention takes its time for more


class TokenInputs(AsTheyAre):
    """N texts as ids [N, L], each filled up with 0 at its end; L is free.

    form: preprocessing.json of the run. numbers, free: as of `GraphInputs`.
    """

    def __init__(self, form: Mapping[str, Any]) -> None:
        self._form = form
        self.numbers = int(form["max tokens"])
        meaning = f"ids of tokens, at most {self.numbers}, filled up with {PADDING}"
        self.ports: Sequence[Port] = (Port(IDS, "int64", ("N", "L"), meaning),)
        self.free: tuple[str, ...] = ("N", "L")

    def example(self) -> Tensor:
        """Three texts, one of them shorter."""
        import torch

        return torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]])

    def random(self, count: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
        """Short texts of words that are known, a single one too long; ids as a user makes them."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.files()[ENDING].decode())
        tokenizer.encode_special_tokens = True
        absent = Notation(tuple(self._form["missing"])).is_missing
        known = tokenizer.get_vocab().items()
        words = sorted(word for word, place in known if place != PADDING and not absent(word))
        lengths = [2 * self.numbers] if count == 1 else rng.integers(1, SHORT, count)
        texts = [" ".join(rng.choice(words, length)) for length in lengths]
        ids = [one.ids for one in tokenizer.encode_batch(texts)]
        return texts, {IDS: np.array(ids, np.int64)}

    def files(self) -> dict[str, bytes]:
        """The tokenizer, which cuts and fills up by itself."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(json.dumps(self._form["tokenizer"]))
        tokenizer.enable_truncation(self.numbers)
        tokenizer.enable_padding(pad_id=PADDING, pad_token=tokenizer.id_to_token(PADDING))
        return {ENDING: tokenizer.to_str(pretty=False).encode()}

    def notes(self) -> list[str]:
        """How a text becomes ids."""
        made_of = list(map(str, self._form["text"]))
        notes = ["A text becomes ids by the tokenizer beside the graph, which cuts it too"]
        if len(made_of) > 1:
            notes.append(f"It is {', '.join(made_of)}, those that are not empty, a line each")
        if self._form.get("in one line"):
            notes.append("Line breaks, those of HTML too, and runs of spaces are one space first")
        return notes
