"""What a finished run says of test rows: its model rebuilt, proved by what it said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tlrun.config.build import Run
from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Problem, Split
from tlrun.core.seeding import exactly
from tlrun.core.task import Task, TaskKey
from tlrun.models.model import Model
from tlrun.runs.encoding import held_fixed
from tlrun.runs.final_evaluation import scores_of
from tlrun.runs.outcome import Outcome
from tlrun.runs.trained_model import load_model
from tlrun.strategies.base import Stage
from tlrun.training.devices import resolve
from tlrun.training.evaluation import encoded, outputs_of

if TYPE_CHECKING:
    from torch import Tensor

CLOSE = 1e-3  # how far outputs may be from those that were kept, by other rounding elsewhere


@dataclass(frozen=True)
class Rebuilt:
    """A finished run that can be asked again.

    outcome: what it came to. run: its config. problem: of the domains that it is about. model: its
    last. last: the stage that trained it.
    """

    outcome: Outcome
    run: Run
    problem: Problem
    model: Model
    last: Stage

    def evaluate(self, rows: Mapping[str, Split]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Scores and predictions, as `final_evaluation.scores_of` gives them.

        rows: test rows of every domain that the run is about.
        """
        answered = [key for key in self.problem.task_keys if self.model.has_head(key)]
        together = self.last.trained_for == "all tasks"
        with exactly(self.run.threads):
            return scores_of(
                self.problem, rows, answered, self._outputs, together=together, validated=False
            )

    def _outputs(self, domain: str, tasks: Sequence[Task], split: Split) -> Mapping[str, Tensor]:
        """What the heads say; what was held fixed of φ comes first, as where the run was tested."""
        modules = held_fixed(self.last, self.model, self.problem.inputs, self.run.trainer)
        if modules:
            parts = list(encoded(self.model, domain, split, modules))
            split = replace(split, inputs=np.concatenate(parts), passed=modules)
        return outputs_of(self.model, domain, tasks, split)


def rebuilt(outcome: Outcome, run: Run, problem: Problem) -> Rebuilt:
    """A finished run, its model loaded; it says of the open rows what it said when it was tested.

    problem: as the run's seed draws it, without what is sealed. Raises UserError where the run
    keeps no model, or the model says something else now.
    """
    key = outcome.path.name
    try:
        model = load_model(outcome.path, device=resolve(run.device))
        outcome.check("predictions.safetensors")
    except (OSError, ValueError, RuntimeError) as error:
        found = " ".join(str(error).split())
        raise UserError(Mistake(key, "a run whose model can be loaded", found)) from None
    last = run.strategy.stages(problem, run.lam, run.trainer.steps)[-1]
    about = problem.only("target") if problem.named("target") else problem
    asked = Rebuilt(outcome, run, about, model, last)
    if not _as_before(asked, problem.unopened().test.open()):
        found = "others from its model.safetensors"
        hint = "give its command again with rerun=true"
        raise UserError(Mistake(key, "the predictions that it keeps", found, hint))
    return asked


def _as_before(asked: Rebuilt, opened: Mapping[str, Split]) -> bool:
    """Whether a run's model says of the open test rows what predictions.safetensors holds."""
    from safetensors.torch import load_file

    kept = load_file(asked.outcome.path / "predictions.safetensors")
    _, again = asked.evaluate(opened)
    for key in map(str, asked.problem.task_keys):
        if (key in kept) != (key in again):
            return False
        if key not in kept:
            continue
        same = kept[key].shape == again[key].shape
        size = float(kept[key].abs().max()) if kept[key].numel() else 1.0
        if not same or not torch.allclose(kept[key], again[key], rtol=CLOSE, atol=CLOSE * size):
            return False
    return any(str(TaskKey(*key)) in kept for key in asked.problem.task_keys)
