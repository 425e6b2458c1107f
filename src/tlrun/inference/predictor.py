"""What was trained, asked for new rows: load(folder).predict(rows), from the folder alone.

Shapes: N rows, k classes of a task.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.paths import own_path
from tlrun.core.task import Task, TaskKey
from tlrun.inference.combined import Part, combined
from tlrun.inference.member import Member, members_of
from tlrun.inference.rows import Memo, NewRows, Tell, counted, noted, refused, silent
from tlrun.inference.stack import parts_of
from tlrun.store.delivered import DELIVERED
from tlrun.training.evaluation import Watch


@dataclass(frozen=True)
class Answers:
    """What is said of N rows about one task.

    values: the probability of each class, float64 [N, k], or numbers in their unit, float64 [N].
    """

    task: Task
    values: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The most likely class by name, object [N], or the numbers."""
        if not self.task.classes:
            return self.values
        names = np.array(self.task.classes, dtype=object)
        found: np.ndarray = names[self.values.argmax(axis=1)]
        return found


class Predictor:
    """A finished run, or a delivered stack of several, that answers new rows; made by `load`.

    path: its folder. parts: which models answer each task. about: the domains it is for.

    New rows are what the run has learnt from, without their labels: of a table a data frame of
    pandas, a table of pyarrow, a dict of columns or the path of a file; of texts a list of them, or
    a table; of images paths, a folder or uint8 arrays; of anything else arrays. What of them is not
    as it was in training is told as a UserWarning, or refused as a UserError; so is told a run that
    has diverged or is inexact.
    """

    def __init__(
        self, path: Path, parts: Mapping[TaskKey, Sequence[Part]], about: Sequence[str]
    ) -> None:
        self.path, self._parts, self._about = path, dict(parts), tuple(about)
        self._tasks = {key: of[0].member.tasks[key] for key, of in self._parts.items()}

    def __repr__(self) -> str:
        return f"Predictor({str(self.path)!r}, tasks={', '.join(self.tasks)})"

    @property
    def tasks(self) -> tuple[str, ...]:
        """What it answers, each as "domain/task"."""
        return tuple(map(str, self._parts))

    @property
    def classes(self) -> Any:
        """The names of the classes, object [k], in the order of `predict_proba`.

        None where the task is one of numbers; of several tasks, a dict by the name of each.
        """
        found: dict[str, np.ndarray | None] = {}
        for task in self._tasks.values():
            found[task.name] = np.array(task.classes, dtype=object) if task.classes else None
        return next(iter(found.values())) if len(found) == 1 else found

    def predict(self, new: Any, domain: str | None = None, task: str | None = None) -> Any:
        """The class of every row by name, object [N], or its number in the task's unit, float [N].

        new: the rows. domain: which domain they are of; None: the target, the only one, or what
        the rows say themselves in their domain column. task: which is asked; None: the only one, or
        of several a dict of answers by the name of each. Raises UserError where rows, domain or
        task are none that can be answered.
        """
        found = self._told(*self.answers(new, domain, task))
        return _alone({name: each.predicted for name, each in found.items()})

    def predict_proba(self, new: Any, domain: str | None = None, task: str | None = None) -> Any:
        """The probability of every class, float64 [N, k], in the order of `classes`.

        new, domain, task: as of `predict`. Raises UserError for a task of numbers too.
        """
        found = self._told(*self.answers(new, domain, task))
        for name, each in found.items():
            if not each.task.classes:
                expected = "a task of classes"
                hint = "predict gives its numbers"
                raise UserError(Mistake("task", expected, f"{name}, of numbers", hint))
        return _alone({name: each.values for name, each in found.items()})

    def of_domain(self, domain: str | None) -> tuple[str, dict[TaskKey, Sequence[Part]]]:
        """A domain, and which models answer each of its tasks. domain: as of `predict`.

        Raises UserError where it is none, or None and there are several.
        """
        self._check_domain(domain)
        if domain is None:
            answered = [name for name in self._about if any(name == k.domain for k in self._parts)]
            if len(answered) != 1:
                hint = f"choose one: {', '.join(answered)}"
                raise UserError(Mistake("domain", "one domain", f"{len(answered)}", hint))
            (domain,) = answered
        return domain, {key: of for key, of in self._parts.items() if key.domain == domain}

    def answers(
        self, new: Any, domain: str | None = None, task: str | None = None, watch: Watch = iter
    ) -> tuple[dict[str, Answers], NewRows]:
        """All that is said of new rows, by the name of the task, and how they were read.

        new, domain, task: as of `predict`. watch: is handed the parts that are computed. The lines
        that are told of the rows stand in `told` of what is returned second.
        """
        if task is not None and "/" in task:
            domain, _, task = task.partition("/")
        self._check_domain(domain)
        memo: Memo = {}
        read = {member: member.read(new, memo) for member in self._members(domain, task)}
        first = next(iter(read.values()))
        of_rows, told = self._domains(first, domain)
        places = {name: np.flatnonzero(of_rows == name) for name in dict.fromkeys(of_rows)}
        found: dict[str, Answers] = {}
        for name in self._asked(tuple(places), task):
            values: np.ndarray | None = None
            for where, rows in places.items():
                said = self._said(TaskKey(where, name), read, rows, watch)
                if values is None:
                    values = np.empty((len(first), *said.shape[1:]))
                values[rows] = said
            assert values is not None  # there is at least one row
            found[name] = Answers(self._tasks[TaskKey(next(iter(places)), name)], values)
        spoilt = dict.fromkeys(line for member in read for line in member.spoilt)
        lines = (*spoilt, *noted([each.told for each in read.values()]), *told)
        return found, replace(first, told=lines)

    def _members(self, domain: str | None, task: str | None) -> list[Member]:
        """The models that may be asked, each once; all where domain and task name none."""
        asked = [
            key for key in self._parts if domain in (None, key.domain) and task in (None, key.task)
        ]
        of = [part.member for key in asked or self._parts for part in self._parts[key]]
        return list(dict.fromkeys(of))

    def _said(
        self, key: TaskKey, read: Mapping[Member, NewRows], rows: np.ndarray, watch: Watch
    ) -> np.ndarray:
        """What the models of a task say together of some rows, as each has read them."""

        def outputs(member: Member) -> np.ndarray:
            return member.outputs(key, read[member].select(rows), watch)

        return combined(self._tasks[key], self._parts[key], outputs)

    def _check_domain(self, domain: str | None) -> None:
        there = list(dict.fromkeys(key.domain for key in self._parts))
        if domain is not None and domain not in there:
            hint = nearest(domain, there)
            raise UserError(Mistake("domain", found=f"{domain} is none", hint=hint))

    def _domains(self, rows: NewRows, domain: str | None) -> tuple[np.ndarray, list[str]]:
        """The domain that answers each row, [N], and what is told of it. Raises UserError."""
        answered = list(dict.fromkeys(key.domain for key in self._parts))
        there = [name for name in self._about if name in answered] or answered
        if domain is None and len(there) == 1:
            (domain,) = there
        if domain is not None:
            other = 0 if rows.domains is None else int((rows.domains != domain).sum())
            said = f"{rows.column}: {counted(other)} of another domain, answered as {domain}"
            return np.full(len(rows), domain, dtype=object), [said] if other else []
        if rows.domains is None:
            hint = f"choose one: {', '.join(there)}"
            raise UserError(Mistake("domain", "the domain of the new rows", "none", hint))
        unknown = ~np.isin(rows.domains.astype(str), there)
        if unknown.any():
            found = f"another in row {int(unknown.argmax()) + 1}"
            expected = f"a domain in every row of column {rows.column}"
            raise refused(expected, found, f"one of: {', '.join(there)}")
        return rows.domains, []

    def _asked(self, domains: Sequence[str], task: str | None) -> list[str]:
        """The names of the tasks that are asked for. Raises UserError for one that is none."""
        of_all = [
            name
            for name in dict.fromkeys(key.task for key in self._parts)
            if all(TaskKey(domain, name) in self._parts for domain in domains)
        ]
        if task is None and of_all:
            return of_all
        if task not in of_all:
            found = "none of all domains" if task is None else f"{task} is none"
            raise UserError(Mistake("task", found=found, hint=nearest(task or "", of_all)))
        return [task]

    def _told(self, found: dict[str, Answers], rows: NewRows) -> dict[str, Answers]:
        """Warn of what there is to tell."""
        for line in rows.told:
            warnings.warn(line, UserWarning, stacklevel=3)
        return found


def load(path: str | Path, tell: Tell = silent) -> Predictor:
    """What was trained in the folder `path`, ready to answer: a finished run, or a delivered stack.

    tell: is told how far a long reading of new rows has come. Every file that decides an answer is
    proved by its digest first; nothing in them is executed. A run in folds is answered by the mean
    of its folds' models. Raises UserError, in one line, where there is nothing that answers.
    """
    folder = own_path(path, "load", "a folder").absolute()
    if (folder / DELIVERED).is_file():
        return Predictor(folder, *parts_of(folder, tell))
    members = members_of(folder, tell)
    parts = {}
    for key in members[0].tasks:
        of = [member for member in members if key in member.tasks]
        parts[key] = [Part(member, 1 / len(of)) for member in of]
    return Predictor(folder, parts, members[0].about)


def _alone(found: dict[str, Any]) -> Any:
    """The only answer, or all by name."""
    return next(iter(found.values())) if len(found) == 1 else found
