"""What a run's network says of new inputs, by the code that tested it.

Shapes: N inputs, k outputs of a head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from safetensors import SafetensorError

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Inputs, InputSpec
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.seeding import exactly
from tlrun.core.task import Task, TaskKey
from tlrun.core.tokens import Tokens
from tlrun.inference.kept_run import DAMAGED, KeptRun
from tlrun.models.model import Model
from tlrun.runs.encoding import held_fixed
from tlrun.runs.trained_model import input_spec, model_of
from tlrun.strategies.base import Stage
from tlrun.training.evaluation import Watch, encoded, outputs_of


class Network:
    """A run's last model. tasks: those that it has a head for, by key. model: itself.

    run: whose. tasks: of the run, scaled. fold: whose model; None where there are no folds.

    Raises UserError where the run keeps no such model, or one that does not fit its files.
    """

    def __init__(self, run: KeptRun, tasks: Mapping[TaskKey, Task], fold: int | None) -> None:
        self._trainer, self._threads = run.node("trainer"), run.threads
        try:
            self.model: Model = model_of(run.folder, fold)
            self._spec = input_spec(run.folder, fold)
        except (*DAMAGED, RuntimeError, SafetensorError) as error:
            found = " ".join(str(error).split())[:300]
            where = str(run.folder / "model.safetensors")
            raise UserError(Mistake(where, "the model of this run", found)) from None
        self.tasks = {key: task for key, task in tasks.items() if self.model.has_head(key)}
        self._last = _last_stage(run, tasks, self._spec)

    def outputs(self, key: TaskKey, inputs: Inputs, watch: Watch = iter) -> np.ndarray:
        """[N, k] of the task `key`: logits, float32, or numbers in their unit, float64.

        watch: is handed the parts of it, in order, and hands them on.
        """
        task, split = self.tasks[key], Split(inputs, {}, np.arange(len(inputs)))
        with exactly(self._threads):
            fixed = held_fixed(self._last, self.model, self._spec, self._trainer)
            if fixed:  # as where it was tested
                made = list(encoded(self.model, key.domain, split, fixed))
                split = replace(split, inputs=np.concatenate(made), passed=fixed)
            (found,) = outputs_of(self.model, key.domain, (task,), split, watch).values()
        if task.kind == "regression":
            found = task.location + task.scale * found.double()
        answers: np.ndarray = found.numpy()
        return answers


def _last_stage(run: KeptRun, tasks: Mapping[TaskKey, Task], spec: InputSpec) -> Stage:
    """The stage that trained the model: which part of φ it held fixed, and computed first."""
    domains = {}
    for name, role in run.roles.items():
        mine = tuple(task for key, task in tasks.items() if key.domain == name)
        labels = {task.name: np.zeros(1, np.int64) for task in mine}
        split = Split(_one_input(spec), labels, np.zeros(1, np.int64))
        domains[name] = Domain(name, role, mine, split)
    problem = Problem(domains, HeldOutTest({}), "")
    stages = run.node("strategy").stages(problem, run.node("lam"), run.node("trainer").steps)
    last: Stage = stages[-1]
    return last


def _one_input(spec: InputSpec) -> Inputs:
    """Something of the form of the run's inputs, which nobody computes with."""
    if spec.kind == "tokens":
        ends, key = np.array([0, 1], np.int64), np.zeros((1, 16), np.uint8)
        return Tokens(np.ones(1, np.int32), ends, spec.shape[0], spec.vocabulary, key)
    return np.zeros((1, *spec.shape), spec.dtype)
