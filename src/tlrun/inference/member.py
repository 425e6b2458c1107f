"""One model that answers: how it reads new rows, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.task import Task, TaskKey
from tlrun.inference.arrays import array_reader
from tlrun.inference.estimator import Estimator
from tlrun.inference.images import image_reader
from tlrun.inference.kept_run import DAMAGED, KeptRun, open_run
from tlrun.inference.network import Network
from tlrun.inference.rows import Memo, NewRows, Reader, Tell, silent
from tlrun.inference.tables import table_reader
from tlrun.inference.texts import text_reader
from tlrun.runs.trained_model import input_spec
from tlrun.strategies.estimator import EstimatorStrategy
from tlrun.training.evaluation import Watch


class Member:
    """The model of a run, or of one of its folds.

    run: whose. number: of its form of reading, and of its fold. tell: is told how far a long
    reading has come.

    Attributes:
    tasks: what it answers, by key. form: what preprocessing.json says of how it reads rows, empty
    where it does not. model: what computes. folder, fold: of the run; fold None where it has none.
    spoilt: as of `KeptRun.spoilt`.
    """

    def __init__(self, run: KeptRun, number: int, tell: Tell = silent) -> None:
        self.about, self.spoilt = run.about, run.spoilt
        form, fold = run.forms[number], number if run.folds else None
        tasks = run.tasks(form)
        of = Estimator if isinstance(run.node("strategy"), EstimatorStrategy) else Network
        self.form, self.folder, self.fold = form, run.folder, fold
        self.model: Network | Estimator = of(run, tasks, fold)
        unknown = run.without_unit(form)
        self.tasks: Mapping[TaskKey, Task] = {
            key: task for key, task in self.model.tasks.items() if key.task not in unknown
        }
        if not self.tasks:
            found = f"none, and no unit of {', '.join(unknown)}" if unknown else "none"
            raise UserError(Mistake(str(run.folder), "a model that answers a task", found))
        self._read = _reader(run, form, tell)
        self._form = repr(form)

    def read(self, new: Any, memo: Memo) -> NewRows:
        """New rows as this model reads them. memo: of what others have read of them."""
        key = ("rows", self._form)
        if key not in memo:
            memo[key] = self._read(new, memo)
        found: NewRows = memo[key]
        return found

    def outputs(self, key: TaskKey, rows: NewRows, watch: Watch = iter) -> np.ndarray:
        """Of N rows, [N, k]: logits, or numbers in the unit of the task `key`."""
        return self.model.outputs(key, rows.inputs, watch)


def members_of(folder: Path, tell: Tell = silent) -> list[Member]:
    """The models of the run in a folder: one, or one a fold. Raises UserError in one line."""
    run = open_run(folder)
    return [Member(run, number, tell) for number in range(len(run.forms))]


def _reader(run: KeptRun, form: Mapping[str, Any], tell: Tell) -> Reader:
    """What reads new rows as the run read those it learnt from."""
    try:
        if "inputs" in form:
            return table_reader(form)
        if "text" in form:
            return text_reader(form, tell)
        if "images" in form:
            return image_reader(form, tell)
        spec = input_spec(run.folder)
    except UserError:
        raise
    except DAMAGED as error:
        found = f"{type(error).__name__}: {error}"
        where = str(run.folder / "preprocessing.json")
        raise UserError(Mistake(where, "how its rows were read", found)) from None
    if spec.kind == "tokens":
        found = "no preprocessing.json"
        raise UserError(Mistake(str(run.folder), "how its texts were read", found))
    return array_reader(spec)
