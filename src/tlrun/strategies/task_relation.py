"""Task relations: one φ, a head w_i for each task, and a penalty R that says how the tasks relate.

    min_{φ,w} Σ_i L_i(φ, w_i) + λ R(W̃)

R acts on W̃ = [w̃_1 … w̃_T], the heads in units of logits (`terms.parameters.side_by_side`): without
biases, centred over the classes of a softmax. The option `relation` chooses it; the functions, with
their papers, are in `terms.penalties`.

    mean          Σ_t ‖w̃_t - w̄‖²           all tasks near their mean
    soft_sharing  Σ_{s<t} ‖w̃_s - w̃_t‖²     the same, every pair counted: T times as strong
    graph         Σ_{s<t} A_st ‖w̃_s - w̃_t‖²  near the neighbours in a graph A of yours (`graph`)
    trace_norm    ‖W̃‖_*                     in few directions
    covariance    tr(W̃ Ω⁻¹ W̃ᵀ) + ε tr Ω⁻¹   as a covariance Ω of the tasks says, which is learnt
    ridge         T ‖W̃‖²                    the control: smaller, and in no way related

λ=0 is `shared_parameters` (with scope=towers, and the last step's weights, `single_task`). mean and
soft_sharing compare entry by entry, so their tasks must be of one label space. As λ → ∞, they and a
connected graph leave one weight for all tasks, each with a bias of its own: lam.value=inf trains
exactly that. The others leave nothing, and refuse it. With scope=towers every task has a φ of its
own, starting from the same weights, and its parameters are compared as well (with the heads, where
they mean the same): λ=∞ is then one φ.

A trace norm, Ω and a ridge of one λ are not of one strength (T‖W̃‖² against ‖W̃‖_*): compare them at
the best λ of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Relation, Schedule, Steps, added
from tlrun.core.problem import Problem, Role
from tlrun.core.task import Task, TaskKey, short_names
from tlrun.models.backbone import Backbone, TaskSpecific, TrainedPart
from tlrun.strategies.base import Control, Controls, Stage, Strategy
from tlrun.strategies.checks import (
    describe_tasks,
    finite,
    held_at_random,
    one_label_space,
    one_shape,
    refuse_equal_towers,
    require_learning_towers,
    several,
)
from tlrun.strategies.controls import multitask_controls
from tlrun.strategies.terms.parameters import loss_terms, side_by_side, tasks_of
from tlrun.strategies.terms.task_graph import Table, adjacency, connected, read_graph

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model

ALIGNED = ("mean", "soft_sharing")  # compare entry by entry
SHRINKING = ("trace_norm", "covariance")  # draw every task to 0 as well, so ridge is their control


@dataclass(frozen=True)
class TaskRelation(Strategy):
    """One φ, or one a task, and a penalty on how the tasks relate.

    relation: R. scope: what R compares, the `heads` on one φ, or whole `towers`.
    graph: for relation=graph, how strongly each pair of tasks is tied, [[0,1,0],[1,0,1],[0,1,0]] in
        the order of the tasks, or with their names before and above; or the path of a CSV file that
        holds such a table, which is read at once.
    train: what of φ is trained beside the heads; the rest stays as it starts, in eval mode, and is
        no part of what towers compare.

    Raises UserError for a graph without relation=graph, or the other way round, for a file that
    cannot be read, and for towers of which nothing is trained.
    """

    relation: Literal["mean", "soft_sharing", "graph", "trace_norm", "covariance", "ridge"] = (
        "trace_norm"
    )
    scope: Literal["heads", "towers"] = "heads"
    graph: tuple[tuple[float | str, ...], ...] | str | None = None
    train: TrainedPart = "all"
    needs: ClassVar[tuple[Role, ...]] = ()
    acts: ClassVar[Acts] = {"graph": Where("relation", "graph")}

    def __post_init__(self) -> None:
        if (self.relation == "graph") != (self.graph is not None):
            raise UserError(
                Mistake(
                    "strategy.graph",
                    expected=f"{'a table or a CSV file' if self.graph is None else 'null'} with "
                    f"relation={self.relation}",
                    found="null" if self.graph is None else "one",
                )
            )
        if isinstance(self.graph, str):  # the numbers decide a run, not the name of their file
            object.__setattr__(self, "graph", read_graph(self.graph))
        refuse_equal_towers(self.scope, self.train)

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """That what is held fixed is random. Raises UserError where a tower would be a head."""
        require_learning_towers(self.scope, backbone)
        return held_at_random(self.train, backbone)

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError where the tasks cannot be compared, or λ=∞ leaves nothing of them."""
        tasks = several(problem, "task_relation")
        self._check(tasks)
        one_weight = self.relation in ALIGNED or (
            self.relation == "graph" and connected(self._adjacency(tasks))
        )
        tied = one_weight and lam.always(math.inf)
        if not tied:
            finite(lam, *self._at_infinity(one_weight))
        task_specific: TaskSpecific = self.scope
        if tied:
            task_specific = "biases" if one_label_space(tasks) or self.scope == "heads" else "heads"
        return (
            Stage(
                "tasks",
                tuple(problem.domains),
                steps,
                lam=lam,
                task_specific=task_specific,
                trained=self.train,
                trained_for="all tasks",
                pretrained=True,
            ),
        )

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """Σ L_i + λ R(w̃) of one step, with each L_i and R as terms; Ω renewed by covariance."""
        L, terms = steps.losses(), loss_terms(steps)
        if math.isinf(lam.value):  # R is 0: what it compares is one and the same
            return Objective(added(L.values()), terms | {"R": 0.0})
        R, updates = self._penalty(side_by_side(model, steps), tasks_of(steps))
        total = added(L.values()) + lam.value * R  # Σ L_i + λ R(w̃)
        return Objective(total, terms | {"R": R}, updates)

    def _penalty(
        self, W: Tensor, tasks: Mapping[TaskKey, Task]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """R, and what it has learnt on the way."""
        from tlrun.strategies.terms import penalties

        if self.relation == "covariance":
            term, omega = penalties.covariance(W)
            return term, {"omega": omega}
        if self.relation == "graph":
            assert isinstance(self.graph, tuple)  # a path has become a table
            return penalties.graph(W, _ties(self.graph, tuple(tasks))), {}
        plain = {
            "mean": penalties.mean,
            "soft_sharing": penalties.soft_sharing,
            "trace_norm": penalties.trace_norm,
            "ridge": penalties.ridge,
        }
        return plain[self.relation](W), {}

    def add_buffers(self, model: Model) -> None:
        """Ω, which `covariance` finds anew in every step; before the first, Ω = I/T."""
        import torch

        if self.relation == "covariance":
            T = len(model.heads)
            model.extras.register_buffer("omega", torch.eye(T, dtype=torch.float64) / T)

    def relation_of(self, model: Model) -> Relation | None:
        """Ω [T, T], where covariance has learnt it."""
        if self.relation != "covariance":
            return None
        omega = model.extras.get_buffer("omega").tolist()
        tasks = tuple(short_names(model.head_keys).values())
        return Relation("Ω", "covariance of the tasks, trace 1", tasks, tuple(map(tuple, omega)))

    def controls(self, problem: Problem) -> Controls:
        """Each task alone, and one φ without R, which is λ=0 of scope=heads.

        For a relation that also shrinks, shrinking by itself, too.
        """
        controls = multitask_controls(problem, self.train)
        if self.relation in SHRINKING:
            ridge = TaskRelation(relation="ridge", scope=self.scope, train=self.train)
            controls["ridge"] = Control(ridge)
        return controls

    def _check(self, tasks: Mapping[TaskKey, Task]) -> None:
        if self.relation == "graph" and not any(map(any, self._adjacency(tasks))):
            raise UserError(
                Mistake(
                    "strategy.graph",
                    expected="at least two tasks that are tied",
                    found="none, so R is 0 at every λ",
                    hint="that is {node}=shared_parameters",
                )
            )
        if self.scope == "towers":
            return
        if self.relation in ALIGNED and not one_label_space(tasks):
            fit = "relation=graph, trace_norm or covariance" if one_shape(tasks) else "scope=towers"
            raise UserError(
                Mistake(
                    "strategy.relation",
                    expected=f"one task in several domains for relation={self.relation}",
                    found=describe_tasks(tasks),
                    hint=f"try {{node}}.{fit}",
                )
            )
        if not one_shape(tasks):
            raise UserError(
                Mistake(
                    "strategy.relation",
                    expected=f"heads of one shape for relation={self.relation}",
                    found=describe_tasks(tasks),
                    hint="try {node}.scope=towers, which compares each task's φ, or "
                    "{node}=shared_parameters",
                )
            )

    def _adjacency(self, tasks: Mapping[TaskKey, Task]) -> list[list[float]]:
        assert isinstance(self.graph, tuple)  # a path has become a table
        return adjacency(self.graph, short_names(tasks))

    def _at_infinity(self, one_weight: bool) -> tuple[str, str]:
        """Why λ=∞ will not do, and what will."""
        if one_weight:
            why = "all tasks then have one weight, which is another model"
            return why, "try lam=constant, or {key}=100"
        if self.relation == "graph":
            why = "the graph is not connected, so the limit is no one model"
            return why, "join its parts, or try {key}=100"
        return f"{self.relation} then leaves no weight at all", "try {key}=100"


@cache
def _ties(graph: Table, keys: tuple[TaskKey, ...]) -> Tensor:
    """A [T, T] of a user's graph, read once and not in every step."""
    import torch

    return torch.tensor(adjacency(graph, short_names(keys)), dtype=torch.float64)
