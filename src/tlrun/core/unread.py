"""A problem of which all that a plan needs is known, and whose examples are not read yet.

It is a `Problem` like another: whoever touches an array of it has the data read then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.task import Task

Read = Callable[[], Problem]  # the same problem, read


class UnreadDomain(Domain):
    """A domain whose examples are read where they are first asked for.

    Its digest, inputs and validated tasks are given, not computed.
    """

    _read: Read

    @cached_property
    def train(self) -> Split:
        """The training examples."""
        return self._read().domains[self.name].train

    @cached_property
    def val(self) -> Split | None:
        """The validation examples."""
        return self._read().domains[self.name].val


class UnreadTest(HeldOutTest):
    """Test examples that are read where they are opened."""

    def __init__(self, read: Read) -> None:
        super().__init__({})
        self._read = read

    def open(self) -> Mapping[str, Split]:
        """Read the test splits, hand them out, by domain, and count it."""
        self.opened += 1
        return self._read().test.open()

    def unopened(self) -> UnreadTest:
        """The same examples, not opened yet."""
        return UnreadTest(self._read)


def plain(problem: Problem) -> bool:
    """Whether nothing of a problem is lost in its description: no class or name of a stranger's."""
    if type(problem) is not Problem or type(problem.test) is not HeldOutTest:
        return False
    for key, domain in problem.domains.items():
        if type(domain) is not Domain or domain.name != key:
            return False
        if any(type(task) is not Task for task in domain.tasks):
            return False
    return all(map(plain, problem.folds))


def described(problem: Problem) -> dict[str, Any]:
    """All that `unread` makes a problem of, without an array, for JSON to hold."""
    domains = []
    for domain in problem.domains.values():
        tasks = [dataclasses.asdict(task) for task in domain.tasks]
        domains.append(
            {
                "name": domain.name,
                "role": domain.role,
                "tasks": tasks,
                "digest": domain.digest,
                "inputs": dataclasses.asdict(domain.inputs),
                "validated": list(domain.validated),
            }
        )
    return {
        "domains": domains,
        "digest": problem.digest,
        "examples": problem.examples,
        "report": problem.report,
        "folds": [described(fold) for fold in problem.folds],
    }


def unread(description: Mapping[str, Any], read: Read) -> Problem:
    """The problem that was `described` so. read: gives the same problem, its examples read.

    Raises KeyError, TypeError or ValueError for what no problem was described by.
    """
    domains: dict[str, Domain] = {}
    for each in description["domains"]:
        tasks = [Task(**{**task, "classes": tuple(task["classes"])}) for task in each["tasks"]]
        domain = UnreadDomain.__new__(UnreadDomain)
        # what a cached property holds, in the place where it holds it
        vars(domain).update(
            name=each["name"],
            role=each["role"],
            tasks=tuple(tasks),
            digest=each["digest"],
            inputs=InputSpec(**{**each["inputs"], "shape": tuple(each["inputs"]["shape"])}),
            validated=tuple(each["validated"]),
            _read=read,
        )
        domains[domain.name] = domain
    return Problem(
        domains,
        UnreadTest(read),
        description["digest"],
        description["report"],
        description["examples"],
        folds=tuple(
            unread(fold, partial(_fold_of, read, number))
            for number, fold in enumerate(description["folds"])
        ),
    )


def _fold_of(read: Read, number: int) -> Problem:
    """One fold of a problem that is read now."""
    return read().folds[number]
