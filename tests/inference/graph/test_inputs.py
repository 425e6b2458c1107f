"""Rows that are one tensor go in as they are."""

from __future__ import annotations

import pytest

from tlrun.inference.graph.inputs import NETWORK, OURS, AsTheyAre, Port

pytest.importorskip("onnx")


def test_one_tensor_goes_in_as_it_is_and_has_no_categories() -> None:
    rows = AsTheyAre()
    rows.ports = (Port("ids", "int64", ("N", "L"), "ids"),)

    (node,) = rows.nodes()

    assert (node.op_type, list(node.input), list(node.output)) == ("Identity", ["ids"], [NETWORK])
    assert NETWORK.startswith(OURS)
    assert rows.categories == 0
    with pytest.raises(ValueError, match="found none"):
        rows.unseen()
