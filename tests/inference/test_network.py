from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answering import STRATEGIES, trained
from safetensors.numpy import load_file

import tlrun
from tlrun.config.build import node_object
from tlrun.core.task import TaskKey
from tlrun.inference.member import members_of


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_asked_again_to_the_bit(strategy: str, tmp_path: Path) -> None:
    dataset, method = STRATEGIES[strategy]
    nodes: dict[str, Any] = {"strategy": method}
    if strategy == "mean at infinity":
        nodes["lam"] = {"name": "constant", "value": float("inf")}
    folder = trained(tmp_path, dataset, **nodes)
    kept = load_file(folder / "predictions.safetensors")
    test = node_object("dataset", dataset).load(0).test.open()
    (member,) = members_of(folder)
    asked = [key for key in kept if key.count("/") == 1]

    assert set(asked) <= set(map(str, member.tasks))
    for key in asked:
        task = TaskKey.parse(key)
        rows = member.read(test[task.domain].array, {})
        assert np.array_equal(member.outputs(task, rows), kept[key])


def test_more_rows_than_a_batch_are_watched_and_in_order(tmp_path: Path) -> None:
    folder = trained(tmp_path, {"name": "digits_binary"}, strategy={"name": "single_task"})
    (member,) = members_of(folder)
    key = next(iter(member.tasks))
    x = np.random.default_rng(0).normal(size=(2500, 1, 8, 8)).astype(np.float32)
    seen: list[slice] = []

    def watch(parts: Any) -> Any:
        for part in parts:
            seen.append(part)
            yield part

    rows = member.read(x, {})
    every = member.outputs(key, rows, watch)
    assert len(seen) > 1
    assert [part.start for part in seen] == list(range(0, 2500, seen[0].stop))
    backwards = member.outputs(key, member.read(x[::-1], {}))
    np.testing.assert_allclose(every[::-1], backwards, atol=1e-6)
    assert tlrun.load(folder).path == folder
