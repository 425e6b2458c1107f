"""A mixture of modules says what the same models say together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from answering import on_table

from tlrun.core.task import TaskKey
from tlrun.inference.combined import Part, combined
from tlrun.inference.graph.build import inputs_of
from tlrun.inference.graph.mixture import Mixture
from tlrun.inference.member import members_of
from tlrun.inference.rows import NewRows


@pytest.mark.parametrize("predicted", ["ill", "weight"])
def test_weights_and_temperatures(predicted: str, tmp_path: Path) -> None:
    one = members_of(on_table(tmp_path / "a", predict=predicted))[0]
    other = members_of(on_table(tmp_path / "b", {"name": "linear_model"}, predict=predicted))[0]
    key = TaskKey("table", predicted)
    parts = [Part(one, 0.3, 2.0), Part(other, 0.7, 0.5)]
    inputs = inputs_of([one, other])

    said, unseen = Mixture({key: parts}, inputs)(inputs.example())

    encoded = inputs.reader(one)(inputs.example()).numpy()

    wanted = combined(one.tasks[key], parts, lambda member: member.outputs(key, NewRows(encoded)))
    np.testing.assert_allclose(said.detach().numpy(), wanted, rtol=1e-6)
    assert not unseen.any()
    assert said.dtype == torch.float64
