"""Where a stage begins: its weights, and the position in the order of its examples."""

from pathlib import Path
from typing import Any

import pytest

from tlrun.models.model import state
from tlrun.runs.beginning import Beginning
from tlrun.runs.plan import THIS

from problems import Watcher, config, data_of, planned
from properties import assert_same_bits


def beginning(tmp_path: Path, **changes: Any) -> Beginning:
    plan = planned(config(tmp_path, **changes), Watcher())
    return Beginning(plan, data_of(plan), THIS, Watcher())


def test_a_domain_is_read_on_where_the_stages_before_have_left_it(tmp_path: Path) -> None:
    """Of the source's batches the first stage has drawn six; the target's are new."""
    ours = beginning(tmp_path)
    _, target = ours.plan.stages
    positions = {}
    for name in target.stage.domains:
        positions[name] = ours.batches(target, ours.problem.domains[name]).position

    assert positions == {"source": 6, "target": 0}


@pytest.mark.parametrize("strategy", ["parameter_transfer", "feature_transfer"])
def test_the_second_stage_takes_over_the_backbone_of_the_first(
    tmp_path: Path, strategy: str
) -> None:
    ours = beginning(tmp_path, strategy={"name": strategy})
    source, target = ours.plan.stages
    first = ours.initial(source, None)
    before = state(first.backbone)  # type: ignore[arg-type]  # it has a state_dict

    assert_same_bits(state(ours.initial(target, first).backbone), before)  # type: ignore[arg-type]  # as above
    fresh = state(ours.fresh(target, None).backbone)  # type: ignore[arg-type]  # as above
    assert any((fresh[name] != before[name]).any() for name in fresh)
