"""Graphs of runs that were trained small, and what ONNX Runtime says of new rows by them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlrun.inference.graph.build import graph_of, inputs_of
from tlrun.inference.graph.check import Parity, parity
from tlrun.inference.graph.inputs import GraphInputs
from tlrun.inference.graph.outputs import Outputs, outputs_of
from tlrun.inference.predictor import Predictor, load


@dataclass(frozen=True)
class Graph:
    """A graph, what it was made of, and what goes in and comes out."""

    predictor: Predictor
    domain: str
    content: bytes
    inputs: GraphInputs
    outputs: Outputs

    def ask(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What it says, by the name of each output."""
        import onnxruntime

        session = onnxruntime.InferenceSession(self.content, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_outputs()]
        return dict(zip(names, session.run(None, given), strict=True))

    @property
    def parity(self) -> Parity:
        """How it compares with the predictor."""
        return parity(self.content, self.predictor, self.inputs, self.outputs, self.domain)


def graph(folder: Path, domain: str | None = None) -> Graph:
    """The graph of a run or a delivered stack."""
    predictor = load(folder)
    name, parts = predictor.of_domain(domain)
    inputs = inputs_of(list(dict.fromkeys(p.member for of in parts.values() for p in of)))
    outputs = outputs_of({key: of[0].member.tasks[key] for key, of in parts.items()}, inputs)
    made = graph_of(parts, inputs, outputs, {"made of": "a test"})
    return Graph(predictor, name, made.SerializeToString(), inputs, outputs)


def column(*cells: float | str) -> np.ndarray:
    """A column of a table as a graph takes it."""
    texts = isinstance(cells[0], str)
    return np.array([[cell] for cell in cells], dtype=object if texts else np.float64)
