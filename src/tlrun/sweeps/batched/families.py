"""The runs of a stack in families, each with what its product takes in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.errors import TlrunError
from tlrun.core.problem import Problem, known
from tlrun.runs.pretrained import check_backbone
from tlrun.runs.remembered import ProblemCache, check_unchanged
from tlrun.sweeps.batched.eligible import family_key
from tlrun.sweeps.batched.memory import MOST, own_bytes, parts_that_fit, shared_bytes
from tlrun.sweeps.executors.base import Job

if TYPE_CHECKING:
    from tlrun.sweeps.batched.opened import Opened


@dataclass
class JobFamily:
    """Jobs whose runs see the same features in the same order.

    problem: as their seed draws it. bytes: what they take in a stack. refusal: why they cannot be
    trained on their data; empty where they can. stacks: whether they can be trained as a product.
    opened: what they start from, once it is there.
    """

    jobs: Sequence[Job]
    problem: Problem
    bytes: int = 0
    refusal: str = ""
    stacks: bool = True
    opened: Opened | None = None

    def fits(self, others: Sequence[JobFamily]) -> bool:
        """Whether it can stand in one stack with others."""
        alike = all(_validated(self) == _validated(other) for other in others)
        return alike and self.bytes + sum(other.bytes for other in others) <= MOST


def families_of(jobs: Sequence[Job], problems: ProblemCache) -> Iterator[JobFamily]:
    """The families of jobs, one after another: the data of each are read when it is asked for."""
    by_key: dict[str, list[Job]] = {}
    for job in jobs:
        by_key.setdefault(family_key(job.plan), []).append(job)
    for alike in by_key.values():
        plan = alike[0].plan
        problem = problems.load(plan.run.dataset, plan.run.seed)
        try:
            check_unchanged(plan.run, plan.data, problem)
            check_backbone(plan, problem)
        except TlrunError as error:
            yield JobFamily(alike, problem, refusal=str(error))
            continue
        shared, own = shared_bytes(plan, problem), own_bytes(plan, problem)
        parts = parts_that_fit(own, shared, alike)
        if not parts or not _labelled(alike, problem):
            yield JobFamily(alike, problem, stacks=False)
        for part in parts if _labelled(alike, problem) else ():
            yield JobFamily(part, problem, shared + own * len(part))


def _labelled(jobs: Sequence[Job], problem: Problem) -> bool:
    """Whether every head is reached by labels: one that is not stays as it is, even under decay."""
    for name in jobs[0].plan.stages[-1].stage.domains:
        domain = problem.domains[name]
        if not all(known(domain.train.labels[task.name]).any() for task in domain.tasks):
            return False
    return True


def _validated(family: JobFamily) -> tuple[bool, ...]:
    """Which of the domains that are drawn have validation examples."""
    drawn = family.jobs[0].plan.stages[-1].stage.domains
    return tuple(family.problem.domains[name].val is not None for name in drawn)
