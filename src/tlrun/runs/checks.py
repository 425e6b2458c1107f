"""What a run's config and data must agree on."""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.config.build import Run
from tlrun.config.registry import find, shipped
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import fields
from tlrun.core.problem import Problem, TaskKey, known
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
        drawn = [problem.domains[name] for name in stage.domains]
        source = {task.name for domain in drawn if domain.role == "source" for task in domain.tasks}
        target = {task.name for domain in drawn if domain.role == "target" for task in domain.tasks}
        both = source and target  # else there is one loss, and nothing to weigh
        free = run.backbone.learns and not stage.frozen
        if both and not free and not source & target:
            return False
    return True


def check_roles(run: Run, problem: Problem) -> None:
    """Raises UserError where the strategy needs a source and a target, and all domains are of one
    standing.
    """
    if not [role for role in run.strategy.needs if not problem.named(role)]:
        return
    several = [
        name for name in shipped("strategy") if not getattr(find("strategy", name), "needs", ())
    ]
    fit = f"strategy={' or '.join(several)}"
    if len(problem.task_keys) == 1:
        fit = "dataset=digits, or of a table dataset.task=COLUMN with dataset.target=VALUE"
    elif len(problem.domains) > 1 and "target" in fields(type(run.dataset)):
        fit = f"dataset.target={'|'.join(list(problem.domains)[:3])}, or {fit}"
    keys = [str(key) for key in problem.task_keys]
    found = f"the tasks {', '.join(keys[:5])}" if len(keys) > 1 else "one task"
    raise UserError(
        Mistake(
            "strategy",
            expected="a source and a target",
            found=f"{found} and no target",
            hint=f"try {fit}",
        )
    )


def check_selection(run: Run, problem: Problem) -> None:
    """Raises UserError where `trainer.select=best` has no validation labels to choose by."""
    lacking = [
        str(TaskKey(name, task.name))
        for name, domain in problem.domains.items()
        for task in domain.tasks
        if domain.val is None or not known(domain.val.labels[task.name]).any()
    ]
    if run.trainer.select == "best" and lacking:
        raise UserError(
            Mistake(
                "trainer.select",
                expected="validation labels of every task for select=best",
                found=f"none of {', '.join(lacking)}",
                hint="try dataset.val_share=0.2 (the labels asked for then buy training and "
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
