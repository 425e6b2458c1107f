"""What makes a result.json no result."""

from pathlib import Path

import pytest
import torch

from tlrun.store.files import write_json
from tlrun.store.finished import Finished, finish
from tlrun.store.rundir import RunDir

from problems import RESULT, sign


@pytest.fixture
def place(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path, "digits/scratch", "seed=0_abc")


def test_a_score_that_is_no_number_is_damage(place: RunDir) -> None:
    """And hides no other run from who lists them."""
    place.begin("seed: 0\n", {})
    place.log({"step": 1})
    finish([Finished(place, RESULT, {"w": torch.zeros(1)}, {"p": torch.zeros(1)}, {})])
    whole = place.result()
    value: object
    for damaged in (whole | {"headline": None}, whole | {"metrics": {"test": [1]}}):
        write_json(place.path / "result.json", damaged)
        sign(place.path)
        with pytest.raises(ValueError, match=r"result.json does not hold what it should"):
            place.result()
    for value in ("-inf", "nan", [1], {}, True, 10**400, "0.5"):
        for damaged in (
            whole | {"headline": {**whole["headline"], "test": value}},
            whole | {"metrics": {"test": {"d/t": {"r2": value}}}},
        ):
            write_json(place.path / "result.json", damaged)
            sign(place.path)
            with pytest.raises(ValueError, match=r"result.json does not hold what it should"):
                place.result()
