import math
from pathlib import Path
from typing import get_args

import pytest
import torch

from tlrun.core.errors import UserError
from tlrun.models.backbone import TrainedPart
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.runs.plan import THIS
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant

from problems import SPEC, Watcher, config, performed, planned, problem
from properties import assert_lambda_weighs_the_target, assert_same_bits


def test_only_features_are_taken_over() -> None:
    ours = problem()
    stage = FeatureTransfer().stages(ours, Constant(1.0), 5)[1]
    previous = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "source", 0)
    fresh, untouched = (
        draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0) for _ in range(2)
    )

    model = FeatureTransfer().inherit(stage, fresh, previous)

    assert_same_bits(model.backbone.state_dict(), previous.backbone.state_dict())
    assert_same_bits(model.heads.state_dict(), untouched.heads.state_dict())
    new, old = (
        model.heads.state_dict()["*/ours.weight"],
        previous.heads.state_dict()["*/ours.weight"],
    )
    assert not torch.isclose(new, old, rtol=1e-6).any()


@pytest.mark.parametrize("part", get_args(TrainedPart))
def test_what_is_trained_is_chosen_for_the_target_stage_alone(part: TrainedPart) -> None:
    source, target = FeatureTransfer(train=part).stages(problem(), Constant(1.0), 5)

    assert source.trained == "all"
    assert target.trained == part


def test_both_transfers_share_the_source_stage() -> None:
    lam = Constant(1.0)

    assert (
        FeatureTransfer().stages(problem(), lam, 5)[0]
        == ParameterTransfer().stages(problem(), lam, 5)[0]
    )


def test_where_losses_share_nothing_every_lambda_is_the_run_of_infinity(tmp_path: Path) -> None:
    nodes = {
        "dataset": {"name": "digits", "classes": "split"},
        "strategy": {"name": "feature_transfer"},
    }
    watcher = Watcher()
    some = performed(planned(config(tmp_path, **nodes), watcher), THIS, watcher)
    infinite = config(tmp_path, **nodes, lam={"name": "constant", "value": math.inf})
    again = performed(planned(infinite, watcher), THIS, watcher)

    assert [note[:22] for note in watcher.notes] == ["λ has no effect here ("]
    assert again.found
    assert some.path == again.path
    assert some.lam == math.inf


def test_lambda_zero_with_a_new_label_space_is_refused(tmp_path: Path) -> None:
    zero = config(
        tmp_path,
        dataset={"name": "digits", "classes": "split"},
        strategy={"name": "feature_transfer"},
        lam={"name": "constant", "value": 0.0},
    )
    with pytest.raises(UserError, match=r"lam\.value: expected more than 0"):
        planned(zero, Watcher())


def test_lambda_weighs_the_target_against_the_source() -> None:
    assert_lambda_weighs_the_target(FeatureTransfer())
