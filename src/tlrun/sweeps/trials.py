"""The trials of a run: itself at each rate of `tune.lr`, every one an ordinary run.

A trial's controls are its controls at its own rate, so that with the trials of a run those of each
of its controls are planned too, as many for every arm. All stages of a run learn at one rate.
"""

from __future__ import annotations

from dataclasses import replace

from tlrun.config.build import Run
from tlrun.config.tuning import KEY
from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Problem
from tlrun.core.task import TaskKey


def trials_of(run: Run) -> list[Run]:
    """`run` at each rate, the smallest first; itself alone where nothing is tuned.

    One that learns by no rate is the same run at each. Raises UserError where there are no rates
    around its own.
    """
    rates = run.tune.rates(run.optimizer)
    return [replace(run, optimizer=replace(run.optimizer, lr=lr)) for lr in rates] or [run]


def check_choice(run: Run, problem: Problem) -> None:
    """Raises UserError where rates are tried and a task lacks the labels that choose among them."""
    if not run.tune.rates(run.optimizer):
        return
    for part in problem.parts:
        about = part.only("target") if part.named("target") else part
        lacking = [
            str(TaskKey(name, task.name))
            for name, domain in about.domains.items()
            for task in domain.tasks
            if task.name not in domain.validated
        ]
        if lacking:
            share = getattr(run.dataset, "val_share", None)
            found = "0" if share == 0 else f"no validation labels of {', '.join(lacking)}"
            why = "the rate is chosen on validation labels; try dataset.val_share=0.2"
            raise UserError(Mistake(KEY, "dataset.val_share above 0", found, why))
