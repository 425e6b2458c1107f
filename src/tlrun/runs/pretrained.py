"""The pretrained weights that a run starts from: read, told of, and checked before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.notes import PretrainedWeights
from tlrun.core.problem import Problem
from tlrun.core.seeding import drawing_from
from tlrun.models.backbone import weights_file_of
from tlrun.runs.plan import Plan
from tlrun.runs.screen import Screen
from tlrun.store.weights import read_weights, weights_digest

if TYPE_CHECKING:
    from torch import Tensor


def pretrained_weights(run: Run) -> Mapping[str, Tensor] | None:
    """The weights of a run's backbone, by their names in their file; None where it has none.

    Raises UserError where they cannot be read.
    """
    file = weights_file_of(run.backbone)
    return None if file is None else read_weights(Path(run.runs_dir).expanduser(), file)


def tell_weights(run: Run, name: str, screen: Screen) -> None:
    """Say which weights a run starts from, if any. name: what the screen calls the run."""
    file = weights_file_of(run.backbone)
    if file is not None:
        backbone, digest = name_of("backbone", run.backbone), weights_digest(file)
        screen.note(PretrainedWeights(run=name, name=backbone, digest=digest))


def check_weights(plan: Plan, problem: Problem) -> None:
    """Raise UserError where the weights that a run is to start from do not fit its backbone.

    Where a stage that started from them is there already, they do.
    """
    from tlrun.models.build import build

    first = next(iter(plan.stages), None)
    if first is None or not first.stage.pretrained:
        return
    if first.entry is not None and first.entry.path.exists():
        return
    weights = pretrained_weights(plan.run)
    if weights is not None:
        with drawing_from(0):  # no draw of it is used
            build(plan.run.backbone, problem.inputs, weights)
