"""A part of the target's own labels held out, to test on in place of the test set.

So what an arm says of rows it has not seen is known, and no test example is read.

    dataset.holdout_fold=k/K     the rows whose labels are bought, training and validation together,
                                 in K parts; part k tests, the others are learnt from

Each class of each domain is dealt out evenly; rows of one group, and rows with equal inputs, are in
one part. What is held out is the target's, or, where no domain is the target, a part of each. The
source keeps its labels, so that its stages are shared by all parts; a row of the target that stands
in the source too is therefore never asked, for a transfer has learnt from it. Inputs, and labels of
numbers, are scaled as without a part held out.

It works for every data set that has an option `holdout_fold`, whatever it reads. Shapes: n rows
whose labels are bought, of all domains that are divided.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split, known
from tlrun.core.seeding import stream
from tlrun.data.assembly import arrays_digest, judged
from tlrun.data.base import Dataset
from tlrun.data.examples import row_hashes
from tlrun.data.folds import together
from tlrun.data.load_report import load_report
from tlrun.data.row_units import deal, strata_of, units_of
from tlrun.data.sealed import load as load_open

if TYPE_CHECKING:
    import numpy as np

KEY = "dataset.holdout_fold"


def load(dataset: Dataset, seed: int) -> Problem:
    """The problem of a data set as every run has it.

    Without what is sealed, and, where that is asked for, a part of its labels held out.

    Raises UserError as the data set's `load` does, and where no such part can be held out.
    """
    part = getattr(dataset, "holdout_fold", None)
    if part is None:
        return load_open(dataset, seed)
    fold, count = numbers_of(part)
    return held_out(load_open(dataset, seed), fold, count, seed)


def numbers_of(part: str) -> tuple[int, int]:
    """The part that is held out, from 1, and of how many: of "2/5", 2 and 5.

    Raises UserError where there is no such part.
    """
    fold, count = map(int, part.split("/"))
    if not 1 <= fold <= count or count < 2:
        raise UserError(Mistake(KEY, "k/K with k from 1 to K, and K at least 2", part))
    return fold, count


def held_out(problem: Problem, fold: int, count: int, seed: int) -> Problem:
    """A problem, part `fold` of `count` of its labels in place of its test set.

    seed: the run's. Raises UserError where its test set is in folds already, or there are too few
    rows.
    """
    if problem.folds:
        found = f"dataset.test_folds={len(problem.folds)}, in which every row tests"
        raise UserError(Mistake(KEY, "one test set", found, "leave out one"))
    about = judged(problem.domains)
    bought = {domain.name: together(domain.bought) for domain in about}
    places = parts(bought, count, seed, copies=problem.copies)
    others = [domain for name, domain in problem.domains.items() if name not in bought]
    domains, test = dict(problem.domains), {}
    for name, domain in problem.domains.items():
        if name not in bought:
            test[name] = domain.train.select(_none(domain.train))  # nothing of it is asked
            continue
        mine = bought[name].select(places[name] == fold - 1)
        domains[name] = _without(domain, mine)
        test[name] = mine.select(~_learnt(mine, others)) if problem.copies else mine
    _check(domains, test, fold, count)
    told = f"part {fold} of {count} of the labels is held out; no test example is read"
    report = load_report(domains, test, {}, [*problem.report.get("notes", ()), told])
    return dataclasses.replace(
        problem,
        domains=domains,
        test=HeldOutTest(test),
        digest=arrays_digest(domains, test),
        report={**problem.report, **report, "held out": [fold, count]},
    )


def parts(
    bought: Mapping[str, Split], count: int, seed: int, *, copies: bool
) -> dict[str, np.ndarray]:
    """The part of each row, int64 [n of the domain] from 0 to count-1, by domain.

    bought: the rows of each domain whose labels are bought. copies: whether rows with equal inputs
    may not be parted. Raises UserError where there are fewer rows or groups than parts.
    """
    import numpy as np

    names = sorted(bought)
    splits = [bought[name] for name in names]
    units = units_of(splits, copies=copies)
    if units.max() + 1 < count:
        expected = f"at most {units.max() + 1} parts, for there are no more rows or groups"
        raise UserError(Mistake(KEY, expected, str(count)))
    of_units = deal(units, strata_of(splits), count, stream(seed, "labels", "held out"))
    domains = np.repeat(np.arange(len(names)), [len(split) for split in splits])
    return {name: of_units[units[domains == place]] for place, name in enumerate(names)}


def _without(domain: Domain, held: Split) -> Domain:
    """The domain less the rows that are held out; without validation rows where none are left."""
    import numpy as np

    train = domain.train.select(~np.isin(domain.train.index, held.index))
    val = None
    if domain.val is not None:
        val = domain.val.select(~np.isin(domain.val.index, held.index))
    return dataclasses.replace(
        domain, train=train, val=val if val is not None and len(val) else None
    )


def _learnt(split: Split, others: Sequence[Domain]) -> np.ndarray:
    """Which rows of a split stand in another domain too, bool [N]."""
    import numpy as np

    seen: set[bytes] = set()
    for domain in others:
        for part in (domain.train, domain.val):
            seen |= set() if part is None else set(row_hashes(part.inputs))
    return np.array([one in seen for one in row_hashes(split.inputs)], dtype=bool)


def _none(split: Split) -> np.ndarray:
    import numpy as np

    return np.zeros(len(split), dtype=bool)


def _check(domains: Mapping[str, Domain], test: Mapping[str, Split], fold: int, count: int) -> None:
    """Raise UserError where a task has no label left to learn from, or a domain none held out."""
    for domain in judged(domains):
        for task in domain.tasks:
            if not known(domain.train.labels[task.name]).any():
                expected = f"a label of task {task.name} in domain {domain.name} to learn from"
                raise UserError(Mistake(KEY, expected, f"none without part {fold} of {count}"))
        if not len(test[domain.name]):
            expected = f"rows of domain {domain.name} in every part"
            found = f"none in part {fold} of {count}"
            raise UserError(Mistake(KEY, expected, found, "try fewer parts"))
