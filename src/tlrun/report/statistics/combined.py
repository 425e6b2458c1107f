"""What each test unit contributes to the headline of a run, and to the gain of an arm over another.

T tasks, U rows of test examples, of every domain together; S strata, n seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlrun.core.task import TaskKey
from tlrun.report.statistics.paired import Paired
from tlrun.report.statistics.units import UnitValues

UNITS = ("domain", "rows", "strata", "weights", "spread")  # what says which units there are


@dataclass(frozen=True)
class Combined:
    """The mean score over the tasks of one run, and what each row contributes to it.

    score: the mean of the tasks' scores, as computed. tasks: T keys, sorted.
    domains: their names, sorted. domain: int64 [U], in which of them each row is. rows: int64 [U],
        which row of the data set it is. They are in this order, by domain and row.
    values, strata, weights, right_or_wrong: as of `UnitValues`, [U], [U], [S], of that mean.
    spread: float64 [S], of right_or_wrong: how much more a row contributes that is right in all
        tasks of its domain than one that is wrong in all.
    each: float64 [U, T], what each row contributes to each task, nan where it has no label of it.
    """

    score: float
    tasks: tuple[TaskKey, ...]
    domains: tuple[str, ...]
    domain: np.ndarray
    rows: np.ndarray
    values: np.ndarray
    strata: np.ndarray
    weights: np.ndarray
    right_or_wrong: bool
    spread: np.ndarray
    each: np.ndarray

    def units_as(self, other: Combined) -> bool:
        """Whether both have the same test units, in the same strata."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in UNITS)
        return all(one is two or np.array_equal(one, two) for one, two in pairs)


def combined(tasks: Mapping[TaskKey, UnitValues], index: Mapping[TaskKey, np.ndarray]) -> Combined:
    """The mean of the scores of `tasks`, and what each row contributes to it.

    tasks: of one run, one or more, as of `unit_values`. index: of each, int64 [·], which row of the
    data set each of the examples is that `unit_values` was given.

    Domains are drawn apart: the strata of a domain with one task stay, with weights c_s/T. The T_d
    tasks of one domain share rows, so that a row is the unit and they are one stratum of weight
    T_d/T (`_of_rows`). There the degrees of freedom are those of all rows, though an auc may rest
    on a few of them.

    Raises ValueError where one task has a row twice.
    """
    keys = sorted(tasks)
    domains = tuple(dict.fromkeys(key.domain for key in keys))
    parts = [_of_domain(name, keys, tasks, index) for name in domains]
    sizes = [len(part.rows) for part in parts]
    starts = np.cumsum([0, *(len(part.weights) for part in parts)])
    strata = [start + part.strata for start, part in zip(starts, parts, strict=False)]
    return Combined(
        score=float(np.mean([tasks[key].score for key in keys])),
        tasks=tuple(keys),
        domains=domains,
        domain=np.repeat(np.arange(len(domains)), sizes),
        rows=np.concatenate([part.rows for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        strata=np.concatenate(strata),
        weights=np.concatenate([part.weights for part in parts]),
        right_or_wrong=all(task.right_or_wrong for task in tasks.values()),
        spread=np.concatenate([part.spread for part in parts]),
        each=np.concatenate([part.each for part in parts]),
    )


@dataclass(frozen=True)
class _Domain:
    """The fields of `Combined` of one domain, its strata from 0."""

    rows: np.ndarray
    values: np.ndarray
    strata: np.ndarray
    weights: np.ndarray
    spread: np.ndarray
    each: np.ndarray


def _of_domain(
    name: str,
    keys: Sequence[TaskKey],
    tasks: Mapping[TaskKey, UnitValues],
    index: Mapping[TaskKey, np.ndarray],
) -> _Domain:
    """What the rows of domain `name` contribute to the mean over all `keys`; as of `combined`."""
    mine = [key for key in keys if key.domain == name]
    of_tasks = [index[key][tasks[key].of] for key in mine]
    rows = np.unique(np.concatenate(of_tasks))
    each = np.full((len(rows), len(keys)), np.nan)
    for key, own in zip(mine, of_tasks, strict=True):
        if len(np.unique(own)) < len(own):
            raise ValueError(f"{key}: expected every row of the data set once")
        each[np.searchsorted(rows, own), keys.index(key)] = tasks[key].values
    if len(mine) == 1:
        only, order = tasks[mine[0]], np.argsort(of_tasks[0])
        weights, spread = only.weights / len(keys), np.ones(len(only.weights))
        return _Domain(rows, only.values[order], only.strata[order], weights, spread, each)
    values, most = _of_rows([tasks[key] for key in mine], of_tasks, rows)
    weights, strata = np.array([len(mine) / len(keys)]), np.zeros(len(rows), dtype=np.int64)
    return _Domain(rows, values, strata, weights, np.array([most]), each)


def _of_rows(
    tasks: Sequence[UnitValues], of_tasks: Sequence[np.ndarray], rows: np.ndarray
) -> tuple[np.ndarray, float]:
    """What each of M `rows` contributes to the mean score of tasks of one domain, and `spread`.

    of_tasks: the rows of each task's units. Example j in stratum s of task t, which has M_ts of
    them, has the influence I_tj = c_s (values_tj - mean_ts)/M_ts: by how much it moves the score. A
    row contributes

        mean over t of (Σ_s c_s mean_ts + M Σ_{j is the row} I_tj),

    whose mean over rows is that of the scores, up to their constants. Where every row is labelled
    for every task, of accuracies it is the share of its tasks that are right. spread: M times how
    much one example moves each score, √Σ_s w_s (c_s/M_ts)², w_s = (c_s/M_ts)²/Σ, averaged over t:
    1 for such accuracies, above it where rows lack labels.
    """
    values, spread = np.zeros(len(rows)), 0.0
    for task, own in zip(tasks, of_tasks, strict=True):
        level, moved = influence(task.values, task.strata, task.weights)
        values += level / len(tasks)
        values[np.searchsorted(rows, own)] += len(rows) * moved / len(tasks)
        squares = (task.weights / np.bincount(task.strata)) ** 2
        spread += len(rows) * float(np.sqrt((squares**2).sum() / squares.sum())) / len(tasks)
    return values, spread


def influence(
    values: np.ndarray, strata: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Σ_s c_s mean_s [...], and by how much each unit moves it, c_s (values_j - mean_s)/M_s.

    values: float64 [..., U]. strata: int64 [U]. weights: float64 [S], c_s. The second is
    [..., U], and its sum over units is 0.
    """
    member = (strata[:, None] == np.arange(len(weights))).astype(np.float64)  # [U, S]
    counts = member.sum(axis=0)
    means = values @ member / counts
    moved = (weights / counts)[strata] * (values - means[..., strata])
    return means @ weights, moved


def paired(a: Sequence[Combined], b: Sequence[Combined] | None, gains: Sequence[float]) -> Paired:
    """Arm a against arm b, or, where b is None, the score of a alone: against 0.

    a, b: the runs of each arm, of the same n seeds in the same order. gains: of each seed, score
    minus the control's and above 0 better; or the score.

    Examples of seeds are paired by domain and row. Where two of the runs have other test rows,
    labels or strata than the first, every seed has test examples of its own: values are None, and
    differing is 0. One score that is right or wrong an example has pseudo-examples of 0 and 1, a
    difference of two -1 and 1, or as far apart as `Combined.spread` says.

    Raises ValueError where there are not as many runs of each arm as gains, or where runs are of
    different tasks.
    """
    others = a if b is None else b
    if not len(a) == len(others) == len(gains):
        raise ValueError("expected a run of each arm on every seed")
    first, found = a[0], np.asarray(gains, dtype=np.float64)
    if any(run.tasks != first.tasks for run in (*a, *others)):
        raise ValueError("expected the same tasks of every run")
    if not all(first.units_as(run) for run in (*a, *others)):
        return Paired(found, None)
    if b is None:
        values, differing = np.stack([run.values for run in a]), 0
        extremes = 0.5 + np.outer(first.spread, [-0.5, 0.5])
    else:
        pairs = list(zip(a, b, strict=True))
        values = np.stack([ours.values - theirs.values for ours, theirs in pairs])
        differs = [_differs(ours.each, theirs.each) for ours, theirs in pairs]
        differing = int(np.any(differs, axis=0).sum())
        extremes = np.outer(first.spread, [-1.0, 1.0])
    right_or_wrong = all(run.right_or_wrong for run in (*a, *others))
    return Paired(
        gains=found,
        values=values,
        strata=first.strata,
        weights=first.weights,
        right_or_wrong=right_or_wrong,
        differing=differing,
        extremes=extremes if right_or_wrong else None,
    )


def _differs(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Which rows contribute differently to some task, bool [U], of two `Combined.each`."""
    alike = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    rows: np.ndarray = ~alike.all(axis=1)
    return rows


def clustered(examples: Paired, groups: np.ndarray) -> Paired:
    """The same gains, with groups of test examples as the units, which are drawn anew together.

    groups: int64 or names [U], of which of G groups each unit is. With I_ij, how much example j
    moves the gain of seed i (`influence`), group h has the value g_i + G Σ_{j∈h} I_ij, in one
    stratum: so that v_e of `variance` is

        v_c = G/(G-1) · Σ_h (Σ_{j∈h} I_j)²,   I_j the mean over seeds,

    and its v_r is G/(G-1) · Σ_ih (Σ_{j∈h} (I_ij - I_j))²/(n(n-1)): the variance of a ratio, or
    cluster-robust, without a correction but G/(G-1). There are at most G-1 degrees of freedom. No
    pseudo-examples are added: two examples tell nothing of how groups differ.

    Raises ValueError where every seed has test examples of its own.
    """
    if examples.values is None:
        raise ValueError("groups: expected the same test examples on every seed")
    units = examples.values.shape[1]
    strata = np.zeros(units, dtype=np.int64) if examples.strata is None else examples.strata
    weights = np.ones(1) if examples.weights is None else examples.weights
    _, moved = influence(examples.values, strata, weights)
    names, member = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(member, of_seed) for of_seed in moved])
    return replace(
        examples,
        values=examples.gains[:, None] + len(names) * sums,
        strata=np.zeros(len(names), dtype=np.int64),
        weights=np.ones(1),
        right_or_wrong=False,
        extremes=None,
        clustered=True,
    )
