"""Whether a graph answers as the predictor does that it was made of, on random rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlrun.inference.graph.inputs import GraphInputs
from tlrun.inference.graph.outputs import Outputs
from tlrun.inference.predictor import Predictor

CLOSE = 1e-5
BATCHES = (1, 1000)
NUMBERS = 2**24  # in a batch, at most: large images are compared in a smaller one


@dataclass(frozen=True)
class Parity:
    """batches: how many rows each had. difference: the largest of any answer.

    Of probabilities it is their difference, of numbers that over the deviation of the task.
    """

    batches: tuple[int, ...]
    difference: float

    @property
    def close(self) -> bool:
        """Whether it is within 1e-5; nan is not."""
        return self.difference <= CLOSE


def parity(
    graph: bytes, predictor: Predictor, inputs: GraphInputs, outputs: Outputs, domain: str
) -> Parity:
    """The largest difference between a graph, run by ONNX Runtime, and the predictor."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    most = max(2, NUMBERS // inputs.numbers)
    batches = tuple(min(count, most) for count in BATCHES)
    largest = 0.0
    for seed, count in enumerate(batches):
        new, given = inputs.random(count, np.random.default_rng(seed))
        wanted, _ = predictor.answers(new, domain)
        found = dict(
            zip((o.name for o in session.get_outputs()), session.run(None, given), strict=True)
        )
        for key, task in outputs.tasks.items():
            each = wanted[key.task]
            name = outputs.probabilities(key) if task.classes else outputs.prediction(key)
            said = found[name]
            scale = 1.0 if task.classes else task.scale
            gap = np.abs(said.astype(np.float64) - each.values).max() / scale
            largest = max(largest, float(gap)) if np.isfinite(gap) else float("nan")
    return Parity(batches, largest)
