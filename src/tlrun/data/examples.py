"""Examples byte for byte: which stand in two places, and the digest of many."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

from tlrun.core.inputs import Inputs, parts

if TYPE_CHECKING:
    import numpy as np


def row_hashes(inputs: Inputs) -> Iterator[bytes]:
    """A hash of 16 bytes for each example of `inputs` [N, …]: equal where all its bytes are.

    Inputs that were stored with such keys are not read. They take little memory: no copy of all
    inputs is made.
    """
    if hasattr(inputs, "keys"):
        for key in inputs.keys():  # noqa: SIM118  # no mapping: an array of keys
            yield key.tobytes()
        return
    for part in parts(inputs):
        for row in part:
            yield blake2b(row.tobytes(), digest_size=16).digest()


def examples_digest(inputs: np.ndarray, *labels: np.ndarray) -> str:
    """sha256 of N examples in no order: of the `inputs` [N, …] and all `labels` [N] of each."""
    hashes = []
    for row in range(len(inputs)):
        one = blake2b(inputs[row].tobytes(), digest_size=16)
        for values in labels:
            one.update(values[row].tobytes())
        hashes.append(one.digest())
    total = sha256(f"{inputs.dtype} {inputs.shape}".encode())
    total.update(b"".join(sorted(hashes)))
    return total.hexdigest()
