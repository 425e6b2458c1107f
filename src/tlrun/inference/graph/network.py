"""The models of a run as one module of torch that ONNX has operators for.

Shapes: N rows, k outputs of a head.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from tlrun.core.errors import Mistake, UserError
from tlrun.core.task import Task, TaskKey
from tlrun.core.tokens import PADDING
from tlrun.inference.estimator import Estimator
from tlrun.inference.member import Member
from tlrun.inference.network import Network
from tlrun.models.model import Model
from tlrun.models.text_layers import Recurrent, present
from tlrun.strategies.estimator import absent_logs

GATES = (0, 3, 1, 2)  # of an LSTM: input, output, forget, cell, where torch has i, f, c, o
OPSET = 18


def module_of(member: Member, keys: Sequence[TaskKey]) -> nn.Module:
    """From the inputs of a member's network to its outputs for each of `keys`, float64 [N, k].

    They are logits, or numbers in the unit of the task. Raises UserError where it computes what has
    no operator.
    """
    tasks = [member.tasks[key] for key in keys]
    if isinstance(member.model, Network):
        return _Heads(member.model.model, keys, tasks)
    if any("terms" in member.model.parts(key) for key in keys):
        hint = "export a run whose backbone reads tokens; tl-run predict answers with this one"
        expected = "a model that is computed from numbers"
        raise UserError(Mistake(str(member.folder), expected, "tfidf, which counts words", hint))
    return _Coefficients(member.model, keys, tasks)


class _Heads(nn.Module):
    """φ once, then the head of every task."""

    def __init__(self, model: Model, keys: Sequence[TaskKey], tasks: Sequence[Task]) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval()
        self.keys, self.tasks = tuple(keys), tuple(tasks)
        self.register_buffer("units", _units(tasks))
        for name, layer in list(self.model.named_modules()):
            home, _, last = name.rpartition(".")
            for kind, other in OTHERWISE.items():
                if isinstance(layer, kind):
                    setattr(self.model.get_submodule(home), last, other(layer))

    def forward(self, inputs: Tensor) -> list[Tensor]:
        z = self.model.features(inputs, self.keys[0].domain, self.tasks)
        found = []
        units = self.get_buffer("units")
        for key, (location, scale) in zip(self.keys, units, strict=True):
            found.append(location + scale * self.model.output(key, z[key.task]).double())
        return found


class _Lstm(nn.Module):
    """A layer of an LSTM as the operator of ONNX; torch's tracer would fix its number of steps."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.width = layer.hidden_size

        def ordered(name: str) -> Tensor:
            gates = layer.get_parameter(name).detach().chunk(4)
            return torch.cat([gates[place] for place in GATES])

        self.register_buffer("w", ordered("weight_ih_l0")[None])
        self.register_buffer("r", ordered("weight_hh_l0")[None])
        biases = [ordered("bias_ih_l0"), ordered("bias_hh_l0")]
        self.register_buffer("b", torch.cat(biases)[None])

    def forward(self, x: Tensor) -> Tensor:
        """As of `Recurrent`: of [N, L, d] [N, L, width]."""
        n, length = x.shape[:2]
        weights = [self.get_buffer(name) for name in ("w", "r", "b")]
        hidden, *_ = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            (x.transpose(0, 1), *weights),
            {"hidden_size": self.width},
            dtypes=(torch.float32,) * 3,
            shapes=((length, 1, n, self.width), (1, n, self.width), (1, n, self.width)),
            version=OPSET,
        )
        return hidden.squeeze(1).transpose(0, 1) * present(x)


class _Bag(nn.Module):
    """The mean of the vectors of a text's tokens; torch's tracer would make a loop over texts."""

    def __init__(self, layer: nn.EmbeddingBag) -> None:
        super().__init__()
        self.register_buffer("vectors", layer.weight.detach().clone())

    def forward(self, ids: Tensor) -> Tensor:
        """Of [N, L] [N, d], 0 of a text without a token."""
        there = (ids != PADDING).unsqueeze(-1)
        total = (self.get_buffer("vectors")[ids] * there).sum(dim=1)
        return total / there.sum(dim=1).clamp(min=1)


# What stands in a graph for layers that torch's tracer makes nothing good of.
OTHERWISE: Mapping[type[nn.Module], Callable[[Any], nn.Module]] = {
    Recurrent: _Lstm,
    nn.EmbeddingBag: _Bag,
}


def _units(tasks: Sequence[Task]) -> Tensor:
    """Location and scale of each task, 0 and 1 of classes, float64 [tasks, 2].

    They are a tensor, for the exporter rounds a number of Python's to float32.
    """
    found = [(0.0, 1.0) if task.classes else (task.location, task.scale) for task in tasks]
    return torch.tensor(found, dtype=torch.float64)


class _Coefficients(nn.Module):
    """An estimator of every task: w x + b in float64, or one answer for every row."""

    def __init__(
        self, estimator: Estimator, keys: Sequence[TaskKey], tasks: Sequence[Task]
    ) -> None:
        super().__init__()
        self.answers = nn.ModuleList()
        for key, task in zip(keys, tasks, strict=True):
            parts = estimator.parts(key)
            if "answer" in parts:
                self.answers.append(_Constant(task, parts["answer"]))
                continue
            domains = estimator.rows_of(key)
            where = np.array([float(name == key.domain) for name in domains])
            learnt = estimator.learnt(key)
            self.answers.append(_Linear(task, parts, where[len(domains) == 1 :], learnt))

    def forward(self, inputs: Tensor) -> list[Tensor]:
        rows = inputs.flatten(1).double()
        if inputs.dtype == torch.uint8:
            rows = rows / 255  # which float32 holds
        return [answer(rows) for answer in self.answers]


class _Constant(nn.Module):
    """answer: [k], for every row."""

    def __init__(self, task: Task, answer: np.ndarray) -> None:
        super().__init__()
        said = torch.from_numpy(answer).double()
        self.register_buffer("said", said if task.classes else task.location + task.scale * said)

    def forward(self, rows: Tensor) -> Tensor:
        return self.get_buffer("said").expand(rows.shape[0], -1)


class _Linear(nn.Module):
    """w x + b, as `strategies.estimator.as_head` has it. where: the domain, as 0 and 1."""

    def __init__(
        self, task: Task, parts: Mapping[str, np.ndarray], where: np.ndarray, learnt: int
    ) -> None:
        super().__init__()
        self.task = task
        weight = torch.from_numpy(np.atleast_2d(parts["coefficients"])).double()
        bias = torch.from_numpy(np.atleast_1d(parts["intercept"])).double()
        inputs = weight.shape[1] - len(where)
        self.register_buffer("w", weight[:, :inputs].T.contiguous())
        # where every row is of one domain, what it adds is one number
        self.register_buffer("b", bias + weight[:, inputs:] @ torch.from_numpy(where))
        self.present = [] if not task.classes else list(map(int, parts["classes"]))
        k = len(task.classes)
        logs = absent_logs(k, len(self.present), learnt) if task.classes else (0.0, 0.0)
        self.register_buffer("logs", torch.tensor(logs, dtype=torch.float64))
        self.register_buffer("units", _units([task]))

    def forward(self, rows: Tensor) -> Tensor:
        """Of [N, d] [N, k]."""
        said = rows @ self.get_buffer("w") + self.get_buffer("b")
        if not self.task.classes:
            location, scale = self.get_buffer("units")[0]
            numbers: Tensor = location + scale * said
            return numbers
        if said.shape[1] == 1:
            said = torch.cat([torch.zeros_like(said), said], dim=1)
        absent, seen = self.get_buffer("logs")
        logs = log_softmax(said, dim=1) + seen
        rare = torch.zeros_like(logs[:, :1]) + absent
        columns = [
            logs[:, self.present.index(c)].unsqueeze(1) if c in self.present else rare
            for c in range(len(self.task.classes))
        ]
        heads = torch.cat(columns, dim=1)
        return heads[:, 1:] - heads[:, :1] if self.task.kind == "binary" else heads
