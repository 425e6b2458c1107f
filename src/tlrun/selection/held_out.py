"""What every arm says of the labels that it was not shown: its runs with a part held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlrun.config.build import Run
from tlrun.core.errors import SMALLER_LR, RunFailed
from tlrun.core.problem import known
from tlrun.core.task import TaskKey
from tlrun.report.study.predictions import Predicted, predictions_of
from tlrun.runs.outcome import Outcome
from tlrun.runs.screen import Screen
from tlrun.selection.arms import Arms
from tlrun.sweeps.executors.base import Executor
from tlrun.sweeps.launch import Watch, launch


@dataclass(frozen=True)
class HeldOut:
    """What A arms say of one task, of n rows, each by a model that was not trained on the row.

    outputs: of each arm, float64 [n, k]. labels: [n], all present. index: int64 [n], rows of the
    data set. fold: int64 [n], in which part each was held out.
    """

    outputs: tuple[np.ndarray, ...]
    labels: np.ndarray
    index: np.ndarray
    fold: np.ndarray

    def select(self, rows: np.ndarray) -> HeldOut:
        """Some of the rows: positions, or bool [n]."""
        outputs = tuple(each[rows] for each in self.outputs)
        return HeldOut(outputs, self.labels[rows], self.index[rows], self.fold[rows])


def fold_runs(arms: Arms, folds: int) -> list[Run]:
    """The runs that leave out each part in turn, arm by arm; without controls of their own."""
    every = []
    for arm in arms.every:
        for fold in range(1, folds + 1):
            dataset = replace(arm.config.dataset, holdout_fold=f"{fold}/{folds}")  # type: ignore[type-var]  # a dataclass, as every data set
            every.append(replace(arm.config, dataset=dataset, reuse="same"))
    return every


def carry_out(
    arms: Arms, folds: int, executor: Executor, screen: Screen, watch: Watch
) -> dict[TaskKey, HeldOut]:
    """Train what is missing of these runs, and read what they say of what they held out, by task.

    They are ordinary runs, below <runs_dir>/.folds, found again by the next command. Raises
    UserError where a part cannot be held out, RunFailed where a run fails, and SweepStopped where a
    signal ends it.
    """
    wanted = fold_runs(arms, folds)
    done = launch(wanted, [()] * len(wanted), executor, screen, watch, asked=None)
    if done.failures:
        first = done.failures[0]
        reason = f"{len(done.failures)} runs with labels held out failed; the first: {first.reason}"
        raise RunFailed(reason, first.path)
    outcomes = [of_job[0] for of_job in done.outcomes]
    of_arms = [outcomes[place : place + folds] for place in range(0, len(outcomes), folds)]
    return joined(arms, of_arms)


def joined(arms: Arms, outcomes: Sequence[Sequence[Outcome]]) -> dict[TaskKey, HeldOut]:
    """What the arms say of every row, by task. outcomes: of each arm, a run for each part.

    Raises RunFailed where two arms have not held out the same rows, or where the arm that the prior
    stands on has diverged on a part.
    """
    for outcome in outcomes[arms.safe]:
        if outcome.diverged:
            name = arms.every[arms.safe].name
            why = f"{name} diverged with a part of its labels; {SMALLER_LR}"
            raise RunFailed(why, outcome.path)
    said: dict[TaskKey, list[HeldOut]] = {key: [] for key in arms.tasks}
    for of_arm in outcomes:
        parts = [predictions_of(outcome) for outcome in of_arm]
        for key in arms.tasks:
            said[key].append(_of_arm([part[key] for part in parts]))
    found: dict[TaskKey, HeldOut] = {}
    for key, every in said.items():
        first = every[0]
        if not all(np.array_equal(first.index, other.index) for other in every):
            raise RunFailed(f"{key}: expected the same rows held out of every arm", None)
        outputs = tuple(each.outputs[0] for each in every)
        whole = replace(first, outputs=outputs)
        found[key] = whole.select(known(whole.labels))
    return found


def _of_arm(parts: Sequence[Predicted]) -> HeldOut:
    """One arm's answers, in the order of the rows."""
    index = np.concatenate([part.index for part in parts])
    order = np.argsort(index, kind="stable")
    fold = np.repeat(np.arange(len(parts)), [len(part.index) for part in parts])
    outputs = np.concatenate([part.outputs for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    return HeldOut((outputs[order],), labels[order], index[order], fold[order])
