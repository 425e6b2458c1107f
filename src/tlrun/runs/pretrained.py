"""The pretrained weights that a run starts from: read, told of, and checked before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.errors import RunFailed
from tlrun.core.notes import PretrainedWeights
from tlrun.core.problem import Problem
from tlrun.core.seeding import drawing_from
from tlrun.models.backbone import weights_file_of
from tlrun.runs.plan import Plan, PlannedStage
from tlrun.runs.screen import Screen
from tlrun.store.weights import read_weights, weights_digest

if TYPE_CHECKING:
    from torch import Tensor


def pretrained_weights(run: Run, planned: str | None) -> Mapping[str, Tensor] | None:
    """The weights of a run's backbone, by their names in their file; None where it has none.

    planned: sha256 of the file that the run was planned with, in hex.

    Raises UserError where they cannot be read, RunFailed where the file is another one by now.
    """
    file = weights_file_of(run.backbone)
    if file is None:
        return None
    weights = read_weights(run.runs_folder, file)
    found = weights_digest(file)
    if found != planned:
        raise RunFailed(
            f"backbone.weights: expected the file that the run was planned with, {planned}, found "
            f"{found}: it has changed since; give the same command again"
        )
    return weights


def tell_weights(run: Run, name: str, screen: Screen) -> None:
    """Say which weights a run starts from, if any. name: what the screen calls the run."""
    file = weights_file_of(run.backbone)
    if file is not None:
        backbone, digest = name_of("backbone", run.backbone), weights_digest(file)
        screen.note(PretrainedWeights(run=name, name=backbone, digest=digest))


def check_backbone(plan: Plan, problem: Problem) -> None:
    """Raise UserError where φ lacks a part that is to be trained, or its weights do not fit.

    For that it is built, where there is a doubt: weights that a stage in the store has started from
    do fit. Raises RunFailed as `pretrained_weights` does.
    """
    parts = {planned.stage.trained for planned in plan.stages} - {"all", "head"}
    starting = [planned for planned in plan.stages if planned.stage.pretrained]
    weights = None
    kept = starting[0].entry if starting else None
    if starting and not (kept is not None and kept.path.exists()):
        weights = pretrained_weights(plan.run, planned_digest(starting[0]))
    if weights is None and not parts:
        return
    from tlrun.models.blocks import free
    from tlrun.models.build import build

    with drawing_from(0):  # no draw of it is used
        phi = build(plan.run.backbone, problem.inputs, weights)
    for part in sorted(parts):
        free(phi, part)


def planned_digest(planned: PlannedStage) -> str | None:
    """sha256 of the weights that a stage was planned to start from, in hex; None without any."""
    digest: str | None = planned.inputs["backbone"].get("weights")
    return digest
