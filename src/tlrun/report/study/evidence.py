"""What the test examples say of a run and of two: units, pairs and intervals, each read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlrun.core.metrics import TARGET, metric_of
from tlrun.core.problem import known
from tlrun.core.task import TaskKey
from tlrun.report.answer import Figure
from tlrun.report.formatting import number
from tlrun.report.statistics.combined import UNITS, Combined, clustered, combined, paired
from tlrun.report.statistics.needed import Spread
from tlrun.report.statistics.paired import Interval, Paired, Variance, interval
from tlrun.report.statistics.units import unit_values
from tlrun.report.study.predictions import Predicted, predictions_of
from tlrun.runs.outcome import Outcome

KEPT = 300  # runs: more than most studies have, and of ten thousand test examples not much memory


@dataclass(frozen=True)
class Comparison:
    """The gain of some runs over others, seed by seed, or, over nothing, their score.

    metric: the metric or headline. seeds: which. upwards: whether a higher score is better; where
    not, `pairs` hold minus the score, and what is shown of a score is turned back.
    whole: whether the predictions of every run could be read.
    """

    metric: str
    seeds: tuple[int, ...]
    pairs: Paired
    upwards: bool = True
    whole: bool = True

    def bounds(self, level: float) -> tuple[float, float]:
        """The interval of that level, (low, high)."""
        found = self.interval(level)
        return found.low, found.high

    def interval(self, level: float) -> Interval:
        """The interval of that level; without a width where a run's predictions cannot be read."""
        found = interval(self.pairs, level)
        if not self.whole:  # over seeds alone it would be too narrow
            found = replace(found, low=np.nan, high=np.nan, half=np.nan)
        return found

    @property
    def variance(self) -> Variance:
        """The parts of the variance of the mean."""
        return self.pairs.variance

    @property
    def spread(self) -> Spread:
        """Where the variance comes from."""
        values = self.pairs.values
        units = None if values is None else values.shape[1]
        right = self.pairs.right_or_wrong
        return Spread(self.variance, len(self.seeds), units, right, self.pairs.clustered)

    def figure(self, level: float, signed: bool) -> Figure:
        """The mean with its interval of that level. signed: of a gain."""
        found = self.interval(level)
        mean, low, high = found.mean, found.low, found.high
        if not signed and not self.upwards:
            mean, low, high = -mean, -high, -low
        text = number(self.metric, mean, signed=signed)
        if np.isnan(found.half):
            return Figure(text, mean, n=len(self.seeds), level=level)
        text += f" ± {number(self.metric, found.half)}"
        return Figure(text, mean, low, high, len(self.seeds), level)


class Evidence:
    """The test units of every run that is asked about, each computed once.

    They are kept for all runs; what a run has said, which is much larger, for the last KEPT.
    """

    def __init__(self) -> None:
        self._predicted: dict[Path, Mapping[TaskKey, Predicted]] = {}
        self._unread: dict[Path, bool] = {}
        self._combined: dict[tuple[Path, TaskKey | None], Combined | None] = {}
        self._last: Combined | None = None

    def predicted(self, run: Outcome) -> Mapping[TaskKey, Predicted]:
        """What a run has said, by task."""
        if run.path not in self._predicted:
            if len(self._predicted) >= KEPT:
                del self._predicted[next(iter(self._predicted))]
            self._predicted[run.path] = predictions_of(run)
            self._unread[run.path] = not self._predicted[run.path]
        return self._predicted[run.path]

    def unread(self, run: Outcome) -> bool:
        """Whether what a run has said cannot be read."""
        return self._unread[run.path] if run.path in self._unread else not self.predicted(run)

    def units(self, run: Outcome, task: TaskKey | None = None) -> Combined | None:
        """The test units of a run's headline, or of one `task`; None where a score is undefined.

        A headline that is the target's is about the target's tasks alone, though others are scored.
        """
        key = (run.path, task)
        if key not in self._combined:
            found = self._units(run, task)
            if found is not None:
                found = self._last = _sharing(found, self._last)
            self._combined[key] = found
        return self._combined[key]

    def _units(self, run: Outcome, task: TaskKey | None) -> Combined | None:
        """As `units`, computed."""
        tasks, index = {}, {}
        for key, one in self.about(run, task).items():
            found = unit_values(one.task, one.metric, one.outputs, one.labels, one.folds)
            if found is None:
                return None
            tasks[key], index[key] = found, one.index
        return combined(tasks, index) if tasks else None

    def about(self, run: Outcome, task: TaskKey | None = None) -> dict[TaskKey, Predicted]:
        """What a run has said of the tasks that its headline is about, or of one task."""
        every = self.predicted(run)
        if task is not None:
            return {task: every[task]} if task in every else {}
        of_target = run.result["headline"]["name"].startswith(TARGET)
        return {key: one for key, one in every.items() if not of_target or one.role == "target"}

    def rarest(self, run: Outcome) -> int | None:
        """How many test examples the rarest class has, of all tasks that a run is about.

        None where none of them has classes.
        """
        counts: list[int] = []
        for one in self.about(run).values():
            if one.task.classes:
                labels = one.labels[known(one.labels)]
                counts += np.bincount(labels, minlength=len(one.task.classes)).tolist()
        return min(counts, default=None)

    def groups(self, run: Outcome, task: TaskKey | None = None) -> np.ndarray | None:
        """Of each unit of `units` which group it is in; None without groups."""
        units = self.units(run, task)
        if units is None:
            return None
        names = np.full(len(units.rows), -1, dtype=np.int64)
        for key, one in self.about(run, task).items():
            if one.groups is None:
                return None
            of_domain = np.flatnonzero(units.domain == units.domains.index(key.domain))
            places = np.searchsorted(units.rows[of_domain], one.index)
            places = np.minimum(places, len(of_domain) - 1)
            there = units.rows[of_domain][places] == one.index
            # apart from those of other domains
            numbers = one.groups * len(units.domains) + units.domains.index(key.domain)
            names[of_domain[places[there]]] = numbers[there]
        return names

    def score(self, runs: Sequence[Outcome]) -> Comparison | None:
        """The mean test score of some runs, one a seed; None where one of them is undefined."""
        metric = metric_of(runs[0].result["headline"]["name"])
        scores = [run.result["headline"]["test"] for run in runs]
        if metric is None or any(value is None for value in scores):
            return None
        upwards = metric.higher_is_better
        turned = [value if upwards else -value for value in scores]
        return self._comparison(runs, None, turned, None, upwards)

    def gain(
        self,
        ours: Mapping[int, Outcome],
        theirs: Mapping[int, Outcome],
        task: TaskKey | None = None,
    ) -> Comparison | None:
        """The gain of runs over others of the same seeds, of the headline or of one task.

        None without a seed in common, and where a score is undefined or has no better side.
        """
        seeds = [seed for seed in ours if seed in theirs]
        gains = []
        for seed in seeds:
            name, mine, other = _scores(ours[seed], theirs[seed], task)
            metric = metric_of(name)
            if metric is None or mine is None or other is None:
                return None
            gains.append(metric.gain(mine, other))
        if not gains:
            return None
        a, b = [ours[seed] for seed in seeds], [theirs[seed] for seed in seeds]
        return self._comparison(a, b, gains, task, True)

    def _comparison(
        self,
        a: Sequence[Outcome],
        b: Sequence[Outcome] | None,
        gains: Sequence[float],
        task: TaskKey | None,
        upwards: bool,
    ) -> Comparison:
        name, _, _ = _scores(a[0], a[0], task)
        units = [self.units(run, task) for run in (*a, *(b or ()))]
        known = [one for one in units if one is not None]
        if len(known) < len(units):  # without its predictions a run says nothing of examples
            pairs = Paired(np.asarray(gains), None)
        else:
            pairs = paired(known[: len(a)], known[len(a) :] if b else None, gains)
        groups = self.groups(a[0], task) if pairs.values is not None else None
        if groups is not None:
            pairs = clustered(pairs, groups)
        whole = len(known) == len(units)
        return Comparison(name, tuple(run.seed for run in a), pairs, upwards, whole)


def _sharing(found: Combined, other: Combined | None) -> Combined:
    """`found` with the arrays of `other` for its units, where these are the same.

    So that of many runs they are in memory once, and told to be the same at once.
    """
    if other is None or not found.units_as(other):
        return found
    return replace(found, **{name: getattr(other, name) for name in UNITS})


def _scores(
    one: Outcome, other: Outcome, task: TaskKey | None
) -> tuple[str, float | None, float | None]:
    """The metric or headline, and the scores of two runs."""
    if task is None:
        mine, theirs = one.result["headline"], other.result["headline"]
        return mine["name"], mine["test"], theirs["test"]
    name = one.result["headline"]["tasks"][str(task)]
    tested = (run.result["metrics"]["test"].get(str(task), {}) for run in (one, other))
    mine, theirs = (scores.get(name) for scores in tested)
    return name, mine, theirs
