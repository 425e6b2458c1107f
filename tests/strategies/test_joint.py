import math
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS
from tlrun.strategies.joint import Joint
from tlrun.strategies.schedules import Constant

from problems import Watcher, config, performed, planned, problem
from properties import assert_lambda_weighs_the_target, assert_same_run


def test_one_stage_from_random_weights_at_total_budget() -> None:
    (stage,) = Joint().stages(problem(), Constant(1.0), 5)

    assert stage.domains == ("source", "target")
    assert stage.steps == 10
    assert stage.init == "target"


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_infinite_lambda_is_scratch_at_total_budget_to_the_bit(tmp_path: Path, norm: str) -> None:
    backbone = {"name": "conv", "channels": [4], "norm": norm}
    joint = config(
        tmp_path,
        backbone=backbone,
        strategy={"name": "joint"},
        lam={"name": "constant", "value": math.inf},
    )
    scratch = config(tmp_path, backbone=backbone, strategy={"name": "scratch", "budget": "total"})

    one, other = (performed(planned(c, Watcher()), THIS, Watcher()) for c in (joint, scratch))

    assert_same_run(one.path, other.path)


def test_lambda_zero_with_a_new_label_space_is_refused() -> None:
    with pytest.raises(UserError, match=r"lam\.value: expected more than 0"):
        Joint().stages(problem("split"), Constant(0.0), 5)


def test_lambda_weighs_the_target_against_the_source() -> None:
    assert_lambda_weighs_the_target(Joint())
