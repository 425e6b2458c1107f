"""From folds to a problem in which every example tests once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from hashlib import sha256

from tlrun.core.errors import UserError
from tlrun.core.problem import HeldOutTest, Problem, Split
from tlrun.data.assembly import Part, assemble, cannot_test
from tlrun.data.load_report import load_report


def assemble_folds(folds: Sequence[Sequence[Part]], notes: Sequence[str] = ()) -> Problem:
    """The problem of several folds, each the same domains with other test examples.

    folds: the parts of each. notes: lines for the user, in the report. Duplicates are the caller's
    to see to. A domain that tests on the same examples in every fold is tested in the first alone.

    The report counts what the first fold learns from, and what all test. Raises UserError as
    `assemble` does, of each fold for what is learnt and of all together for what is tested.
    """
    problems = [assemble(parts, duplicates="seen to", fold=True) for parts in folds]
    first = problems[0]
    test: dict[str, Split] = {}
    for position, name in enumerate(first.domains):
        test[name] = together([parts[position].test for parts in folds])
    counts = dict.fromkeys(first.domains, 0)
    if mistakes := cannot_test(first.domains, test, counts):
        raise UserError(*mistakes)
    total = sha256(" ".join(problem.digest for problem in problems).encode())
    return dataclasses.replace(
        first,
        test=HeldOutTest(test),
        digest=total.hexdigest(),
        report=load_report(first.domains, test, counts, notes),
        folds=tuple(problems),
    )


def together(splits: Sequence[Split]) -> Split:
    """The examples of several splits, each once, in the order of their rows in the data set."""
    import numpy as np

    index = np.concatenate([split.index for split in splits])
    _, rows = np.unique(index, return_index=True)
    labels: Mapping[str, np.ndarray] = {
        task: np.concatenate([split.labels[task] for split in splits])[rows]
        for task in splits[0].labels
    }
    inputs = np.concatenate([split.inputs for split in splits])[rows]
    return Split(inputs, labels, index[rows])
