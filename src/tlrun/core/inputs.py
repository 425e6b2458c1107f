"""The inputs of many examples: what one of them is, and how those that are asked for are read.

Shapes: N examples, B of them asked for, each of the shape […]. No numpy at import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

# of one input: numbers side by side, an image of channels, rows and columns, or a text
Kind = Literal["vector", "image", "tokens"]
AT_ONCE = 2**24  # bytes that are read at once where all inputs are gone through


class Inputs(Protocol):
    """N inputs, in memory or in a file; an array in memory is one as it stands.

    They are float32, or uint8 for images whose bytes are used as they are, or int32 for the ids of
    the tokens of a text (`core/tokens.py`). More members are optional: `select(rows)`, the inputs
    in these rows without reading any; `keys()`, 16 bytes for each, equal where inputs are;
    `digest()`, of them all; `lengths`, int64 [N], how long each is where they differ: those asked
    for are then padded with 0 to the longest of them; `vocabulary`, how many different ids there
    are; `joined(others)`, these and others in one.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all: [N, …]."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of each number."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The inputs [B, …] in `rows`: positions, int64 [B], which of all, bool [N], or a slice."""


@dataclass(frozen=True)
class InputSpec:
    """What one input is. shape: of it, (L,) of a text of at most L tokens.

    dtype: of its numbers, float32, uint8 or int32. vocabulary: of a text, how many different tokens
    there are; 0: it is none.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    vocabulary: int = 0

    @property
    def kind(self) -> Kind:
        """An input of three dimensions is an image: channels, height and width."""
        if self.vocabulary:
            return "tokens"
        return "image" if len(self.shape) == 3 else "vector"

    @property
    def words(self) -> str:
        """What it is, for a message: images of 3x64x64."""
        if self.kind == "image":
            return f"images of {'x'.join(map(str, self.shape))}"
        if self.kind == "tokens":
            return f"texts of at most {self.shape[0]} tokens"
        return f"vectors of {'x'.join(map(str, self.shape))} numbers"


def spec_of(inputs: Inputs) -> InputSpec:
    """What each of `inputs` is."""
    vocabulary = getattr(inputs, "vocabulary", 0)
    return InputSpec(tuple(inputs.shape[1:]), inputs.dtype.name, vocabulary)


def joined(several: Sequence[Inputs]) -> Inputs:
    """All of several inputs, in order."""
    if hasattr(several[0], "joined"):
        found: Inputs = several[0].joined(several[1:])
        return found
    import numpy as np

    return np.concatenate([inputs[:] for inputs in several])


def selected(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Those of `inputs` in `rows`; from a file nothing is read for it."""
    if hasattr(inputs, "select"):
        found: Inputs = inputs.select(rows)
        return found
    return inputs[rows]


def digest_of(inputs: Inputs) -> str:
    """sha256, in hex, of all inputs in order, with their type and shape."""
    if hasattr(inputs, "digest"):
        stored: str = inputs.digest()
        return stored
    import numpy as np

    total = sha256(f"{inputs.dtype.str} {tuple(inputs.shape)} ".encode())
    for part in parts(inputs):
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()


def parts(inputs: Inputs) -> Iterator[np.ndarray]:
    """All of `inputs` in order, as many at once as AT_ONCE bytes hold, and at least one."""
    size = inputs.dtype.itemsize
    for length in inputs.shape[1:]:
        size *= length
    step = max(1, AT_ONCE // max(1, size))
    for start in range(0, len(inputs), step):
        yield inputs[start : start + step]
