"""Whether a graph answers as the predictor does that it was made of, on random rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.inference.graph.inputs import GraphInputs
from tlrun.inference.graph.outputs import Outputs
from tlrun.inference.predictor import Answers, Predictor

CLOSE = 1e-5
BATCHES = (1, 1000)
REFUSALS = ("Fail", "InvalidArgument", "InvalidGraph", "NotImplemented", "RuntimeException")
NUMBERS = 2**24  # in a batch, at most: large images are compared in a smaller one


@dataclass(frozen=True)
class Parity:
    """batches: how many rows each had. difference: the largest of any answer.

    Of probabilities it is their difference, of numbers that over the deviation of the task; it is
    infinite where a number is none, or a class is another.
    """

    batches: tuple[int, ...]
    difference: float

    @property
    def close(self) -> bool:
        """Whether it is within 1e-5."""
        return self.difference <= CLOSE


def parity(
    graph: bytes, predictor: Predictor, inputs: GraphInputs, outputs: Outputs, domain: str
) -> Parity:
    """The largest difference between a graph, run by ONNX Runtime, and the predictor.

    Raises UserError where it cannot be run.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    onnxruntime.set_default_logger_severity(3)  # errors
    try:
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        return _compared(session, predictor, inputs, outputs, domain)
    except tuple(getattr(states, name) for name in REFUSALS) as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(Mistake("--onnx", "a graph that ONNX Runtime can run", why)) from None


def _compared(
    session: Any, predictor: Predictor, inputs: GraphInputs, outputs: Outputs, domain: str
) -> Parity:
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
            gap = float(np.abs(said.astype(np.float64) - each.values).max()) / scale
            if task.classes and not _same(found[outputs.prediction(key)], each):
                gap = math.inf
            largest = max(largest, gap) if math.isfinite(gap) else math.inf
    return Parity(batches, largest)


def _same(said: np.ndarray, wanted: Answers) -> bool:
    """Whether classes are the same by name, but for rows whose two likeliest are level."""
    first, second = np.sort(wanted.values, axis=1)[:, :-3:-1].T
    clear = first - second > CLOSE
    return bool((said[clear] == wanted.predicted[clear]).all())
