"""The model of a source: the first stage of every transfer from it, trained or found as such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tlrun.config.build import Run
from tlrun.core.problem import Problem
from tlrun.core.signals import raised
from tlrun.runs.plan import plan
from tlrun.runs.pretrained import check_backbone
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.resuming import Resuming
from tlrun.runs.screen import QuietScreen, Screen
from tlrun.runs.stages import StageRunner
from tlrun.store.entries import Damaged, Entry
from tlrun.store.stages import read_stage
from tlrun.strategies.source_only import SourceOnly

if TYPE_CHECKING:
    from tlrun.models.model import Model


def source_model(
    run: Run, problem: Problem, problems: ProblemCache, screen: Screen, name: str, *, train: bool
) -> Model | None:
    """The model of the sources of `problem`, untouched by its target.

    It is kept where later transfers find it; of the run itself no folder is made, and its test set
    is not opened.

    run: what asks for `problem`, whichever its strategy. problems: has `problem`, as last read.
    screen: is told of the stage, of a run called `name`. train: whether it may be trained; if not,
    it is None where no finished stage is kept.

    Raises UserError where the sources have no label for a task of the target, and as a run does.
    """
    asked = replace(run, strategy=SourceOnly(), controls=False, rerun=False)
    planned = plan(asked, problems, QuietScreen())
    first = planned.stages[0]
    if not train and not _is_kept(first.entry):
        return None
    check_backbone(planned, problem)
    with raised(), TemporaryDirectory() as folder:  # for the rows that a stage logs
        elsewhere = replace(planned.run_dir, runs_dir=Path(folder))
        elsewhere.path.mkdir(parents=True)
        here = replace(planned, run_dir=elsewhere)
        runner = StageRunner(Resuming(here, screen), problem, name)
        return runner.run_stage(first, None).model


def _is_kept(entry: Entry | None) -> bool:
    """Whether a finished stage is kept in an entry."""
    try:
        return entry is not None and read_stage(entry) is not None
    except Damaged:
        return False
