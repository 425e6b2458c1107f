"""What a config comes to before anything is trained: checked against its data, cut into stages, and given its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tlrun.build import GROUPS, Config, Run, build, find, identity, science, shipped
from tlrun.core import Dataset, Screen, Stage
from tlrun.devices import describe, resolve
from tlrun.errors import UserError
from tlrun.options import as_data, fields
from tlrun.plugins import sources
from tlrun.problem import Problem, known
from tlrun.store.entries import Entry
from tlrun.store.fingerprint import fingerprint
from tlrun.store.rundir import RunDir
from tlrun.store.stages import stage_entry

NO_EFFECT = "λ has no effect here (the losses share no free parameter): running as λ=inf"
THIS = "this run"
PRECISION = "float32"  # of weights and inputs; there is no other yet


@dataclass(frozen=True)
class Plan:
    """One run, ready to be trained or found. config: what it was planned from. science: of it, what decides the run,
    and where its data are. device: cpu or cuda:N.
    """

    config: Config
    run: Run
    science: Mapping[str, Any]
    stages: Sequence[Stage]
    place: RunDir
    device: str
    contents: Sequence[Mapping[str, Any]]  # what decides each stage

    @property
    def lam(self) -> str:
        return self.run.lam.label if "lam" in self.science else ""

    @property
    def fingerprint(self) -> dict[str, str | int]:
        """Everything beside config, seed and data that may decide the bits."""
        return _fingerprint(self.run, self.device, {group: getattr(self.run, group) for group in GROUPS})

    @property
    def shared(self) -> dict[str, Entry]:
        """Where each stage that other runs share is kept, by its key; none where the run trains all by itself."""
        if not self.run.stages:
            return {}
        keys = [key_of(content) for content in self.contents]
        runs_dir = Path(self.run.runs_dir).expanduser()
        return {key: stage_entry(runs_dir, key) for key, stage in zip(keys, self.stages, strict=True) if stage.shared}

    def problem(self) -> Problem:
        """The data of the run, its test set shut."""
        return load(self.run.dataset, self.run.seed)


def load(dataset: Dataset, seed: int) -> Problem:
    """The problem of a data set and a seed, its test set shut. The last one is kept: arms of a seed share it."""
    problem = _load(dataset, seed)  # type: ignore[arg-type]  # a frozen dataclass can be hashed
    return replace(problem, test=problem.test.shut())


@lru_cache(maxsize=1)
def _load(dataset: Dataset, seed: int) -> Problem:
    return dataset.load(seed)


def planned(config: Config, screen: Screen) -> dict[str, Plan]:
    """The run that `config` asks for, as THIS, and, unless `controls` is false, each of its controls by name.

    Raises UserError where any of them cannot work.
    """
    asked = plan(config, screen)
    controls = asked.run.strategy.controls(asked.problem()) if asked.run.controls else {}
    return {THIS: asked} | {name: plan({**config, **nodes}, screen) for name, nodes in controls.items()}


def plan(config: Config, screen: Screen) -> Plan:
    """Check a config against its data and say where its run belongs. Raises UserError where they do not fit."""
    run = build(config)
    device = resolve(run.device)
    problem = load(run.dataset, run.seed)
    run.backbone.width(problem.shape)  # raises here, before anything starts
    check_roles(run, problem)
    check_selection(run, problem)
    stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
    for remark in run.strategy.remarks(run.backbone):
        screen.note(remark)
    if not lam_acts(problem, stages, run):
        screen.note(NO_EFFECT)
        return plan({**config, "lam": {"name": "constant", "value": math.inf}}, screen)
    decisive = science(config, run.strategy.ignores)
    lam = f"lam={run.lam.label}_" if "lam" in decisive else ""
    name = f"{lam}seed={run.seed}_{identity(placeless(decisive, run.dataset), problem.known_by)}"
    group = f"{decisive['dataset']['name']}/{decisive['strategy']['name']}"
    place = RunDir(Path(run.runs_dir).expanduser(), group, name)
    return Plan(config, run, decisive, stages, place, device, contents(run, problem, stages, device))


def placeless(science: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """What decides a run, without where its data are: their digest decides, wherever they were read."""
    places: frozenset[str] = getattr(dataset, "places", frozenset())
    return {**science, "dataset": {key: value for key, value in science["dataset"].items() if key not in places}}


def contents(run: Run, problem: Problem, stages: Sequence[Stage], device: str) -> list[dict[str, Any]]:
    """What decides the outcome of each stage, to the bit: two stages of one content end with the same weights.

    The places in the order of examples from which a stage draws follow from the stages before, by way of `after`.
    """
    found: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        by = stage.by or run.strategy
        domains = [  # in order, as weights, graphs and matrices of tasks are
            {
                "name": name,
                "digest": problem.domains[name].digest,
                "role": problem.domains[name].role,
                "tasks": [_said(replace(task, metric=None)) for task in problem.domains[name].tasks],
            }
            for name in stage.domains
        ]
        before = {"key": key_of(found[-1]), "inherited by": _said(by)} if found else None
        found.append(
            {
                "stage": stage.name,
                "number": number,  # names the stream of dropout
                "domains": domains,
                "shape": problem.shape,
                "backbone": _said(run.backbone),
                "equation": _said(by),
                "lam": _said(stage.lam),
                "optimizer": _said(run.optimizer),
                "trainer": _said(
                    replace(run.trainer, steps=stage.steps, cache_features=stage.frozen and run.trainer.cache_features)
                ),
                "seed": run.seed,
                "init": stage.init,
                "own": stage.own,
                "frozen": stage.frozen,
                "precision": PRECISION,
                "fingerprint": _fingerprint(run, device, {"backbone": run.backbone, "strategy": by}),
                "after": before,
            }
        )
    return found


def key_of(content: Mapping[str, Any]) -> str:
    """The key of a stage: the head of sha256 over its content."""
    return identity(content, "")


def _said(thing: Any) -> dict[str, Any]:
    """An object of a config as data: its class and its options."""
    return {"class": f"{type(thing).__module__}.{type(thing).__qualname__}"} | as_data(thing)


def _fingerprint(run: Run, device: str, roles: Mapping[str, object]) -> dict[str, str | int]:
    modules = {group: type(role).__module__ for group, role in roles.items()}
    foreign = {group: sources(module) for group, module in modules.items() if not module.startswith("tlrun.")}
    return fingerprint(run.threads, describe(device), foreign)


def lam_acts(problem: Problem, stages: Sequence[Stage], run: Run) -> bool:
    """Whether L_S and L_T share a free parameter, in φ or in a head, in every stage whose λ weighs both.

    Where they share none, λ only rescales each loss's own step, and every λ > 0 stands for the run of λ=∞.
    """
    weighed = [stage for stage in stages if (stage.by or run.strategy).needs]  # else λ weighs a penalty
    both = [s for s in weighed if {problem.domains[name].role for name in s.domains} >= {"source", "target"}]
    return all(problem.one_label_space or (run.backbone.learns and not stage.frozen) for stage in both)


def check_roles(run: Run, problem: Problem) -> None:
    """Raises UserError where the strategy needs a source and a target, and all domains are of one standing."""
    if not [role for role in run.strategy.needs if not problem.named(role)]:
        return
    several = [name for name in shipped("strategy") if not getattr(find("strategy", name), "needs", ())]
    fit = f"strategy={' or '.join(several)}"
    if len(problem.units) == 1:
        fit = "dataset=digits, or of a table dataset.task=COLUMN with dataset.target=VALUE"
    elif len(problem.domains) > 1 and "target" in fields(type(run.dataset)):
        fit = f"dataset.target={'|'.join(list(problem.domains)[:3])}, or {fit}"
    found = f"the tasks {', '.join(list(problem.units)[:5])}" if len(problem.units) > 1 else "one task"
    raise UserError(f"strategy: expected a source and a target, found {found} and no target; try {fit}")


def check_selection(run: Run, problem: Problem) -> None:
    """Raises UserError where `trainer.select=best` has no validation labels to choose by."""
    lacking = [
        f"{name}/{task.name}"
        for name, domain in problem.domains.items()
        for task in domain.tasks
        if domain.val is None or not known(domain.val.labels[task.name]).any()
    ]
    if run.trainer.select == "best" and lacking:
        raise UserError(
            f"trainer.select: best expects validation labels of every task, found none of {', '.join(lacking)}; try "
            "dataset.val_share=0.2 (the labels asked for then buy training and validation together)"
        )
