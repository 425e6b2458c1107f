"""From folds to a problem in which every example tests once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import joined, selected
from tlrun.core.metrics import TABLE, primary
from tlrun.core.problem import HeldOutTest, Problem, Split, known
from tlrun.data.assembly import Part, assemble, cannot_test, judged
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
    mistakes = cannot_test(first.domains, test, counts)
    if mistakes := mistakes or list(_never_compared(folds)):
        raise UserError(*mistakes)
    total = sha256(" ".join(problem.digest for problem in problems).encode())
    return dataclasses.replace(
        first,
        test=HeldOutTest(test),
        digest=total.hexdigest(),
        report={**load_report(first.domains, test, counts, notes), **_widths(problems)},
        folds=tuple(problems),
    )


def _widths(problems: Sequence[Problem]) -> dict[str, object]:
    """What one input of each fold is, where they differ: a level may stand in some folds alone."""
    each = [one.report["inputs"] for one in problems]
    return {} if all(one == each[0] for one in each) else {"inputs of folds": each}


def _never_compared(folds: Sequence[Sequence[Part]]) -> Iterator[Mistake]:
    """One mistake a domain and task that is judged by auc, and no fold tests all its classes."""
    for domain in judged({part.domain.name: part.domain for part in folds[0]}):
        splits = [part.test for parts in folds for part in parts if part.domain.name == domain.name]
        for task in domain.tasks:
            if TABLE[primary(task)].needs != "all classes":
                continue
            tested = [split.labels[task.name][known(split.labels[task.name])] for split in splits]
            if all(len(set(labels.tolist())) < len(task.classes) for labels in tested):
                yield Mistake(
                    "dataset.test_folds",
                    expected=f"a fold that tests every class of task {task.name} in domain "
                    f"{domain.name}, for auc compares examples of one fold",
                    found=f"none of {len(folds)}",
                    hint="try fewer folds, or dataset.metric=accuracy",
                )


def together(splits: Sequence[Split]) -> Split:
    """The examples of several splits, each once, in the order of their rows in the data set.

    Without inputs, float32 [N, 0], where one split's are wider than another's.
    """
    import numpy as np

    index = np.concatenate([split.index for split in splits])
    _, rows = np.unique(index, return_index=True)
    labels: Mapping[str, np.ndarray] = {
        task: np.concatenate([split.labels[task] for split in splits])[rows]
        for task in splits[0].labels
    }
    several = [split.inputs for split in splits]
    if len({inputs.shape[1:] for inputs in several}) > 1:
        # each fold reads a table by its own levels, and answers from its own part, not from here
        several = [np.zeros((len(split), 0), dtype=np.float32) for split in splits]
    inputs = selected(joined(several), rows)
    groups = [split.groups for split in splits if split.groups is not None]
    return Split(
        inputs, labels, index[rows], groups=np.concatenate(groups)[rows] if groups else None
    )
