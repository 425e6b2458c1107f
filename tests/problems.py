"""Small problems and configs for tests, and doubles for what watches a run."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from tlrun.config.build import build
from tlrun.core.inputs import InputSpec
from tlrun.core.notes import Note
from tlrun.core.objective import Steps
from tlrun.core.problem import Domain, HeldOutTest, Problem, Role, Split
from tlrun.core.task import Kind, Task
from tlrun.data.batches import as_batch, labelled
from tlrun.models.backbone import TrainedPart
from tlrun.models.blocks import first_free
from tlrun.models.model import Model
from tlrun.report.notes import words
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan, plan
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import perform, run_with_controls
from tlrun.runs.screen import Screen
from tlrun.store.digests import OWN, kept_facts, sealed
from tlrun.store.files import read_json, write_json
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import written
from tlrun.sweeps.plan import SweepPlan, plan_sweep
from tlrun.training.evaluation import encoded
from tlrun.training.forward import forward
from tlrun.training.state import TrainState

SHAPE = (1, 4, 4)
SPEC = InputSpec(SHAPE)
# the least that a result.json holds
RESULT: dict[str, Any] = {
    "headline": {"name": "accuracy", "val": None, "test": 1.0},
    "metrics": {"val": {}, "test": {}},
    "tested": {},
    "labels": {},
    "steps": 1,
    "examples": 1,
    "size": None,
}
# a run in an instant
TINY = ["backbone=mlp", "backbone.hidden=[8]", "trainer.steps=4", "trainer.batch_size=8"]


def split(seed: int, n: int, tasks: tuple[Task, ...], shape: tuple[int, ...] = SHAPE) -> Split:
    """`n` random examples whose class is written into their first pixel, so that there is something
    to learn."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((n, *shape)).astype(np.float32)
    labels: dict[str, np.ndarray] = {}
    for place, task in enumerate(tasks):
        if task.kind == "regression":
            labels[task.name] = rng.standard_normal(n).astype(np.float32)
        else:
            labels[task.name] = rng.integers(0, len(task.classes), n)
        inputs.reshape(n, -1)[:, place] += labels[task.name]
    return Split(inputs, labels, np.arange(n))


def problem(label_space: Literal["shared", "split"] = "shared", val: bool = False) -> Problem:
    """A source of 40 and a target of 12 labelled examples, three classes."""
    ours = Task("ours", "multiclass", ("a", "b", "c"))
    theirs = ours if label_space == "shared" else Task("theirs", "multiclass", ("d", "e"))
    source = Domain(
        "source", "source", (ours,), split(0, 40, (ours,)), split(1, 9, (ours,)) if val else None
    )
    target = Domain(
        "target",
        "target",
        (theirs,),
        split(2, 12, (theirs,)),
        split(3, 9, (theirs,)) if val else None,
    )
    test = HeldOutTest({"source": split(4, 20, (ours,)), "target": split(5, 30, (theirs,))})
    return Problem({"source": source, "target": target}, test, "digest")


def peers(*roles: Role) -> Problem:
    """A domain for each role given, all of one label space, 24 labelled examples each, their inputs
    each at a place."""
    task = Task("kind", "multiclass", ("a", "b", "c"))
    domains, test = {}, {}
    for number, role in enumerate(roles):
        name = f"{role}{number}"
        train, held_out = (split(10 * number + k, n, (task,)) for k, n in enumerate((24, 15)))
        for part in (train, held_out):
            part.inputs[...] += number
        domains[name], test[name] = Domain(name, role, (task,), train), held_out
    return Problem(domains, HeldOutTest(test), "digest")


def with_tasks(**domains: Sequence[Task]) -> Problem:
    """A domain of each name given with the tasks given, 10, 13, 16, … labelled, no test."""
    parts = {
        name: Domain(name, "peer", tuple(tasks), split(k, 10 + 3 * k, tuple(tasks)))
        for k, (name, tasks) in enumerate(domains.items())
    }
    return Problem(parts, HeldOutTest({}), "digest")


def questions(*kinds: Kind) -> Problem:
    """One domain with a task of each kind given, 24 examples; a third of the last one's labels are
    missing."""
    names = {"multiclass": ("a", "b", "c"), "binary": ("no", "yes"), "regression": ()}
    tasks = tuple(Task(f"{kind}{number}", kind, names[kind]) for number, kind in enumerate(kinds))
    train = hidden(split(0, 24, tasks), tasks[-1], 3)
    domain = Domain("images", "peer", tasks, train)
    return Problem({"images": domain}, HeldOutTest({"images": split(1, 15, tasks)}), "digest")


def hidden(part: Split, task: Task, every: int) -> Split:
    """The same examples, the label of `task` missing in one of `every`."""
    labels = part.labels[task.name].copy()
    labels[::every] = math.nan if task.kind == "regression" else -1
    return replace(part, labels={**part.labels, task.name: labels})


def config(runs_dir: Path, **changes: Any) -> dict[str, Any]:
    """A whole config on the digits, small enough for a test; `changes` replace whole nodes or
    keys."""
    plain: dict[str, Any] = {
        "dataset": {"name": "digits"},
        "backbone": {"name": "mlp", "hidden": [16]},
        "strategy": {"name": "parameter_transfer"},
        "lam": {"name": "constant", "value": 1.0},
        "optimizer": {"name": "adam", "lr": 0.003},
        "trainer": {"name": "trainer", "steps": 6, "batch_size": 16, "eval_every": 4},
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "runs_dir": str(runs_dir),
        "controls": False,
        "rerun": False,
        "stages": True,
        "reuse": "same",
        "allow_inexact": False,
        "checkpoint": {"seconds": 60.0, "steps": None},
        "sweep": {"jobs": None, "engine": "auto"},
        "verdict": {"alpha": 0.05, "delta": None},
        "tune": {"lr": None},
    }
    return plain | changes


def planned(config: Mapping[str, Any], screen: Screen) -> Plan:
    """The plan of a config."""
    return plan(build(config), ProblemCache(), screen)


def data_of(plan: Plan) -> Problem:
    """The problem of a plan, its test set not opened yet."""
    return ProblemCache().load(plan.run.dataset, plan.run.seed)


def performed(plan: Plan, name: str, screen: Screen, wait: bool = False) -> Outcome:
    """The run of a plan, found or trained."""
    return perform(plan, name, ProblemCache(), screen, wait)


def outcomes_of(config: Mapping[str, Any], screen: Screen) -> list[Outcome]:
    """The run of a config, and its controls."""
    return run_with_controls(build(config), screen)


def swept(configs: Sequence[Mapping[str, Any]], screen: Screen) -> SweepPlan:
    """The plan of a sweep over configs."""
    return plan_sweep([build(config) for config in configs], screen, lambda _: None)


def outcome(name: str = THIS, test: float | None = 0.5, **changes: Any) -> Outcome:
    """A finished run that nobody trained, on the test score `test`; `changes` replace its facts."""
    lam = changes.get("lam", 1.0)
    result = {
        "headline": {"name": "target accuracy", "val": None, "test": test, "tasks": {}},
        "metrics": {"val": {}, "test": {}},
        "tested": {},
        "labels": {"source": 719, "target": 50},
        "steps": 400,
        "examples": 38400,
        "size": {"parameters": 100, "nonzeros": 100, "flops": 200},
    }
    facts: dict[str, Any] = {
        "name": name,
        "strategy": "feature_transfer" if name == THIS else name,
        "seed": 0,
        "problem": "p",
        "setting": "s",
        "family": "f",
        "lam": lam,
        "lam_label": "" if lam is None else written(lam),
        "controls": {},
        "optimizer": {"name": "adam", "lr": 0.003},
        "test_examples": "e",
        "path": Path("runs/digits/[bold]/x"),
        "result": result,
        "seconds": 1.25,
    }
    return Outcome(**facts | changes)


# of two tasks, what each is judged by
TWO_METRICS = {"d/a": "accuracy", "d/b": "r2"}


def scored(
    scores: Mapping[str, float | None],
    name: str = THIS,
    metrics: Mapping[str, str] = TWO_METRICS,
    seed: int = 0,
    **result: Any,
) -> Outcome:
    """A run that scored `scores` on its tasks; metrics: what each of its tasks is judged by."""
    found = {key: {metrics[key]: value, "loss": 1.0} for key, value in scores.items()}
    told = {
        "headline": {"name": "mean score", "val": None, "test": 0.5, "tasks": dict(metrics)},
        "metrics": {"val": {}, "test": found},
        "tested": {key: {"labels": 30} for key in metrics},
    }
    strategy = "task_relation" if name == THIS else name
    return outcome(
        name, strategy=strategy, seed=seed, result={**outcome().result, **told, **result}
    )


def numbered(count: int) -> dict[str, str]:
    return {f"d/t{k}": "accuracy" for k in range(count)}


def own_folder(tmp_path: Path, text: str) -> Path:
    """A folder of YAMLs with the experiment `x`, whose text is given."""
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "x.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "mine"


@dataclass
class Watcher:
    """A screen that remembers what it was told; notes: in words."""

    notes: list[str] = field(default_factory=list)
    stages: list[tuple[str, Stage]] = field(default_factory=list)
    steps: int = 0

    def note(self, note: Note, runs: int = 1) -> None:
        self.notes += words(note, runs)

    def begin(self, run: str, stage: Stage) -> None:
        self.stages.append((run, stage))

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        self.steps += 1

    def end(self) -> None:
        pass


@dataclass
class SweepWatcher:
    """A watcher of a sweep that remembers.

    notes: in words, after the title of their run. most: runs at once. over: why each run that is
    over failed. begun: set when a stage is under way.
    """

    notes: list[str] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    over: dict[str, str] = field(default_factory=dict)
    stages: set[tuple[str, int]] = field(default_factory=set)
    begun: threading.Event = field(default_factory=threading.Event)

    def note(self, title: str, note: Note) -> None:
        self.notes += [f"{title}: {line}" for line in words(note)]

    def started(self, title: str) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)

    def progress(self, title: str, stage: str, step: int, steps: int) -> None:
        self.stages.add((stage, steps))
        self.begun.set()

    def finished(self, title: str, reason: str) -> None:
        self.at_once -= 1
        self.over[title] = reason


def no_note(note: Note) -> NoReturn:
    """For what has nothing to tell."""
    raise AssertionError(note)


@dataclass
class Rows:
    """A recorder that keeps everything in memory."""

    terms: list[Mapping[str, float]] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        self.terms.append(terms)

    def log(self, row: Mapping[str, object]) -> None:
        self.rows.append(row)


def everything(problem: Problem, model: Model) -> Steps:
    """A step that draws all training examples of every domain."""
    steps = Steps()
    for name, domain in problem.domains.items():
        batch = as_batch(domain.train)
        shares = {
            task: float(labelled(labels).double().mean()) for task, labels in batch.labels.items()
        }
        steps[name] = forward(model, domain, batch, shares)
    return steps


def as_features(problem: Problem, model: Model, trained: TrainedPart) -> Problem:
    """The problem with what the part of φ that is computed once makes of its training examples."""
    domains = {}
    for name, domain in problem.domains.items():
        modules = first_free(model.first_trunk(name).backbone, trained)
        made = np.concatenate(list(encoded(model, name, domain.train, modules)))
        train = replace(domain.train, inputs=made, passed=modules)
        domains[name] = replace(domain, train=train)
    return replace(problem, domains=domains)


def sign(folder: Path, **facts: Any) -> None:
    """Let run.json of a finished run say that its files are as they are now, and `facts`."""
    record = read_json(folder / "run.json") | kept_facts(folder) | facts
    record.pop(OWN, None)
    write_json(folder / "run.json", sealed(record), synced=False)
