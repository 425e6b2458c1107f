"""Control: each task alone; what learning together adds is added to this.

    min_{φ_i,w_i} L_i(φ_i, w_i)   for every task i

Each task has a φ_i and a w_i of its own, all φ_i from the same weights, random or
a backbone's pretrained ones. All are trained in
one stage, side by side, on Σ L_i: the tasks share no parameter, so under SGD, Adam and AdamW, which
treat every parameter by itself, each is trained as if it were alone. Every task has the steps that
it has in a multi-task stage, and reads the same batches. (A φ that draws random numbers as it
trains, as models of torchvision with dropout do, draws others than alone.) With
trainer.select=best every task keeps its weights of the step that was best for it.

With train=head every φ_i stays what all start from, so there is one, and features are computed once
for all tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from tlrun.core.objective import Lam, Objective, Schedule, Steps, added
from tlrun.core.problem import Problem, Role
from tlrun.models.backbone import Backbone, TrainedPart
from tlrun.strategies.base import Controls, Stage, Strategy
from tlrun.strategies.checks import held_at_random
from tlrun.strategies.estimator_controls import estimator_controls
from tlrun.strategies.schedules import Constant
from tlrun.strategies.terms.parameters import loss_terms

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class SingleTask(Strategy):
    """A φ and a head for every task.

    budget: `stage`, the steps of one multi-task stage; `total`, those of both stages of
        `transfer=born_again`.
    train: what of each φ_i is trained beside the head; the rest stays as it starts, in eval mode.
    """

    budget: Literal["stage", "total"] = "stage"
    train: TrainedPart = "all"
    ignores: ClassVar[frozenset[str]] = frozenset({"lam"})
    needs: ClassVar[tuple[Role, ...]] = ()
    of_losses: ClassVar[bool] = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """One stage, in which every task is learnt by itself."""
        budget = steps if self.budget == "stage" else 2 * steps
        return (single_stage(problem, budget, self.train),)

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """That what is held fixed is random, where it is."""
        return held_at_random(self.train, backbone)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """Σ L_i of one step, with each L_i as a term."""
        total = added(steps.losses().values())  # Σ L_i, no two with a parameter in common
        return Objective(total, loss_terms(steps))

    def controls(self, problem: Problem) -> Controls:
        """Those from outside, for it is a control itself."""
        return estimator_controls(problem)


def single_stage(problem: Problem, steps: int, train: TrainedPart = "all") -> Stage:
    """The stage min L_i for every task of `problem` by itself, of `steps` updates.

    It is trained once for all runs that start from it. train: what of each φ_i beside the head.
    """
    everything = tuple(problem.domains)
    return Stage(
        "single tasks",
        everything,
        steps,
        lam=Constant(0.0),
        by=SingleTask(train=train),
        shared=True,
        # towers of a φ that stays as it is would be copies of it
        task_specific="heads" if train == "head" else "towers",
        trained_for="all tasks",
        trained=train,
        pretrained=True,
        selected="each task",
    )
