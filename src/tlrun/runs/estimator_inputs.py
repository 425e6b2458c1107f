"""What an estimator reads of a split: numbers or texts, and which of several domains they are of.

Shapes: N rows, d inputs, k domains whose rows are learnt together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlrun.core.inputs import Inputs, spec_of
from tlrun.core.problem import Split
from tlrun.core.tokens import PADDING, Tokens
from tlrun.strategies.estimator import Documents


def inputs_of(
    split: Split, rows: np.ndarray | slice, domain: str, domains: Sequence[str]
) -> np.ndarray | Documents:
    """The inputs of some rows of a split.

    rows: those that are asked for, bool [N] or a slice. domain: whose split it is, one of
    `domains`, whose rows are learnt together. Of numbers, float64 [N, d] and, of several domains, k
    columns more of 0 and 1; of texts, `Documents`.
    """
    where = np.zeros((len(split), len(domains) if len(domains) > 1 else 0))
    if where.size:
        where[:, domains.index(domain)] = 1.0
    if spec_of(split.inputs).kind == "tokens":
        return Documents(texts_of(split.inputs, rows), where[rows])
    width = int(np.prod(split.inputs.shape[1:]))
    flat = split.array.reshape(len(split), width).astype(np.float64)
    if split.inputs.dtype == np.uint8:
        flat /= 255  # as φ does
    if where.size:
        flat = np.concatenate([flat, where], axis=1)
    return flat[rows]


def texts_of(inputs: Inputs, rows: np.ndarray | slice) -> list[str]:
    """The texts in `rows` as they were read, each as long as it was.

    Where they are not at hand, as of a plug-in that makes ids alone, the ids of each, written as
    words, 17 204 9: a word is then a token, and a text is cut where its ids are.
    """
    if isinstance(inputs, Tokens) and inputs.texts is not None:
        return inputs.documents(rows)
    return [" ".join(map(str, ids[ids != PADDING].tolist())) for ids in inputs[rows]]


def joined(parts: Sequence[np.ndarray | Documents]) -> np.ndarray | Documents:
    """The rows of several parts, all numbers or all texts, one part after another."""
    documents = [part for part in parts if isinstance(part, Documents)]
    if documents:
        texts = [text for part in documents for text in part.texts]
        return Documents(texts, np.concatenate([part.domains for part in documents]))
    numbers = [part for part in parts if isinstance(part, np.ndarray)]
    return np.concatenate(numbers)
