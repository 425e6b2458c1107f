import math
from dataclasses import replace
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.models.backbones.mlp import Mlp
from tlrun.runs.plan import NO_EFFECT, plan

from problems import Watcher, config


def test_where_it_does_not_act_every_lambda_is_one_run_and_that_is_said(tmp_path: Path) -> None:
    nodes = {"dataset": {"name": "digits", "classes": "split"}, "backbone": {"name": "identity"}}
    watcher = Watcher()
    places = {
        plan(config(tmp_path, **nodes, lam={"name": "constant", "value": value}), watcher).place
        for value in (0.1, 1, 10, math.inf)
    }

    assert len(places) == 1
    assert watcher.notes == [NO_EFFECT] * 3


def test_choosing_the_best_needs_validation_labels(tmp_path: Path) -> None:
    best = {"name": "trainer", "select": "best"}
    with pytest.raises(
        UserError, match=r"trainer.select: best expects .* found none of source/digit, target/digit"
    ):
        plan(config(tmp_path, trainer=best), Watcher())

    assert plan(
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

    assert plan(config(tmp_path, **nodes), Watcher())
    with pytest.raises(UserError, match=r"trainer.select: best expects .* found none of table/q"):
        plan(config(tmp_path, **nodes, trainer={"name": "trainer", "select": "best"}), Watcher())


def test_a_backbone_that_does_not_fit_the_data_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match=r"backbone.channels: expected at most 3 layers"):
        plan(config(tmp_path, backbone={"name": "conv", "channels": [2, 2, 2, 2]}), Watcher())

    assert list(tmp_path.iterdir()) == []


def test_a_plan_knows_its_place(tmp_path: Path) -> None:
    planned = plan(config(tmp_path, seed=3), Watcher())

    assert planned.place.path.parent == tmp_path / "digits" / "parameter_transfer"
    assert planned.place.name.startswith("lam=1_seed=3_")
    assert [stage.name for stage in planned.stages] == ["source", "target"]


def test_sources_of_a_plug_in_are_part_of_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = plan(config(tmp_path), Watcher())
    foreign = type("Foreign", (Mlp,), {"__module__": "elsewhere"})
    theirs = replace(ours, run=replace(ours.run, backbone=foreign()))
    monkeypatch.setattr("tlrun.runs.plan.sources", lambda module: f"digest of {module}")

    assert "plug-in backbone" not in ours.fingerprint
    assert theirs.fingerprint == ours.fingerprint | {"plug-in backbone": "digest of elsewhere"}
