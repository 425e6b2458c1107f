import math
from dataclasses import replace
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.core.notes import LamHasNoEffect
from tlrun.models.backbones.mlp import Mlp
from tlrun.report.notes import words

from problems import Watcher, config, planned


def test_where_it_does_not_act_every_lambda_is_one_run_and_that_is_said(tmp_path: Path) -> None:
    nodes = {"dataset": {"name": "digits", "classes": "split"}, "backbone": {"name": "identity"}}
    watcher = Watcher()
    places = {
        planned(
            config(tmp_path, **nodes, lam={"name": "constant", "value": value}), watcher
        ).run_dir
        for value in (0.1, 1, 10, math.inf)
    }

    assert len(places) == 1
    assert len(watcher.notes) == 3
    assert set(watcher.notes) == {words(LamHasNoEffect())[0]}


def test_a_backbone_that_does_not_fit_the_data_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match=r"backbone.channels: expected at most 3 layers"):
        planned(config(tmp_path, backbone={"name": "conv", "channels": [2, 2, 2, 2]}), Watcher())

    assert list(tmp_path.iterdir()) == []


def test_a_plan_knows_its_place(tmp_path: Path) -> None:
    plan = planned(config(tmp_path, seed=3), Watcher())

    assert plan.run_dir.path.parent == tmp_path / "digits" / "parameter_transfer"
    assert plan.run_dir.name.startswith("lam=1_seed=3_")
    assert [each.stage.name for each in plan.stages] == ["source", "target"]


def test_sources_of_a_plug_in_are_part_of_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = planned(config(tmp_path), Watcher())
    foreign = type("Foreign", (Mlp,), {"__module__": "elsewhere"})
    theirs = replace(ours, run=replace(ours.run, backbone=foreign()))
    monkeypatch.setattr("tlrun.runs.stage_key.sources", lambda module: f"digest of {module}")

    assert "plug-in backbone" not in ours.fingerprint
    assert theirs.fingerprint == ours.fingerprint | {"plug-in backbone": "digest of elsewhere"}
