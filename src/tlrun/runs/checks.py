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
    """Whether L_S and L_T share a free parameter, in φ or in a head, in every stage whose λ weighs
    both.

    Where they share none, λ only rescales each loss's own step, and every λ > 0 stands for the run
    of λ=∞.
    """
    # else λ weighs a penalty
    weighed = [stage for stage in stages if (stage.by or run.strategy).needs]
    both = [
        s
        for s in weighed
        if {problem.domains[name].role for name in s.domains} >= {"source", "target"}
    ]
    return all(
        problem.one_label_space or (run.backbone.learns and not stage.frozen) for stage in both
    )


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
