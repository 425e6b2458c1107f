"""What a run's config and data must agree on, told before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.config.build import Run
from tlrun.config.registry import find, shipped
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import fields
from tlrun.core.problem import Problem, Role
from tlrun.core.task import TaskKey
from tlrun.strategies.base import Stage


def lam_acts(problem: Problem, stages: Sequence[Stage], run: Run) -> bool:
    """Whether L_S and L_T share a free parameter in every stage whose λ weighs the two.

    They share φ where it is free, and the head of every task that a source and a target both have,
    whatever other tasks either has besides. Where they share none, λ only rescales each loss's own
    step, and every λ > 0 stands for the run of λ=∞.
    """
    for stage in stages:
        if stage.trained_for != "target":  # λ weighs a penalty
            continue
        source = _tasks_drawn(problem, stage, "source")
        target = _tasks_drawn(problem, stage, "target")
        if not source or not target:  # there is one loss, and nothing to weigh
            continue
        free = run.backbone.learns and not stage.frozen
        if not free and not source & target:
            return False
    return True


def _tasks_drawn(problem: Problem, stage: Stage, role: Role) -> set[str]:
    """The names of the tasks that a stage trains on domains of `role`."""
    tasks: set[str] = set()
    for name in stage.domains:
        domain = problem.domains[name]
        if domain.role == role:
            tasks.update(task.name for task in domain.tasks)
    return tasks


def check_roles(run: Run, problem: Problem) -> None:
    """Raises UserError where no domain plays a role that the strategy needs."""
    if all(problem.named(role) for role in run.strategy.needs):
        return
    names = [name for name in shipped("strategy") if not _needs(name)]
    fit = f"strategy={' or '.join(names)}"
    if len(problem.task_keys) == 1:
        fit = "dataset=digits, or of a table dataset.task=COLUMN with dataset.target=VALUE"
    elif len(problem.domains) > 1 and "target" in fields(type(run.dataset)):
        fit = f"dataset.target={'|'.join(list(problem.domains)[:3])}, or {fit}"
    keys = [str(key) for key in problem.task_keys]
    tasks = f"the tasks {', '.join(keys[:5])}" if len(keys) > 1 else "one task"
    found = f"{tasks} and no target"
    raise UserError(Mistake("strategy", "a source and a target", found, f"try {fit}"))


def _needs(strategy: str) -> tuple[Role, ...]:
    """The roles without which the strategy of that name has nothing to do."""
    needs: tuple[Role, ...] = getattr(find("strategy", strategy), "needs", ())
    return needs


def check_selection(run: Run, problem: Problem) -> None:
    """Raises UserError where `trainer.select=best` lacks validation labels of a task."""
    if run.trainer.select != "best":
        return
    lacking: list[str] = []
    for name, domain in problem.domains.items():
        without = [task.name for task in domain.tasks if task.name not in domain.validated]
        lacking += [str(TaskKey(name, task)) for task in without]
    if lacking:
        raise UserError(
            Mistake(
                "trainer.select",
                "validation labels of every task for select=best",
                f"none of {', '.join(lacking)}",
                "try dataset.val_share=0.2 (the labels asked for then buy training and "
                "validation together)",
            )
        )


def check_batch_size(run: Run) -> None:
    """Raises UserError where an update draws fewer examples than the backbone can be trained on."""
    fewest: int = getattr(run.backbone, "smallest_batch", 1)
    if run.trainer.batch_size < fewest:
        name = type(run.backbone).__name__.lower()
        raise UserError(
            Mistake(
                "trainer.batch_size",
                f"{fewest} or more examples for backbone={name} as it is configured",
                str(run.trainer.batch_size),
                f"try trainer.batch_size={fewest}, or backbone.norm=none where BatchNorm is why",
            )
        )
