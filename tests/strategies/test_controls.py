from dataclasses import replace
from typing import get_args

import pytest

from tlrun.models.backbone import TrainedPart
from tlrun.strategies.base import Strategy
from tlrun.strategies.controls import PRETRAINED, multitask_controls, transfer_controls
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer

from problems import problem


def test_transfers_are_held_against_the_source_model_only_where_it_can_answer() -> None:
    assert list(transfer_controls(problem("shared"))) == [
        "scratch", "scratch, total budget", PRETRAINED, "source_only", "joint, λ=1",
    ]  # fmt: skip
    assert "source_only" not in transfer_controls(problem("split"))


def test_without_a_source_there_is_nothing_but_scratch() -> None:
    ours = problem()
    alone = replace(ours, domains={"target": ours.domains["target"]})

    assert list(transfer_controls(alone)) == ["scratch"]


@pytest.mark.parametrize("part", get_args(TrainedPart))
@pytest.mark.parametrize(
    "strategy",
    [
        SharedParameters(),
        SharedParameters(heads="shared"),
        TaskRelation(),
        TaskTransfer(),
        TaskTransfer("born_again"),
    ],
)
def test_the_controls_of_learning_together_hold_fixed_what_it_holds_fixed(
    strategy: Strategy, part: TrainedPart
) -> None:
    ours, lam = problem(), Constant(1.0)
    asked = replace(strategy, train=part)  # type: ignore[call-arg]  # of each of these an option
    arms = [asked, *(control.strategy for control in asked.controls(ours).values())]

    for arm in arms:
        assert {stage.trained for stage in arm.stages(ours, lam, 5)} == {part}


def test_where_heads_alone_are_trained_one_phi_for_all_is_no_other_control() -> None:
    assert list(multitask_controls(problem(), "last")) == ["single_task", "shared_parameters"]
    assert list(multitask_controls(problem(), "head")) == ["single_task"]
    again = TaskTransfer("born_again", train="head").controls(problem())
    assert list(again) == ["single_task", "single_task, total budget"]
