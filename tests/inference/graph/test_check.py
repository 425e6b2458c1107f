"""The comparison of a graph with its run sees what differs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from answering import on_table
from graphs import graph

from tlrun.inference.graph.check import CLOSE, Parity

pytest.importorskip("onnx")


def test_another_run_differs(tmp_path: Path) -> None:
    one = graph(on_table(tmp_path / "a"))
    other = graph(on_table(tmp_path / "b", {"name": "linear_model"}))

    assert one.parity.close
    assert not replace(one, content=other.content).parity.close


@pytest.mark.parametrize("difference", [2 * CLOSE, math.nan, math.inf])
def test_what_is_far_or_no_number_is_not_close(difference: float) -> None:
    assert not Parity((1,), difference).close
    assert Parity((1,), CLOSE / 2).close
