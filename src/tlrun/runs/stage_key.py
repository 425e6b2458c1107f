"""What decides a stage, and its key: stages of one key end with the same weights, to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from typing import Any

from tlrun.config.build import Run
from tlrun.config.plugins import sources
from tlrun.config.registry import GROUPS
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import as_data
from tlrun.core.problem import Problem
from tlrun.runs.identity import backbone_node, digest_of, node_of
from tlrun.store.fingerprint import fingerprint, versions
from tlrun.strategies.base import Stage, Strategy
from tlrun.training.devices import bf16_instructions, describe
from tlrun.training.options import TrainerOptions

# what a stage may train of φ so that what comes before it need be computed only once
CACHED = ("head", "last")


def computes_once(stages: Sequence[Stage], trainer: TrainerOptions) -> bool:
    """Whether any stage computes once what it holds fixed of φ."""
    return trainer.cache_features and any(stage.trained in CACHED for stage in stages)


def stage_inputs(
    run: Run, problem: Problem, stages: Sequence[Stage], device: str
) -> list[dict[str, Any]]:
    """Everything that decides the outcome of each of `stages` of `run`, as strict JSON can hold it.

    device: cpu or cuda:N. Where in the order of its examples a stage begins to draw follows from
    the stages before, by way of `after`.
    """
    inputs: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        strategy = stage.by or run.strategy
        equation = node_of("strategy", strategy)
        before = None
        if inputs:
            before = {"key": stage_key(inputs[-1]), "inherited by": equation}
        caches = computes_once([stage], run.trainer)
        trainer = replace(run.trainer, steps=stage.steps, cache_features=caches)
        trains = bool(stage.domains)  # else nothing of these decides it
        inputs.append(
            {
                "stage": stage.name,
                "number": number,  # names the stream of dropout
                # in order, as weights, graphs and matrices of tasks are
                "domains": [_domain(problem, name) for name in stage.domains],
                "inputs": as_data(problem.inputs),
                "backbone": backbone_node(run, pretrained=stage.pretrained),
                "equation": equation,
                "lam": node_of("lam", stage.lam),
                "optimizer": node_of("optimizer", run.optimizer) if trains else None,
                "trainer": node_of("trainer", trainer) if trains else None,
                "seed": run.seed if trains else None,
                "init": stage.init,
                "task_specific": stage.task_specific,
                "trained": stage.trained,
                "pretrained": stage.pretrained,
                "trained for": stage.trained_for,
                "selected": stage.selected if trainer.select == "best" else None,
                "fingerprint": stage_fingerprint(run, device, strategy),
                "after": before,
            }
        )
    return inputs


def stage_key(inputs: Mapping[str, Any]) -> str:
    """12 hexadecimal digits: the digest of a stage's `inputs`."""
    return digest_of([inputs, ""])


def stage_fingerprint(run: Run, device: str, strategy: Strategy) -> dict[str, str | int]:
    """What beside config, seed and data may decide a stage's bits; of plug-ins, those it meets.

    strategy: whose equation trains it.
    """
    return _fingerprint(run, device, {"backbone": run.backbone, "strategy": strategy})


def run_fingerprint(run: Run, device: str) -> dict[str, str | int]:
    """Everything beside config, seed and data that may decide a run's bits.

    What its strategy ignores decides none; without a backbone it is computed on the CPU.
    """
    ignores = run.strategy.ignores
    roles = {group: getattr(run, group) for group in GROUPS if group not in ignores}
    return _fingerprint(run, "cpu" if "backbone" in ignores else device, roles)


def data_fingerprint(run: Run) -> dict[str, str | int]:
    """What beside files, options and seed may decide what a run's data set reads of them."""
    facts = _fingerprint(run, "cpu", {"dataset": run.dataset})
    return facts | versions("torchvision", "pyarrow", "pillow", "tokenizers")


def _fingerprint(run: Run, device: str, roles: Mapping[str, object]) -> dict[str, str | int]:
    foreign: dict[str, str] = {}
    for group, role in roles.items():
        module = type(role).__module__
        if not module.startswith("tlrun."):
            foreign[group] = sources(module)
    where = describe(device)
    if run.trainer.precision == "bf16" and "trainer" not in run.strategy.ignores:
        where += f" ({bf16_instructions(device) or 'no bf16'})"
    facts = fingerprint(run.threads, where, foreign)
    if "backbone" in roles:
        for library in getattr(run.backbone, "libraries", ()):
            facts |= _version_of(library)
    return facts


def _version_of(library: str) -> dict[str, str]:
    """The version of a library that a backbone needs. Raises UserError where it is not there."""
    try:
        return versions(library)
    except PackageNotFoundError:
        hint = f"pip install {library}, or an extra of tl-run that has it (docs/backbones.md)"
        expected = f"{library}, which it is built by"
        raise UserError(Mistake("backbone", expected, "it is not installed", hint)) from None


def _domain(problem: Problem, name: str) -> dict[str, Any]:
    domain = problem.domains[name]
    # The metric is what a task is judged by; no training sees it.
    tasks = [as_data(replace(task, metric=None)) for task in domain.tasks]
    return {"name": name, "digest": domain.digest, "role": domain.role, "tasks": tasks}
