"""The comparison of a graph with its run sees what differs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from answering import on_table
from graphs import graph

from tlrun.core.errors import UserError
from tlrun.core.task import Task
from tlrun.inference.graph.check import CLOSE, Parity, _same
from tlrun.inference.predictor import Answers

pytest.importorskip("onnx")


def test_a_class_of_another_name_differs_but_where_two_are_level() -> None:
    values = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    wanted = Answers(Task("t", "binary", ("no", "yes")), values)

    assert _same(np.array(["no", "yes", "yes"], object), wanted)
    assert not _same(np.array(["no", "no", "no"], object), wanted)


def test_a_graph_that_does_not_run_is_told_in_a_line(tmp_path: Path) -> None:
    one = graph(on_table(tmp_path))
    broken = one.content.replace(b"LabelEncoder", b"LabelEncodes")

    with pytest.raises(UserError, match="expected a graph that ONNX Runtime can run, found"):
        _ = replace(one, content=broken).parity


def test_another_run_differs(tmp_path: Path) -> None:
    one = graph(on_table(tmp_path / "a"))
    other = graph(on_table(tmp_path / "b", {"name": "linear_model"}))

    assert one.parity.close
    assert not replace(one, content=other.content).parity.close


@pytest.mark.parametrize("difference", [2 * CLOSE, math.nan, math.inf])
def test_what_is_far_or_no_number_is_not_close(difference: float) -> None:
    assert not Parity((1,), difference).close
    assert Parity((1,), CLOSE / 2).close
