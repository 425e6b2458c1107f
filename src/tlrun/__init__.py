"""The public names of tl-run, an experiment runner for transfer and multi-task learning.

For plug-ins and notebooks. Importing this imports no torch, nor anything else of tl-run: a name is
read from its module when it is first asked for.

    Strategy, Stage, Control        what a strategy is made of; `source_stage` is every transfer's
                                    first, `Scratch` and `SingleTask` the usual controls
    Lam, Constant, Objective, …     λ, a schedule of it, and the equation of a step
    Problem, Domain, Split, Task    what is to be learnt; `assemble` makes a problem of `Part`s
    Backbone, Dataset               what a backbone and a data set must have
    Range, OneOf, Form              what the value of an option may be
    Mistake, UserError              a mistake of a user, in one line
    stream                          the seed of a named random stream
    run, RunResult                  one run with its controls, as the command line carries it out
    sweep, SweepResult              many runs, and the report of them
    load_run, load_runs, Outcome    finished runs, read from their folders
    Runs                            a list of them, which `.to_frame()` makes a data frame of
    load, Predictor                 what was trained, asked for new rows
    load_backbone                   φ of a finished run, as a module
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlrun.api.frame import Runs, load_runs
    from tlrun.api.run import RunResult, run
    from tlrun.api.sweep import SweepResult, sweep
    from tlrun.core.errors import Mistake, UserError
    from tlrun.core.objective import Lam, Objective, Relation, Schedule, Step, Steps
    from tlrun.core.options import Form, OneOf, Range
    from tlrun.core.problem import Domain, HeldOutTest, Problem, Split, digest
    from tlrun.core.seeding import stream
    from tlrun.core.task import Task, TaskKey
    from tlrun.data.assembly import Part, assemble
    from tlrun.data.base import Dataset
    from tlrun.data.examples import examples_digest
    from tlrun.inference.predictor import Predictor, load
    from tlrun.models.backbone import Backbone, Given
    from tlrun.models.model import Model
    from tlrun.models.structure import Structure
    from tlrun.runs.outcome import Outcome, load_run
    from tlrun.runs.trained_backbone import load_backbone
    from tlrun.strategies.base import Control, Stage, Strategy
    from tlrun.strategies.schedules import Constant
    from tlrun.strategies.scratch import Scratch
    from tlrun.strategies.single_task import SingleTask
    from tlrun.strategies.source_only import source_stage

# Where each public name is made.
PUBLIC = {
    "api.frame": ("Runs", "load_runs"),
    "api.run": ("RunResult", "run"),
    "api.sweep": ("SweepResult", "sweep"),
    "core.errors": ("Mistake", "UserError"),
    "core.objective": ("Lam", "Objective", "Relation", "Schedule", "Step", "Steps"),
    "core.options": ("Form", "OneOf", "Range"),
    "core.problem": ("Domain", "HeldOutTest", "Problem", "Split", "digest"),
    "core.seeding": ("stream",),
    "core.task": ("Task", "TaskKey"),
    "data.assembly": ("Part", "assemble"),
    "data.base": ("Dataset",),
    "data.examples": ("examples_digest",),
    "inference.predictor": ("Predictor", "load"),
    "models.backbone": ("Backbone", "Given"),
    "models.model": ("Model",),
    "models.structure": ("Structure",),
    "runs.outcome": ("Outcome", "load_run"),
    "runs.trained_backbone": ("load_backbone",),
    "strategies.base": ("Control", "Stage", "Strategy"),
    "strategies.schedules": ("Constant",),
    "strategies.scratch": ("Scratch",),
    "strategies.single_task": ("SingleTask",),
    "strategies.source_only": ("source_stage",),
}
HOMES: dict[str, str] = {}  # the module of each public name
for _module, _names in PUBLIC.items():
    HOMES |= dict.fromkeys(_names, _module)

__all__ = [
    "Backbone",
    "Constant",
    "Control",
    "Dataset",
    "Domain",
    "Form",
    "Given",
    "HeldOutTest",
    "Lam",
    "Mistake",
    "Model",
    "Objective",
    "OneOf",
    "Outcome",
    "Part",
    "Predictor",
    "Problem",
    "Range",
    "Relation",
    "RunResult",
    "Runs",
    "Schedule",
    "Scratch",
    "SingleTask",
    "Split",
    "Stage",
    "Step",
    "Steps",
    "Strategy",
    "Structure",
    "SweepResult",
    "Task",
    "TaskKey",
    "UserError",
    "assemble",
    "digest",
    "examples_digest",
    "load",
    "load_backbone",
    "load_run",
    "load_runs",
    "run",
    "source_stage",
    "stream",
    "sweep",
]


def __getattr__(name: str) -> object:
    """A public name, read from its module. Raises AttributeError where there is none such."""
    if name not in HOMES:
        raise AttributeError(f"module 'tlrun' has no attribute {name!r}")
    value = getattr(import_module(f"tlrun.{HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
