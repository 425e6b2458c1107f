"""Small stacks of heads for tests, and the same runs by the loop."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, Role, Split
from tlrun.core.task import Task
from tlrun.data.batches import Batches
from tlrun.models.backbone import TaskSpecific
from tlrun.models.backbones.identity import Identity
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.schedules import Constant, Ramp
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Optimizer
from tlrun.training.options import TrainerOptions
from tlrun.training.stacked.layout import Family, Features, Member, aligned
from tlrun.training.stacked.loop import Stack
from tlrun.training.state import TrainState

THREE = Task("kind", "multiclass", ("a", "b", "c"))
TWO = Task("sign", "binary", ("no", "yes"))
SIZE = Task("size", "regression", location=2.0, scale=3.0)


@dataclass(frozen=True)
class Case:
    """What runs of a stack share. width: d. tasks: of source and target."""

    width: int = 5
    tasks: Mapping[str, tuple[Task, ...]] = field(
        default_factory=lambda: {"source": (THREE,), "target": (THREE,)}
    )
    strategy: Strategy = field(default_factory=FeatureTransfer)
    trainer: TrainerOptions = field(
        default_factory=lambda: TrainerOptions(steps=9, batch_size=6, eval_every=4)
    )
    task_specific: TaskSpecific = "nothing"
    n: int = 17
    missing: float = 0.0
    val: bool = True

    def domains(self, seed: int) -> dict[str, Domain]:
        """Examples as a seed draws them; whatever the seed, more of them where it is larger."""
        found = {}
        for place, (name, tasks) in enumerate(self.tasks.items()):
            role: Role = "source" if name == "source" else "target"
            rng = np.random.default_rng(10 * seed + place)
            train, val = (self._split(rng, n, tasks) for n in (self.n + seed, max(8, self.n // 2)))
            found[name] = Domain(name, role, tasks, train, val if self.val else None)
        return found

    def _split(self, rng: np.random.Generator, n: int, tasks: Sequence[Task]) -> Split:
        inputs = rng.standard_normal((n, self.width)).astype(np.float32)
        labels: dict[str, np.ndarray] = {}
        for task in tasks:
            gone = rng.random(n) < self.missing
            gone[:4] = False
            if task.kind == "regression":
                labels[task.name] = np.where(gone, np.nan, inputs[:, 0] + 1.0).astype(np.float32)
            else:
                some = rng.integers(0, len(task.classes), n)
                labels[task.name] = np.where(gone, -1, some)
            labels[task.name][: len(task.classes)] = np.arange(len(task.classes))
        return Split(inputs, labels, np.arange(n), passed=1)

    def model(self, seed: int) -> Model:
        """The model that a seed's runs start from."""
        spec = InputSpec((self.width,))
        return draw_model(Identity(), spec, self.tasks, "target", seed, self.task_specific)

    def stage(self, lam: float | Ramp) -> Stage:
        """The stage of a run."""
        return Stage(
            "target",
            tuple(self.tasks),
            self.trainer.steps,
            lam=lam if isinstance(lam, Ramp) else Constant(lam),
            trained="head",
            task_specific=self.task_specific,
            trained_for="target" if self.task_specific == "nothing" else "all tasks",
        )

    def batches(self, seed: int, domains: Mapping[str, Domain]) -> dict[str, Batches]:
        """The order in which a seed draws."""
        size = self.trainer.batch_size
        return {name: Batches(each.train, name, size, seed) for name, each in domains.items()}


@dataclass(frozen=True)
class One:
    """A run. rows: what it has logged. heads: its heads' tensors at the end, by name."""

    rows: list[Mapping[str, object]]
    heads: dict[str, Tensor]


Setting = tuple[int, float | Ramp, Optimizer]  # seed, λ, optimizer


def stack_of(
    case: Case, settings: Sequence[Setting]
) -> tuple[Stack, list[list[Mapping[str, object]]]]:
    """A stack of runs, and the rows that each is going to log.

    Its members are in the order of the settings, where those of a seed stand together.
    """
    seeds: dict[int, list[Setting]] = {}
    for setting in settings:
        seeds.setdefault(setting[0], []).append(setting)
    rows: list[list[Mapping[str, object]]] = []
    families = []
    for seed, of_seed in seeds.items():
        domains = case.domains(seed)
        train = {name: Features(_aligned(each.train)) for name, each in domains.items()}
        val = {n: _aligned(each.val) for n, each in domains.items() if each.val is not None}
        members = []
        for _, lam, optimizer in of_seed:
            rows.append([])
            members.append(Member(case.stage(lam), optimizer, rows[-1].append))
        batches = case.batches(seed, domains)
        families.append(Family(case.model(seed), domains, batches, train, val, members))
    return Stack(families, case.strategy, case.trainer), rows


def together(case: Case, settings: Sequence[Setting]) -> list[One]:
    """Runs trained as one stack."""
    seeds = list(dict.fromkeys(seed for seed, _, _ in settings))
    order = sorted(range(len(settings)), key=lambda number: seeds.index(settings[number][0]))
    stack, rows = stack_of(case, [settings[number] for number in order])
    assert stack.fit(lambda _: None) == {}
    found: dict[int, One] = {}
    for place, number in enumerate(order):
        model = case.model(0)
        stack.load(place, model)
        found[number] = One(rows[place], heads_of(model))
    return [found[number] for number in range(len(settings))]


def alone(case: Case, setting: Setting) -> One:
    """A run by the loop."""
    seed, lam, optimizer = setting
    domains, model, recorder = case.domains(seed), case.model(seed), _Kept([])
    stage = case.stage(lam)
    state = TrainState.begin(stage, model, optimizer, case.batches(seed, domains))
    fit(stage, model, domains, case.strategy, case.trainer, state, recorder)
    return One(recorder.rows, heads_of(model))


def heads_of(model: Model) -> dict[str, Tensor]:
    """Every tensor of the heads of a model, copied."""
    return copy.deepcopy(model.heads.state_dict())


def adam(lr: float = 0.01, **options: float) -> Adam:
    """An optimizer that gets somewhere in a few steps."""
    return Adam(lr=lr, **options)  # type: ignore[arg-type]  # numbers alone


@dataclass
class _Kept:
    rows: list[Mapping[str, object]]

    def log(self, row: Mapping[str, object]) -> None:
        self.rows.append(row)

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        """Nothing."""


def _aligned(split: Split) -> Tensor:
    return aligned(torch.from_numpy(split.array))
