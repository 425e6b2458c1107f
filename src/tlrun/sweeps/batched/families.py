"""The runs of a stack in families, each with what its product takes in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.problem import Problem, known
from tlrun.runs.pretrained import check_backbone
from tlrun.runs.remembered import ProblemCache, check_unchanged
from tlrun.runs.run_record import reason_of
from tlrun.sweeps.batched.eligible import family_key
from tlrun.sweeps.batched.memory import MOST, need_of
from tlrun.sweeps.executors.base import Job

if TYPE_CHECKING:
    from tlrun.sweeps.batched.opened import Opened


@dataclass
class JobFamily:
    """Jobs whose runs see the same features in the same order.

    problem: as their seed draws it; None where it could not be read. bytes: what they take in a
    stack. refusal: why they cannot be trained on their data; empty where they can. stacks: whether
    they can be trained as a product. opened: what they start from, once it is there. seconds: that
    it took to open them, without the training of earlier stages.
    """

    jobs: Sequence[Job]
    problem: Problem | None
    bytes: int = 0
    refusal: str = ""
    stacks: bool = True
    opened: Opened | None = None
    seconds: float = 0.0

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
        try:
            problem = problems.load(plan.run.dataset, plan.run.seed)
            check_unchanged(plan.run, plan.data, problem)
            check_backbone(plan, problem)
        except Exception as error:  # noqa: BLE001  # a data set of a stranger's raises what it likes
            yield JobFamily(alike, None, refusal=reason_of(error))
            continue
        need = need_of(plan, problem)
        parts = need.parts(alike) if _labelled(alike, problem) else []
        if not parts:
            yield JobFamily(alike, problem, stacks=False)
        for part in parts:
            yield JobFamily(part, problem, need.of(len(part)))


def _labelled(jobs: Sequence[Job], problem: Problem) -> bool:
    """Whether every head is reached by labels: one that is not stays as it is, even under decay."""
    for name in jobs[0].plan.stages[-1].stage.domains:
        domain = problem.domains[name]
        if not all(known(domain.train.labels[task.name]).any() for task in domain.tasks):
            return False
    return True


def _validated(family: JobFamily) -> tuple[bool, ...]:
    """Which of the domains that are drawn have validation examples."""
    assert family.problem is not None
    drawn = family.jobs[0].plan.stages[-1].stage.domains
    return tuple(family.problem.domains[name].val is not None for name in drawn)
