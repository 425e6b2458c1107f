"""Data that are read once and remembered: what a plan needs of them, while nothing has changed.

A data set that names its files is remembered by its options and the seed. Its examples are read
again where a run is trained, and must then be those that the run was planned with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.errors import RunFailed
from tlrun.core.problem import Problem
from tlrun.core.unread import Read, described, plain, unread
from tlrun.data.base import Dataset
from tlrun.data.holdout import load
from tlrun.runs.identity import digest_of, node_of
from tlrun.runs.stage_key import data_fingerprint
from tlrun.store import problems
from tlrun.store.problems import State


@dataclass(frozen=True)
class Memory:
    """What can be remembered of the problem of `run`, read from files in the given states."""

    run: Run
    states: list[State]
    description: dict[str, Any]

    def keep(self) -> None:
        """Write it down, where that can be. Its files must be known to be as they were."""
        run, made_with = self.run, data_fingerprint(self.run)
        problems.remember(_home(run), _key(run), made_with, self.states, self.description)


class ProblemCache:
    """The problem of last: the arms of one seed share it, and it is read once for them all.

    reading: is told of every data set that a plan has read, before it is.
    """

    def __init__(self, reading: Callable[[Dataset], None] = lambda _: None) -> None:
        self._reading = reading
        self._key: tuple[Dataset, int] | None = None
        self._problem: Problem | None = None
        self._is_read = False
        self._files: tuple[Dataset, list[State] | None] | None = None  # of the last data set
        self._memories: list[Memory] = []

    def load(self, dataset: Dataset, seed: int) -> Problem:
        """The problem of a data set as `seed` draws it, its test set not opened yet.

        Raises UserError where the options ask for more than the data have.
        """
        if self._problem is None or self._key != (dataset, seed) or not self._is_read:
            self._problem, self._key = None, None  # the old one need not be kept meanwhile
            self._problem, self._key, self._is_read = load(dataset, seed), (dataset, seed), True
        return self._problem.unopened()

    def planned(self, run: Run) -> Problem:
        """The problem of `run` for a plan: remembered, or else read. Raises as `load` does."""
        key = run.dataset, run.seed
        if self._problem is None or self._key != key:
            self._problem, self._key = None, None
            states = self._states(run.dataset)
            problem = recalled(run, states, lambda: self.load(*key))
            is_read = problem is None
            if problem is None:
                self._reading(run.dataset)
                problem, memory = read(run, states)
                self._memories += [memory] if memory else []
            self._problem, self._key, self._is_read = problem, key, is_read
        return self._problem.unopened()

    def remember(self) -> None:
        """Write down what was read for plans, once these stand: a mistake writes nothing.

        Nothing of a data set is written of which a file has changed since before it was read.
        """
        last, unchanged = None, False
        for memory in self._memories:
            if memory.run.dataset != last:
                last = memory.run.dataset
                unchanged = memory.states == states_of(last)
            if unchanged:
                memory.keep()
        self._memories.clear()

    def _states(self, dataset: Dataset) -> list[State] | None:
        """The states of a data set's files before anything of it was recalled or read.

        All seeds share them: it may have thousands of files, and a sweep a hundred seeds.
        """
        if self._files is None or self._files[0] != dataset:
            self._files = dataset, states_of(dataset)
        return self._files[1]


def recalled(run: Run, states: list[State] | None, read: Read) -> Problem | None:
    """The problem of `run` as it is remembered; None where anything about it is in doubt.

    states: of the files of its data set. read: reads the same problem, where somebody asks for its
    examples.
    """
    if states is None:
        return None
    kept = problems.recall(_home(run), _key(run), data_fingerprint(run), states)
    if kept is None:
        return None

    def examples() -> Problem:
        problem = read()
        check_unchanged(run, known, problem)
        return problem

    try:
        remembered = unread(kept, examples)
        known = contents(remembered)
    except (KeyError, TypeError, ValueError):  # of another version
        return None
    return remembered


def read(run: Run, states: list[State] | None) -> tuple[Problem, Memory | None]:
    """The problem of `run`, read, and what can be remembered of it; None where it is in doubt.

    states: of the files of its data set, before they are read. That they are the same afterwards is
    for the caller to see. Raises UserError where the options ask for more than the data have.
    """
    problem = load(run.dataset, run.seed)
    if states is None or not problems.settled(states) or not plain(problem):
        return problem, None
    description = json.loads(json.dumps(described(problem)))
    if contents(unread(description, lambda: problem)) != contents(problem):
        return (
            problem,
            None,
        )  # JSON does not give back what was put in, such as a name that is no str
    return problem, Memory(run, states, description)


def contents(problem: Problem) -> str:
    """All that ids and keys know of a problem's data: every array, every name, every example."""
    return f"{problem.identity} {problem.examples}"


def check_unchanged(run: Run, planned: str, problem: Problem) -> None:
    """Raise RunFailed where a problem's `contents` are not those that `run` was planned with.

    What is remembered of them is forgotten.
    """
    if contents(problem) == planned:
        return
    problems.forget(_home(run), _key(run))
    name = name_of("dataset", run.dataset)
    raise RunFailed(
        f"dataset={name}: expected the data that the run was planned with, found others: they have "
        "changed since; give the same command again"
    )


def states_of(dataset: Dataset) -> list[State] | None:
    """The states of the files that a data set reads; None where it does not say which.

    A class that reads in a way of its own has to say so by itself: what its base class reads is
    then not all.
    """
    for cls in type(dataset).__mro__:
        if "files" in vars(cls):
            break
        if "load" in vars(cls):
            return None
    try:
        return problems.states_of(dataset.files())  # type: ignore[attr-defined]  # or it has none
    except Exception:  # noqa: BLE001  # a stranger's, and reading tells better what is wrong
        return None


def _home(run: Run) -> Path:
    return run.runs_folder


def _key(run: Run) -> str:
    """12 hexadecimal digits: of the class that reads, its options and the seed."""
    cls = type(run.dataset)
    node = node_of("dataset", run.dataset)
    return digest_of([cls.__module__, cls.__qualname__, node, run.seed])
