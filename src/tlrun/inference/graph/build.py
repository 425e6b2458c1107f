"""A predictor as one ONNX graph: inputs are read, members computed and mixed, classes named.

Shapes: N rows, k classes.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from tlrun.core.errors import Mistake, UserError
from tlrun.core.task import TaskKey
from tlrun.data.tables.preprocessing import Preprocessing
from tlrun.inference.combined import Part
from tlrun.inference.graph.arrays import ArrayInputs
from tlrun.inference.graph.inputs import NETWORK, OURS, GraphInputs, Port
from tlrun.inference.graph.mixture import Mixture
from tlrun.inference.graph.network import OPSET
from tlrun.inference.graph.outputs import UNSEEN, Outputs
from tlrun.inference.graph.tables import ML, TableInputs
from tlrun.inference.graph.texts import TokenInputs
from tlrun.inference.member import Member
from tlrun.runs.trained_model import input_spec

if TYPE_CHECKING:
    from onnx import ModelProto

PRODUCER = "tl-run"
ML_OPSET = 4  # of LabelEncoder with any types
INNER = f"{OURS}inner/"  # before the names that the exporter has given
LARGEST = 2**31 - 1  # bytes of a file in this form
NOISY = ("onnxscript", "onnx_ir", "torch.onnx")


def inputs_of(members: Sequence[Member]) -> GraphInputs:
    """What all members read, as inputs of one graph. Raises UserError where they read otherwise."""
    form, folder = members[0].form, members[0].folder
    if "inputs" in form:
        kept = [Preprocessing.from_json(each.form) for each in members]
        numbers = {scale.name for each in kept for scale in each.encoder.scales}
        both = sorted(numbers & {of.name for each in kept for of in each.encoder.categories})
        if both:
            found = f"{both[0]} as numbers by one and as categories by another"
            raise UserError(Mistake(str(folder), "members that read columns alike", found))
        inputs = TableInputs(kept)
        for port in inputs.ports:
            if port.name.startswith(OURS):
                found = f"column {port.name}"
                raise UserError(Mistake(str(folder), f"no column that begins with {OURS}", found))
        return inputs
    if any(each.form != form for each in members):
        found = "several ways, as of folds with a vocabulary each"
        raise UserError(Mistake(str(folder), "members that read rows alike", found))
    if "text" in form:
        return TokenInputs(form)
    return ArrayInputs(input_spec(folder, members[0].fold), form)


def graph_of(
    parts: Mapping[TaskKey, Sequence[Part]],
    inputs: GraphInputs,
    outputs: Outputs,
    about: Mapping[str, str],
) -> ModelProto:
    """The graph. parts: the models of each task. about: is kept in its metadata, as classes are.

    Raises UserError where a member has no graph, or it would be larger than a file can be.
    """
    import onnx

    inner = _traced(Mixture(parts, inputs), inputs, len(parts))
    outer = onnx.compose.add_prefix(inner, INNER)
    graph = outer.graph
    said = [f"{INNER}{_answer(place)}" for place in range(len(parts))]
    nodes = [
        *inputs.nodes(),
        onnx.helper.make_node("Identity", [NETWORK], [f"{INNER}{NETWORK}"]),
        *graph.node,
        *outputs.nodes(said, f"{INNER}{UNSEEN}"),
    ]
    for field in (graph.node, graph.input, graph.output, graph.value_info):
        del field[:]
    graph.node.extend(nodes)
    graph.input.extend(map(_value, inputs.ports))
    graph.output.extend(map(_value, outputs.ports))
    graph.name, outer.producer_name = PRODUCER, PRODUCER
    if all(each.domain != ML for each in outer.opset_import):
        outer.opset_import.append(onnx.helper.make_opsetid(ML, ML_OPSET))
    classes = {str(key): list(task.classes) for key, task in outputs.tasks.items()}
    kept = json.dumps({**about, "classes": classes}, ensure_ascii=False)
    onnx.helper.set_model_props(outer, {PRODUCER: kept})
    onnx.checker.check_model(outer, full_check=True)
    return outer


def _traced(mixture: Mixture, inputs: GraphInputs, tasks: int) -> ModelProto:
    """From the tensor `NETWORK` to the answer of each task, and what was never learnt from."""
    names = [*map(_answer, range(tasks)), *[UNSEEN] * bool(inputs.categories)]
    sizes = {axis: torch.export.Dim(name, min=1) for axis, name in enumerate(inputs.free)}
    try:
        with _quiet():
            program = torch.onnx.export(
                mixture, (inputs.example(),), dynamo=True, dynamic_shapes=(sizes,), verbose=False,
                opset_version=OPSET, input_names=[NETWORK], output_names=names,
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        why = " ".join(str(error.__cause__ or error).split())[:200]
        raise UserError(Mistake("--onnx", "a network that torch can export", why)) from None
    assert program is not None  # it is None of the older exporter alone
    inner: ModelProto = program.model_proto
    if inner.ByteSize() > LARGEST:
        found = f"{inner.ByteSize() / 2**30:.1f} GiB of weights"
        raise UserError(Mistake("--onnx", "a graph of less than 2 GiB", found))
    return inner


def _answer(place: int) -> str:
    """What the answer of a task is called inside."""
    return f"answer {place}"


def _value(port: Port) -> object:
    """A port as the format has it."""
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    return make_tensor_value_info(port.name, getattr(TensorProto, port.type.upper()), port.shape)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what torch and its helpers say of their own affairs while they trace."""
    loggers = [logging.getLogger(name) for name in NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
