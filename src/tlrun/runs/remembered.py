"""Data that are read once and remembered: what a plan needs of them, while nothing has changed.

A data set that names its files is remembered by its options and the seed. Its examples are read
again where a run is trained, and must then be those that the run was planned with.
"""

from __future__ import annotations

from pathlib import Path

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.errors import RunFailed
from tlrun.core.problem import Problem
from tlrun.core.unread import Read, described, plain, unread
from tlrun.data.base import Dataset
from tlrun.runs.identity import digest_of, node_of
from tlrun.runs.stage_key import data_fingerprint
from tlrun.store import problems
from tlrun.store.problems import State


def recalled(run: Run, read: Read) -> Problem | None:
    """The problem of `run` as it is remembered; None where anything about it is in doubt.

    read: reads the same problem, where somebody asks for its examples.
    """
    states = _states(run.dataset)
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


def read_and_remember(run: Run) -> Problem:
    """The problem of `run`, read, and remembered where its files say that it can be.

    Raises UserError where the options ask for more than the data have.
    """
    before = _states(run.dataset)
    problem = run.dataset.load(run.seed)
    if before is None or before != _states(run.dataset):  # it has changed meanwhile
        return problem
    if problems.settled(before) and plain(problem):
        made_with = data_fingerprint(run)
        problems.remember(_home(run), _key(run), made_with, before, described(problem))
    return problem


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


def _states(dataset: Dataset) -> list[State] | None:
    """The states of the files that a data set reads; None where it does not say which."""
    try:
        return problems.states_of(dataset.files())  # type: ignore[attr-defined]  # or it has none
    except Exception:  # noqa: BLE001  # a stranger's, and reading tells better what is wrong
        return None


def _home(run: Run) -> Path:
    return Path(run.runs_dir).expanduser()


def _key(run: Run) -> str:
    """12 hexadecimal digits: of the class that reads, its options and the seed."""
    cls = type(run.dataset)
    node = node_of("dataset", run.dataset)
    return digest_of([cls.__module__, cls.__qualname__, node, run.seed])
