"""Shared parameters: one φ for all tasks, a head w_i for each (hard parameter sharing).

    min_{φ,w} Σ_i a_i L_i(φ, w_i),   a_i = 1 unless `weights` says otherwise

L_i is the mean loss per labelled example of task i. A step draws a batch of every domain; the tasks
of one domain share its pass through φ, and an example without a label for a task costs that task
nothing.

With train=head and a head for each task nothing is shared that is trained: that is `single_task`,
and it is chosen among steps as that is, each task for itself.

Caruana, "Multitask learning" (Machine Learning 28, 1997). The plain sum is the baseline that
weighing schemes have to beat (Kurin et al., "In defense of the unitary scalarization for deep
multi-task learning", NeurIPS 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Schedule, Steps, added
from tlrun.core.options import Range
from tlrun.core.problem import Problem, Role
from tlrun.core.task import short_names
from tlrun.models.backbone import Backbone, TrainedPart
from tlrun.strategies.base import Control, Controls, Stage, Strategy
from tlrun.strategies.checks import held_at_random, several
from tlrun.strategies.estimator_controls import estimator_controls
from tlrun.strategies.schedules import Constant
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.terms.parameters import loss_terms, tasks_of

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class SharedParameters(Strategy):
    """One φ for all tasks.

    weights: a_i, in the order of the tasks; None: 1 each.
    heads: `own`, one for each task of each domain; `shared`, one for each label space, so that
        domains with one label space are pooled.
    budget: `stage`, the steps of one stage; `total`, those of both stages of `transfer=born_again`.
    train: what of φ is trained beside the heads; the rest stays as it starts, in eval mode.

    Raises UserError where all weights are 0.
    """

    weights: tuple[Annotated[float, Range(0.0, 1e6)], ...] | None = None
    heads: Literal["own", "shared"] = "own"
    budget: Literal["stage", "total"] = "stage"
    train: TrainedPart = "all"
    ignores: ClassVar[frozenset[str]] = frozenset({"lam"})
    needs: ClassVar[tuple[Role, ...]] = ()
    of_losses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.weights is not None and not any(self.weights):
            raise UserError(
                Mistake(
                    "strategy.weights",
                    expected="one above 0",
                    found=", ".join(f"{a:g}" for a in self.weights),
                )
            )

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError where there is one task, or not one weight a task."""
        tasks = several(problem, "shared_parameters")
        if self.weights is not None and len(self.weights) != len(tasks):
            raise UserError(
                Mistake(
                    "strategy.weights",
                    expected=f"{len(tasks)} numbers ({', '.join(short_names(tasks).values())})",
                    found=f"{len(self.weights)}",
                )
            )
        budget = steps if self.budget == "stage" else 2 * steps
        own: Literal["heads", "nothing"] = "heads" if self.heads == "own" else "nothing"
        return (
            Stage(
                "tasks",
                tuple(problem.domains),
                budget,
                lam=Constant(0.0),
                task_specific=own,
                trained=self.train,
                trained_for="all tasks",
                pretrained=True,
                selected="each task" if self._apart else "together",
            ),
        )

    @property
    def _apart(self) -> bool:
        """Whether no two tasks share what is trained."""
        return self.train == "head" and self.heads == "own"

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """That what is held fixed is random, and that nothing is shared, where it is so."""
        told = held_at_random(self.train, backbone)
        if not self._apart:
            return told
        weighed = "" if self.weights is None else ", each loss weighed"
        apart = "strategy.train=head with heads=own: the tasks share nothing that is trained, so "
        return (*told, f"{apart}this is single_task{weighed}; strategy.heads=shared shares heads")

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """Σ a_i L_i of one step, with each L_i as a term."""
        L = steps.losses()
        if self.weights is None:
            return Objective(added(L.values()), loss_terms(steps))  # every a_i is 1
        a = dict(zip(tasks_of(steps), self.weights, strict=True))
        return Objective(added(a[key] * loss for key, loss in L.items()), loss_terms(steps))

    def controls(self, problem: Problem) -> Controls:
        """Each task alone, at the same budget, unless that is what it is; those from outside."""
        outside = estimator_controls(problem)
        if self._apart and self.weights is None:
            return outside
        return {"single_task": Control(SingleTask(self.budget, self.train)), **outside}
