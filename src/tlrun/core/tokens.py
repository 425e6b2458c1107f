"""Texts as inputs: the ids of their tokens, each text as long as it is.

Shapes: M texts that are held, N of them that these inputs are, B asked for, T tokens in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np

# The ids of two tokens in every vocabulary: none, with which a shorter text is filled up, and one
# that the vocabulary does not have.
PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True, eq=False)
class Tokens:
    """N texts, as `core.inputs.Inputs` describes them; those that are asked for are padded.

    values: int32 [T], the ids of all texts that are held, one text after another; none is PADDING.
    offsets: int64 [M+1], where in `values` each text begins, and where the last one ends.
    longest: L, to how many tokens a text was cut.
    vocabulary: how many different ids there are.
    contents: uint8 [M, 16], for each text a key that is equal where texts are.
    rows: int64 [N], which of those held, in the order they are to have; None: all.
    texts: of those held, as they were read; None where they are not at hand.
    """

    values: np.ndarray
    offsets: np.ndarray
    longest: int
    vocabulary: int
    contents: np.ndarray
    rows: np.ndarray | None = None
    texts: Sequence[str] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """[N, L], though no text may be as long."""
        return (len(self), self.longest)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an id."""
        return self.values.dtype

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each text has, int64 [N]."""
        held = np.diff(self.offsets)
        return held if self.rows is None else held[self.rows]

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.rows is None else len(self.rows)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The texts in `rows`, int32 [B, the longest of them], padded with 0 at their ends."""
        where = self._positions(rows)
        lengths = np.diff(self.offsets)[where]
        width = int(lengths.max(initial=1))
        padded = np.full((len(where), width), PADDING, self.values.dtype)
        padded[np.arange(width) < lengths[:, None]] = self.values[self._places(where)]
        return padded

    def select(self, rows: np.ndarray) -> Tokens:
        """The texts in `rows`: positions or bool [N]; no token is copied."""
        return replace(self, rows=self._positions(rows))

    def keys(self) -> np.ndarray:
        """For each text 16 bytes, uint8 [N, 16], equal where texts are, whatever was cut."""
        return self.contents if self.rows is None else self.contents[self.rows]

    def digest(self) -> str:
        """sha256, in hex, of every text's ids and key, in order, and of the size of the vocabulary.

        Two texts may have the same ids, cut or of unknown words, and not be the same to whoever
        reads the texts.
        """
        total = sha256(f"tokens {self.vocabulary} {self.shape} ".encode())
        total.update(self.lengths.tobytes())
        total.update(np.ascontiguousarray(self.keys()).tobytes())
        total.update(self.values[self._places(self._positions(slice(None)))].tobytes())
        return total.hexdigest()

    def documents(self, rows: Any = slice(None)) -> list[str]:
        """The texts in `rows` as they were read. Raises ValueError where they are not at hand."""
        if self.texts is None:
            raise ValueError("expected texts beside their tokens, found none")
        return [self.texts[row] for row in self._positions(rows).tolist()]

    def joined(self, others: Sequence[Tokens]) -> Tokens:
        """These texts and then those of `others`, in one; as read, where all are at hand."""
        every = [self, *others]
        at_hand = all(each.texts is not None for each in every)
        parts = [each.values[each._places(each._positions(slice(None)))] for each in every]  # noqa: SLF001  # of its own kind
        lengths = np.concatenate([each.lengths for each in every])
        return Tokens(
            np.concatenate(parts),
            np.concatenate([[0], np.cumsum(lengths)]),
            max(each.longest for each in every),
            max(each.vocabulary for each in every),
            np.concatenate([each.keys() for each in every]),
            texts=[text for each in every for text in each.documents()] if at_hand else None,
        )

    def _positions(self, rows: Any) -> np.ndarray:
        """Which of the texts that are held those in `rows` are, int64 [B]."""
        every = np.arange(len(self.offsets) - 1) if self.rows is None else self.rows
        found: np.ndarray = every[rows]
        return found

    def _places(self, where: np.ndarray) -> np.ndarray:
        """Where in `values` the tokens of the texts `where`, int64 [B], are, one after another."""
        lengths = np.diff(self.offsets)[where]
        ends = np.cumsum(lengths)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
        places: np.ndarray = np.repeat(self.offsets[where], lengths) + within
        return places


def by_length(lengths: np.ndarray, most: int) -> list[np.ndarray]:
    """The positions of N texts in groups of like length: padded, each has at most `most` tokens.

    lengths: int64 [N]. Every position is in one group; a text that is longer is alone in its own.
    """
    order = np.argsort(lengths, kind="stable")
    starts = [0]
    for place, length in enumerate(lengths[order].tolist()):
        if place > starts[-1] and (place - starts[-1] + 1) * length > most:
            starts.append(place)
    return [order[a:b] for a, b in pairwise([*starts, len(order)])]
