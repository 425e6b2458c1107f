"""The outputs of a graph: their names, and that no column has one of them."""

from __future__ import annotations

from tlrun.core.inputs import InputSpec
from tlrun.core.task import Task, TaskKey
from tlrun.inference.graph.arrays import ArrayInputs
from tlrun.inference.graph.outputs import Outputs, outputs_of

CLASSES = Task("ill", "binary", ("no", "yes"))
NUMBER = Task("weight", "regression")


def test_one_task_needs_no_name() -> None:
    outputs = outputs_of({TaskKey("t", "ill"): CLASSES}, ArrayInputs(InputSpec((3,)), {}))

    assert [(port.name, port.shape) for port in outputs.ports] == [
        ("prediction", ("N",)),
        ("probabilities", ("N", 2)),
    ]


def test_several_are_named_and_numbers_have_no_probabilities() -> None:
    outputs = Outputs({TaskKey("t", "ill"): CLASSES, TaskKey("t", "weight"): NUMBER}, "", 2)

    assert [(port.name, port.type) for port in outputs.ports] == [
        ("ill/prediction", "string"),
        ("ill/probabilities", "float"),
        ("weight/prediction", "double"),
        ("unseen", "bool"),
    ]
