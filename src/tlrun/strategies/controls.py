"""The controls that several strategies are measured against."""

from __future__ import annotations

from typing import Literal

from tlrun.core.problem import Problem
from tlrun.models.backbone import TrainedPart
from tlrun.strategies.base import Control
from tlrun.strategies.estimator_controls import estimator_controls
from tlrun.strategies.joint import Joint
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.source_only import SourceOnly

PRETRAINED = "pretrained, no source"


def transfer_controls(problem: Problem) -> dict[str, Control]:
    """The controls of every transfer, by name.

    `scratch` at the target's and at the total budget, and, of a backbone with pretrained weights,
    the target alone from these, which is no gain of the source; the source model untouched, where
    it can answer for the target; and `joint` at the seed's λ=1, one reference for the whole λ axis.
    Of these, without a source domain, `scratch` alone.
    """
    if not problem.named("source"):
        return {"scratch": Control(Scratch(budget="target")), **estimator_controls(problem)}
    controls = {
        "scratch": Control(Scratch(budget="target")),
        "scratch, total budget": Control(Scratch(budget="total")),
        PRETRAINED: Control(Scratch(start="pretrained"), of_weights=True),
        "source_only": Control(SourceOnly(budget="source")),
        "joint, λ=1": Control(Joint(), lam=Constant(1.0)),
    }
    if not problem.one_label_space:
        del controls["source_only"]
    return controls | estimator_controls(problem)


def multitask_controls(problem: Problem, train: TrainedPart) -> dict[str, Control]:
    """The controls of learning tasks together, by name; they train the same part of φ.

    Those of `unrelated` and those from outside.
    """
    return unrelated(train) | estimator_controls(problem)


def unrelated(
    train: TrainedPart, budget: Literal["stage", "total"] = "stage"
) -> dict[str, Control]:
    """Each task alone, and one φ for all without a term that relates them, by name.

    With train=head the two are one run (`shared_parameters`), and only the first is given. budget:
    of both.
    """
    total = "" if budget == "stage" else ", total budget"
    controls = {f"single_task{total}": Control(SingleTask(budget, train))}
    if train != "head":
        together = SharedParameters(budget=budget, train=train)
        controls[f"shared_parameters{total}"] = Control(together)
    return controls
