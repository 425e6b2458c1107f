"""What a stack takes in memory, told before anything of it is computed."""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.core.problem import Problem, Split
from tlrun.models.backbone import width
from tlrun.runs.plan import Plan
from tlrun.sweeps.executors.base import Job
from tlrun.training.stacked.layout import padded

MOST = 2**30  # bytes of one stack; what is more is trained after it, or one run after another
# Tensors of the shape of a weight: itself, its gradient, two moments, what is on the way, the best.
COPIES = 6


def shared_bytes(plan: Plan, problem: Problem) -> int:
    """What runs of one family share: features z [n, D], and inputs that are held in memory.

    n: of the training examples those that are drawn, which are no more than the stage draws.
    """
    stage, d = plan.stages[-1].stage, padded(width(plan.run.backbone, problem.inputs))
    total = sum(_size(split) for domain in problem.domains.values() for split in domain.bought)
    for name in stage.domains:
        domain = problem.domains[name]
        examples = min(len(domain.train), stage.steps * plan.run.trainer.batch_size)
        examples += 0 if domain.val is None else len(domain.val)
        total += 4 * d * examples
    return total


def own_bytes(plan: Plan, problem: Problem) -> int:
    """What a run adds to it: its heads, and what an update needs beside them."""
    stage, d = plan.stages[-1].stage, padded(width(plan.run.backbone, problem.inputs))
    drawn = [problem.domains[name] for name in stage.domains]
    if stage.task_specific == "nothing":  # one head a label space
        outputs = {task.name: task.outputs for domain in drawn for task in domain.tasks}
        rows = sum(outputs.values())
    else:
        rows = sum(task.outputs for domain in drawn for task in domain.tasks)
    return 4 * COPIES * rows * d


def parts_that_fit(own: int, shared: int, runs: Sequence[Job]) -> list[Sequence[Job]]:
    """The runs of a family in as few parts as MOST bytes allow; none where not even one fits.

    own, shared: bytes that a run adds, and that all of them share.
    """
    room = (MOST - shared) // own
    if room < 1:
        return []
    return [runs[start : start + room] for start in range(0, len(runs), room)]


def _size(split: Split) -> int:
    """Bytes of the inputs of a split that are in memory, not in a file."""
    return int(getattr(split.inputs, "nbytes", 0))
