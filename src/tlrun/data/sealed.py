"""Test rows that are kept back: no run sees them, and `tl-run final RUN` opens them once.

Which rows they are follows from `split_seed` and from where the rows stand in the data set, never
from a run's seed. Rows of one group are on one side, and so are rows with equal inputs, unless
these are equal by chance; of every domain and class about the share that is asked for is sealed.

It works for every data set that has an option `sealed`, whatever it reads.
Shapes: N test rows of all domains together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.seeding import stream
from tlrun.data.assembly import arrays_digest, cannot_test, judged
from tlrun.data.base import Dataset
from tlrun.data.load_report import load_report
from tlrun.data.row_units import strata_of, units_of

if TYPE_CHECKING:
    import numpy as np

KEY = "dataset.sealed"
LEAST = 10  # test rows of a domain that is judged, open and sealed


def load(dataset: Dataset, seed: int) -> Problem:
    """The problem of a data set as every run has it: without what is sealed.

    Raises UserError as `load_with_sealed` does.
    """
    return load_with_sealed(dataset, seed)[0]


def load_with_sealed(dataset: Dataset, seed: int) -> tuple[Problem, Mapping[str, Split]]:
    """The same problem, and the sealed test rows of every domain; empty where none are sealed.

    Raises UserError as the data set's `load` does, and where rows are to be sealed of folds, of a
    test set that the run's seed draws, or of one that is too small.
    """
    share = getattr(dataset, "sealed", 0.0)
    if not share:
        return dataset.load(seed), {}
    for option in ("test_folds", "split_seed"):
        value = getattr(dataset, option, None)
        if option == "test_folds" and value is not None:
            found = f"{value} folds, in which every row tests"
            raise UserError(Mistake(KEY, "one test set", found, "leave out one"))
        if option == "split_seed" and hasattr(dataset, option) and value is None:
            found = "dataset.split_seed=null, another one for every seed"
            raise UserError(Mistake(KEY, "one test set for all seeds", found, "set split_seed"))
    return _sealed(dataset.load(seed), share, getattr(dataset, "split_seed", 0))


def judged_rows(problem: Problem, sealed: Mapping[str, Split]) -> dict[str, Split]:
    """Of the sealed rows, those of the domains that the problem is about: all that is opened."""
    return {domain.name: sealed[domain.name] for domain in judged(problem.domains)}


def rows_digest(sealed: Mapping[str, Split]) -> str:
    """16 hexadecimal digits that tell sealed rows from others, however they are read.

    They are of the domains' names, the rows' places in the data set and their labels, of numbers
    the order; so an image is the same at every size, and a label in every unit.
    """
    import numpy as np

    total = sha256()
    for name, split in sorted(sealed.items()):
        order = np.argsort(split.index, kind="stable")
        total.update(f"{name} {split.index[order].tolist()} ".encode())
        for task, labels in sorted(split.labels.items()):
            codes = labels[order]
            if codes.dtype.kind != "i":
                codes = np.argsort(codes, kind="stable")
            total.update(f"{task} {codes.tolist()} ".encode())
    return total.hexdigest()[:16]


def _sealed(problem: Problem, share: float, split_seed: int) -> tuple[Problem, dict[str, Split]]:
    """The problem without a share of its test rows, and these."""
    if problem.folds:  # of a data set that says so by another name
        raise UserError(Mistake(KEY, "one test set", f"{len(problem.folds)} folds"))
    test = problem.test.open()
    chosen = draw(test, share, split_seed, copies=problem.copies)
    sealed = {name: split.select(chosen[name]) for name, split in test.items()}
    left = {name: split.select(~chosen[name]) for name, split in test.items()}
    _check(problem.domains, left, sealed)
    without = dataclasses.replace(
        problem,
        test=HeldOutTest(left),
        digest=arrays_digest(problem.domains, left),
        report=_report(problem, left, sealed),
    )
    return without, sealed


def draw(
    test: Mapping[str, Split], share: float, split_seed: int, *, copies: bool = True
) -> dict[str, np.ndarray]:
    """Which test rows of each domain are sealed, bool [n].

    Rows that may not be parted are a unit, which counts to the domain and class of most of its
    rows. The units of a domain and class are ordered by a number that `split_seed` gives each by
    its first row; the first are sealed, as many as come nearest to `share` of the rows, what is
    over or missing being carried on to the domain's next class. So a larger share seals the same
    units and more, and hardly any unit changes sides where others come or go.

    test: the test rows of every domain. copies: whether rows with equal inputs may not be parted.
    """
    import numpy as np

    names = sorted(test)
    units = units_of([test[name] for name in names], copies=copies)
    domains = np.repeat(np.arange(len(names)), [len(test[name]) for name in names])
    strata = strata_of([test[name] for name in names])
    sizes = np.bincount(units)
    first = np.unique(units, return_index=True)[1]
    rows = np.concatenate([test[name].index for name in names])
    places = zip(domains[first].tolist(), rows[first].tolist(), strict=True)
    rank = np.array([stream(split_seed, "split", "sealed", names[d], row) for d, row in places])
    home = _most(units, strata)
    sealed = np.zeros(len(sizes), dtype=bool)
    for domain in range(len(names)):
        owed = 0.0
        for stratum in np.unique(strata[domains == domain]).tolist():
            mine = np.flatnonzero(home == stratum)
            mine = mine[np.argsort(rank[mine], kind="stable")]
            taken = np.concatenate([[0], np.cumsum(sizes[mine])])
            owed += share * taken[-1]
            count = int(np.argmin(abs(taken - owed)))
            sealed[mine[:count]] = True
            owed -= taken[count]
    return {name: sealed[units[domains == place]] for place, name in enumerate(names)}


def _most(units: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """The stratum of most rows of each unit, int64; of equally many the first."""
    import numpy as np

    pairs, sizes = np.unique(np.stack([units, strata], axis=1), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -sizes, pairs[:, 0]))
    _, first = np.unique(pairs[order, 0], return_index=True)
    most: np.ndarray = pairs[order][first, 1]
    return most


def _check(
    domains: Mapping[str, Domain], left: Mapping[str, Split], sealed: Mapping[str, Split]
) -> None:
    """Raise UserError where either side is too small for a score."""
    for domain in judged(domains):
        sizes = len(left[domain.name]), len(sealed[domain.name])
        if min(sizes) < LEAST:
            expected = f"at least {LEAST} test rows of domain {domain.name} on either side"
            found = f"{sizes[0]} open and {sizes[1]} sealed"
            raise UserError(Mistake(KEY, expected, found, "try another share, or more test rows"))
    about = {domain.name: domain for domain in judged(domains)}
    none = dict.fromkeys(domains, 0)
    mistakes = [*cannot_test(domains, left, none), *cannot_test(about, sealed, none)]
    if mistakes:
        raise UserError(*mistakes).moved("dataset", KEY)


def _report(
    problem: Problem, left: Mapping[str, Split], sealed: Mapping[str, Split]
) -> dict[str, Any]:
    """The load report of what is not sealed, and how many rows are."""
    rows = load_report(problem.domains, left, {}, ())["splits"]
    tested = {(row["domain"], row["task"]): row for row in rows if row["split"] == "test"}
    splits = []
    for row in problem.report.get("splits", ()):
        opened = row["split"] == "test"
        splits.append({**row, **tested[row["domain"], row["task"]]} if opened else row)
    counts = {name: len(split) for name, split in sealed.items()}
    total = sum(counts.values()) + sum(map(len, left.values()))
    told = f"{sum(counts.values())} of {total} test rows are sealed: tl-run final RUN opens them"
    notes = [*problem.report.get("notes", ()), f"{told} once"]
    return {**problem.report, "splits": splits, "notes": notes, "sealed": counts}
