import math
from dataclasses import replace
from pathlib import Path

import pytest

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.runs.checks import lam_acts
from tlrun.strategies.base import Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.joint import Joint
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant

from problems import Watcher, config, planned, problem


@pytest.mark.parametrize(
    ("strategy", "label_space", "backbone", "acts"),
    [
        (FeatureTransfer(), "shared", Mlp(), True),
        (FeatureTransfer(), "split", Mlp(), False),
        (FeatureTransfer(freeze=False), "split", Mlp(), True),
        (FeatureTransfer(freeze=False), "split", Identity(), False),
        (ParameterTransfer(), "split", Mlp(), True),
        (ParameterTransfer(), "split", Identity(), False),
        (ParameterTransfer(), "shared", Identity(), True),
        (Joint(), "split", Identity(), False),
    ],
)
def test_lambda_acts_where_the_losses_share_a_free_parameter(
    strategy: Strategy, label_space: str, backbone: Backbone, acts: bool
) -> None:
    ours = problem(label_space)  # type: ignore[arg-type]
    run = replace(build(config(Path("unused"))), strategy=strategy, backbone=backbone)

    assert lam_acts(ours, strategy.stages(ours, Constant(1.0), 5), run) is acts
    assert lam_acts(ours, strategy.stages(ours, Constant(math.inf), 5), run)


def test_choosing_the_best_needs_validation_labels(tmp_path: Path) -> None:
    best = {"name": "trainer", "select": "best"}
    with pytest.raises(
        UserError, match=r"trainer.select: expected validation labels of every task .* found none of source/digit, target/digit"
    ):
        planned(config(tmp_path, trainer=best), Watcher())

    assert planned(
        config(tmp_path, trainer=best, dataset={"name": "digits", "val_share": 0.2}), Watcher()
    )


def test_choosing_the_best_needs_a_validation_label_of_every_task(tmp_path: Path) -> None:
    """Else a loss that is never defined would leave the last weights without a word."""
    rows = [
        f"{k % 7},{k % 5},{k % 2},{'' if k % 3 == 1 else k % 2},{('train', 'val', 'test')[k % 3]}"
        for k in range(60)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["x,y,p,q,fold", *rows]), encoding="utf-8")
    table = {
        "name": "table_csv", "path": str(tmp_path / "t.csv"), "predict": ["p", "q"], "split": "fold",
        "duplicates": "keep",
    }  # fmt: skip
    nodes = {"dataset": table, "strategy": {"name": "shared_parameters"}}

    assert planned(config(tmp_path, **nodes), Watcher())
    with pytest.raises(UserError, match=r"trainer.select: expected validation labels of every task .* found none of table/q"):
        planned(config(tmp_path, **nodes, trainer={"name": "trainer", "select": "best"}), Watcher())
