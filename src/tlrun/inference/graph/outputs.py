"""What comes out of a graph: of each task its answers, by names that no column has.

Shapes: N rows, k classes, c columns of categories.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tlrun.core.task import Task, TaskKey
from tlrun.inference.graph.inputs import OURS, GraphInputs, Port

if TYPE_CHECKING:
    from onnx import NodeProto

UNSEEN = "unseen"


@dataclass(frozen=True)
class Outputs:
    """The outputs of a graph.

    tasks: what it answers, in order. before: what stands before every name. categories: c.
    """

    tasks: Mapping[TaskKey, Task]
    before: str
    categories: int

    @property
    def unseen(self) -> str:
        """The name of which categories were never learnt from."""
        return f"{self.before}{UNSEEN}"

    def prediction(self, key: TaskKey) -> str:
        """The name of the most likely class, or of the number."""
        return self._called(key, "prediction")

    def probabilities(self, key: TaskKey) -> str:
        """The name of the probability of each class."""
        return self._called(key, "probabilities")

    def _called(self, key: TaskKey, what: str) -> str:
        return self.before + (f"{key.task}/{what}" if len(self.tasks) > 1 else what)

    @property
    def ports(self) -> Sequence[Port]:
        """All of them."""
        ports = []
        for key, task in self.tasks.items():
            if not task.classes:
                said = f"{key.task}, in its unit"
                ports.append(Port(self.prediction(key), "double", ("N",), said))
                continue
            k, said = len(task.classes), f"of {', '.join(task.classes)}"
            ports.append(Port(self.prediction(key), "string", ("N",), "the most likely class"))
            ports.append(Port(self.probabilities(key), "float", ("N", k), said))
        if self.categories:
            said = "which categories were never learnt from"
            ports.append(Port(self.unseen, "bool", ("N", self.categories), said))
        return ports

    def nodes(self, said: Sequence[str], unseen: str) -> Iterator[NodeProto]:
        """To the ports, from the tensors `said` [N, k] or [N] of each task, and `unseen` [N, c]."""
        from onnx import TensorProto
        from onnx.helper import make_node, make_tensor

        for name, (key, task) in zip(said, self.tasks.items(), strict=True):
            if not task.classes:
                yield make_node("Identity", [name], [self.prediction(key)])
                continue
            best, classes = f"{OURS}best {key}", f"{OURS}classes {key}"
            texts: Any = [each.encode() for each in task.classes]  # as the format has a string
            kept = make_tensor(classes, TensorProto.STRING, [len(texts)], texts)
            yield make_node("Constant", [], [classes], value=kept)
            yield make_node("ArgMax", [name], [best], axis=1, keepdims=0)
            yield make_node("Gather", [classes, best], [self.prediction(key)])
            to = TensorProto.FLOAT
            yield make_node("Cast", [name], [self.probabilities(key)], to=to)
        if self.categories:
            yield make_node("Identity", [unseen], [self.unseen])


def outputs_of(tasks: Mapping[TaskKey, Task], inputs: GraphInputs) -> Outputs:
    """The outputs of a graph; where a column has the name of one, all begin with `answer/`."""
    outputs, taken = Outputs(tasks, "", inputs.categories), {port.name for port in inputs.ports}
    while any(port.name in taken for port in outputs.ports):
        outputs = replace(outputs, before=f"answer/{outputs.before}")
    return outputs
