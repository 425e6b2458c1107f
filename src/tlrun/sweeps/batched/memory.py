"""What a stack takes in memory, told before anything of it is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlrun.core.problem import Problem, Split
from tlrun.models.backbone import width
from tlrun.runs.plan import Plan
from tlrun.sweeps.executors.base import Job
from tlrun.training.stacked.layout import padded, slots_of

MOST = 2**30  # bytes of one stack; what is more is trained after it, or one run after another
# Tensors of the shape of a weight: itself, its gradient, two moments, what is on the way, the best;
# and of the shape of the outputs of a step or of a split: themselves, and two on the way.
OF_WEIGHTS, OF_OUTPUTS = 6, 3


@dataclass(frozen=True)
class Need:
    """What a family takes, in bytes.

    shared: whatever the number of its runs: features z [n, D], inputs that are held in memory, and
    what one tile says of validation examples. tile: for every tile of `slots` runs, or fewer.
    """

    shared: int
    tile: int
    slots: int

    def of(self, runs: int) -> int:
        """Of so many runs."""
        return self.shared + self.tile * -(-runs // self.slots)

    def parts(self, runs: Sequence[Job]) -> list[Sequence[Job]]:
        """Runs in as few parts as MOST bytes allow; none where not even one tile fits."""
        room = (MOST - self.shared) // self.tile * self.slots
        if room < 1:
            return []
        return [runs[start : start + room] for start in range(0, len(runs), room)]


def need_of(plan: Plan, problem: Problem) -> Need:
    """What a family takes, of which `plan` is a run.

    Of the training examples those that are drawn count, no more than the stage draws.
    """
    stage, batch = plan.stages[-1].stage, plan.run.trainer.batch_size
    d = padded(width(plan.run.backbone, problem.inputs))
    drawn = [problem.domains[name] for name in stage.domains]
    outputs = [task.outputs for domain in drawn for task in domain.tasks]
    heads = outputs
    if stage.task_specific == "nothing":  # one a label space
        heads = [task.outputs for task in {t.name: t for x in drawn for t in x.tasks}.values()]
    slots = slots_of(max(outputs))
    shared = sum(_size(split) for domain in problem.domains.values() for split in domain.bought)
    for domain in drawn:
        shared += 4 * d * min(len(domain.train), stage.steps * batch)
        if domain.val is not None:
            said = slots * max(outputs) * OF_OUTPUTS
            shared += 4 * (d + said) * len(domain.val)
    tile = slots * (d * OF_WEIGHTS * sum(heads) + batch * OF_OUTPUTS * sum(outputs))
    return Need(shared, 4 * tile, slots)


def _size(split: Split) -> int:
    """Bytes of the inputs of a split that are in memory, not in a file."""
    return int(getattr(split.inputs, "nbytes", 0))
