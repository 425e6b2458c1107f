import math
from pathlib import Path

import pytest

from tlrun.core.objective import Lam
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.runs.plan import THIS
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant

from problems import SPEC, Watcher, config, performed, planned, problem
from properties import assert_lambda_weighs_the_target, assert_same_bits, assert_same_run


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_lambda_zero_is_the_source_model_at_total_budget_to_the_bit(
    tmp_path: Path, norm: str
) -> None:
    backbone = {"name": "conv", "channels": [4], "norm": norm}
    zero = config(tmp_path, backbone=backbone, lam={"name": "constant", "value": 0})
    alone = config(tmp_path, backbone=backbone, strategy={"name": "source_only", "budget": "total"})

    one, other = (performed(planned(c, Watcher()), THIS, Watcher()) for c in (zero, alone))

    assert_same_run(one.path, other.path)


def test_infinite_lambda_draws_nothing_from_the_source() -> None:
    source, target = ParameterTransfer().stages(problem(), Constant(math.inf), 5)

    assert source.domains == ("source",)
    assert target.domains == ("target",)


def test_every_lambda_shares_the_source_stage() -> None:
    stages = [
        ParameterTransfer().stages(problem(), Constant(lam), 5)[0] for lam in (0.0, 1.0, math.inf)
    ]

    assert stages[0] == stages[1] == stages[2]
    assert stages[0].init == "source"
    assert stages[0].lam.at(0.5) == Lam(0.0)


def test_the_target_starts_from_the_sources_parameters_and_a_new_head_where_labels_differ() -> None:
    ours = problem("split")
    stage = ParameterTransfer().stages(ours, Constant(1.0), 5)[1]
    previous = draw_model(Mlp(), SPEC, ours.only("source").tasks_by_domain, "source", 0)
    fresh, untouched = (
        draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0) for _ in range(2)
    )

    model = ParameterTransfer().inherit(stage, fresh, previous)

    assert_same_bits(model.backbone.state_dict(), previous.backbone.state_dict())
    assert_same_bits(model.heads["*/ours"].state_dict(), previous.heads["*/ours"].state_dict())
    assert_same_bits(model.heads["*/theirs"].state_dict(), untouched.heads["*/theirs"].state_dict())


def test_lambda_weighs_the_target_against_the_source() -> None:
    assert_lambda_weighs_the_target(ParameterTransfer())
