"""Inter-task transfer: tasks teach one another, by a term T that says who learns what from whom.

    min_{φ,w} Σ_i L_i(φ, w_i) + λ T(w)

λ=0 is `shared_parameters`, or with scope=towers, and the last step's weights, `single_task`; for
born_again, whose batches go on where its first stage stopped, the same on later batches. The option
`transfer` chooses T; the functions are in `terms.penalties` and `terms.distillation`. sg(·) is
without gradient.

asymmetric    min over B too, B ≥ 0 and B_tt = 0:

                  Σ_t (1 + μ Σ_s B_st) L_t + λ ‖W̃ - W̃Bᵀ‖²_F

              B_ts is the weight with which s teaches t, learnt by projected gradient
              (`next_teachers`) and reported; W̃ as in `task_relation`. A task that teaches counts
              for more (μ, `mu`), so one with a large loss is a dear teacher. AMTL (Lee, Yang and
              Hwang, "Asymmetric multi-task learning based on task relatedness and loss", ICML
              2016), in the form of the public implementation shgo/gamtl. Differs from it: λ for its
              λ/2, a shared φ, and `one_way`: no gradient through the teachers, and Σ_s B_ts ≤ 1.
              At B = 0 the term is ‖W̃‖²: where no task can teach another it only shrinks. Its
              control ridge is T times as strong at the same λ: compare the two at the best λ of
              each.
distillation  What the heads of the other tasks s of t's label space say on the inputs of t:

                  T = Σ_t mean_{s≠t} KL(sg(p_s) ‖ p_t)

              With distil=features, for towers of any label spaces and with learnt A_ts:

                  T = Σ_t mean_{s≠t} ‖A_ts z_t/‖A_ts z_t‖ - sg(z_s)/‖z_s‖‖²

              which is the feature term of Li and Bilen, "Knowledge distillation for multi-task
              learning" (ECCV workshops 2020). Differs from it: the teachers are the other tasks
              while they learn, not finished single-task networks.
born_again    The teacher of each task is its own single-task model, which a stage before trained:

                  T = Σ_t KL(sg(p_t^single) ‖ p_t)

              Clark et al., "BAM! Born-again multi-task networks" (ACL 2019). Differs from the
              paper: λ weighs the term beside the whole L_t, so a teacher fades with lam=linear
              lam.start=1 lam.value=0, from 1:1 to the labels alone; theirs starts with the teacher
              alone.

KL between predictions is that of the softmax, of the two answers of a binary task, and the squared
difference for a number (two normal distributions of variance 1/2), as its loss is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Relation, Schedule, Steps, added
from tlrun.core.options import Range
from tlrun.core.problem import Problem, Role
from tlrun.core.task import Task, TaskKey, short_names
from tlrun.models.backbone import Backbone, TrainedPart
from tlrun.strategies.base import Control, Controls, Stage, Strategy
from tlrun.strategies.checks import (
    describe_tasks,
    finite,
    held_at_random,
    one_shape,
    refuse_equal_towers,
    require_learning_towers,
    several,
)
from tlrun.strategies.controls import multitask_controls, unrelated
from tlrun.strategies.single_task import single_stage
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.terms.parameters import loss_terms, side_by_side

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model


MU = 0.1  # μ where nothing is said


@dataclass(frozen=True)
class TaskTransfer(Strategy):
    """One φ, or one a task, and a term by which tasks teach one another.

    transfer: T. scope: one φ with a head a task (`heads`), or a φ and a head a task (`towers`).
    mu: μ of asymmetric, the price of teaching; None: 0.1. one_way: of asymmetric, teachers learn
        nothing from their pupils. distil: what distillation compares.
    train: what of φ is trained beside the heads, a teacher's too; the rest stays as it starts, in
        eval mode.

    Raises UserError for an option that the chosen transfer does not have, and for towers of which
    nothing is trained.
    """

    transfer: Literal["asymmetric", "distillation", "born_again"] = "asymmetric"
    scope: Literal["heads", "towers"] = "heads"
    mu: Annotated[float, Range(0.0, 1e6)] | None = None
    one_way: bool = False
    distil: Literal["outputs", "features"] = "outputs"
    train: TrainedPart = "all"
    needs: ClassVar[tuple[Role, ...]] = ()
    acts: ClassVar[Acts] = {
        "mu": Where("transfer", "asymmetric"),
        "one_way": Where("transfer", "asymmetric"),
        "distil": Where("transfer", "distillation"),
    }

    def __post_init__(self) -> None:
        if self.transfer == "asymmetric" and self.mu is None:
            object.__setattr__(self, "mu", MU)  # one run for both spellings
        refuse_equal_towers(self.scope, self.train)
        chosen = f"transfer={self.transfer}"
        if self.transfer != "asymmetric" and self.mu is not None:
            raise UserError(Mistake("strategy.mu", f"null with {chosen}", f"{self.mu:g}"))
        if self.transfer != "asymmetric" and self.one_way:
            raise UserError(Mistake("strategy.one_way", f"false with {chosen}", "true"))
        if self.distil == "features" and (self.transfer, self.scope) != ("distillation", "towers"):
            expected = "transfer=distillation and scope=towers for distil=features (on one φ "
            expected += "all features are equal)"
            found = f"{chosen} and scope={self.scope}"
            raise UserError(Mistake("strategy.distil", expected, found))

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """That what is held fixed is random. Raises UserError where a tower would be a head."""
        require_learning_towers(self.scope, backbone)
        return held_at_random(self.train, backbone)

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError where the tasks have nothing to teach each other in this form."""
        tasks = several(problem, "task_transfer")
        finite(lam, "T alone trains no task", "try {key}=10")
        self._check(tasks)
        together = Stage(
            "tasks",
            tuple(problem.domains),
            steps,
            lam=lam,
            task_specific=self.scope,
            trained=self.train,
            trained_for="all tasks",
            pretrained=True,
        )
        return (
            (single_stage(problem, steps, self.train), together)
            if self.transfer == "born_again"
            else (together,)
        )

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """Nothing but the teacher: the weights are fresh."""
        fresh.teacher = (previous.requires_grad_(False).eval(),)
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """Σ L_i + λ T(w) of one step, with each L_i and T as terms; B renewed by asymmetric."""
        from tlrun.strategies.terms import distillation

        L, terms = steps.losses(), loss_terms(steps)
        if self.transfer == "asymmetric":
            return self._asymmetric(steps, model, lam, terms)
        if self.transfer == "born_again":
            T = distillation.from_teacher(steps, model.teacher[0])
        elif self.distil == "outputs":
            T = distillation.of_outputs(steps, model)
        else:
            T = distillation.of_features(steps, model)
        total = added(L.values()) + lam.value * T  # Σ L_i + λ T(w)
        return Objective(total, terms | {"T": T})

    def _asymmetric(
        self, steps: Steps, model: Model, lam: Lam, terms: Mapping[str, Tensor | float]
    ) -> Objective:
        """Σ_t (1 + μ Σ_s B_st) L_t + λ ‖W̃ - W̃Bᵀ‖²_F, and the B of the next step."""
        import torch

        from tlrun.strategies.terms.penalties import asymmetric, next_teachers

        L, W, B = steps.losses(), side_by_side(model, steps), model.extras.get_buffer("B")
        assert self.mu is not None  # of asymmetric it is a number
        keys, mu = model.head_keys, self.mu
        taught = {keys[t]: 1.0 + mu * B[:, t].sum().to(W) for t in range(len(keys))}
        T = asymmetric(W, B, self.one_way)
        total = added(taught[key] * loss for key, loss in L.items()) + lam.value * T
        losses = torch.stack([L[key].detach() if key in L else W.new_zeros(()) for key in keys])
        learnt = next_teachers(B, W.detach(), losses, lam.value, mu, self.one_way)
        out = added((taught[key] - 1.0) * loss for key, loss in L.items())
        return Objective(total, {**terms, "T": T, "price": out}, {"B": learnt})

    def add_buffers(self, model: Model) -> None:
        """B = 0, nobody teaches; or A = I, features as they are."""
        import torch

        count = len(model.heads)
        if self.transfer == "asymmetric":
            model.extras.register_buffer("B", torch.zeros(count, count, dtype=torch.float64))
        if self.distil == "features":
            same = torch.eye(model.width).expand(count, count, -1, -1)
            model.extras.register_parameter("A", torch.nn.Parameter(same.clone()))

    def relation_of(self, model: Model) -> Relation | None:
        """B [T, T], where asymmetric has learnt it."""
        if self.transfer != "asymmetric":
            return None
        tasks = tuple(short_names(model.head_keys).values())
        B = model.extras.get_buffer("B").tolist()
        return Relation("B", "row t, column s: how much s teaches t", tasks, tuple(map(tuple, B)))

    def controls(self, problem: Problem) -> Controls:
        """Each task alone, and one φ without T.

        For asymmetric also a ridge, which it is where nobody teaches; for born_again, which has two
        stages, the others at total budget as well.
        """
        controls = multitask_controls(problem, self.train)
        if self.transfer == "asymmetric":
            ridge = TaskRelation(relation="ridge", scope=self.scope, train=self.train)
            controls["ridge"] = Control(ridge)
        if self.transfer == "born_again":
            controls |= unrelated(self.train, budget="total")
        return controls

    def _check(self, tasks: Mapping[TaskKey, Task]) -> None:
        if self.transfer == "asymmetric" and self.scope == "heads" and not one_shape(tasks):
            raise UserError(
                Mistake(
                    "strategy.transfer",
                    expected="heads of one shape for transfer=asymmetric",
                    found=describe_tasks(tasks),
                    hint="try {key}=born_again, or {node}.scope=towers, which compares each task's "
                    "φ",
                )
            )
        names = [task.name for task in tasks.values()]
        apart = len(set(names)) == len(names)
        if self.transfer == "distillation" and self.distil == "outputs" and apart:
            raise UserError(
                Mistake(
                    "strategy.transfer",
                    expected="two tasks of one label space for transfer=distillation",
                    found=describe_tasks(tasks),
                    hint="try {key}=born_again, or {node}.distil=features with {node}.scope=towers",
                )
            )
