"""What decides a stage, and its key: stages of one key end with the same weights, to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tlrun.config.build import Run
from tlrun.config.plugins import sources
from tlrun.core.options import as_data
from tlrun.core.problem import Problem
from tlrun.runs.identity import digest_of, node_of
from tlrun.store.fingerprint import fingerprint
from tlrun.strategies.base import Stage, Strategy
from tlrun.training.devices import describe

PRECISION = "float32"  # of weights and inputs; there is no other yet


def stage_inputs(
    run: Run, problem: Problem, stages: Sequence[Stage], device: str
) -> list[dict[str, Any]]:
    """Everything that decides the outcome of each of `stages`, as strict JSON can hold it.

    The places in the order of examples from which a stage draws follow from the stages before, by
    way of `after`.
    """
    found: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        strategy = stage.by or run.strategy
        equation = node_of("strategy", strategy)
        before = None
        if found:
            before = {"key": stage_key(found[-1]), "inherited by": equation}
        caches = stage.frozen and run.trainer.cache_features
        trainer = replace(run.trainer, steps=stage.steps, cache_features=caches)
        found.append(
            {
                "stage": stage.name,
                "number": number,  # names the stream of dropout
                # in order, as weights, graphs and matrices of tasks are
                "domains": [_domain(problem, name) for name in stage.domains],
                "shape": problem.shape,
                "backbone": node_of("backbone", run.backbone),
                "equation": equation,
                "lam": node_of("lam", stage.lam),
                "optimizer": node_of("optimizer", run.optimizer),
                "trainer": node_of("trainer", trainer),
                "seed": run.seed,
                "init": stage.init,
                "task_specific": stage.task_specific,
                "frozen": stage.frozen,
                "trained for": stage.trained_for,
                "precision": PRECISION,
                "fingerprint": stage_fingerprint(run, device, strategy),
                "after": before,
            }
        )
    return found


def stage_key(inputs: Mapping[str, Any]) -> str:
    """12 hexadecimal digits of what decides a stage."""
    return digest_of([inputs, ""])


def stage_fingerprint(run: Run, device: str, strategy: Strategy) -> dict[str, str | int]:
    """What beside its inputs may decide a stage's bits; of plug-ins, those that it meets."""
    return _fingerprint(run, device, {"backbone": run.backbone, "strategy": strategy})


def run_fingerprint(run: Run, device: str, groups: Sequence[str]) -> dict[str, str | int]:
    """Everything beside config, seed and data that may decide a run's bits."""
    return _fingerprint(run, device, {group: getattr(run, group) for group in groups})


def _fingerprint(run: Run, device: str, roles: Mapping[str, object]) -> dict[str, str | int]:
    foreign: dict[str, str] = {}
    for group, role in roles.items():
        module = type(role).__module__
        if not module.startswith("tlrun."):
            foreign[group] = sources(module)
    return fingerprint(run.threads, describe(device), foreign)


def _domain(problem: Problem, name: str) -> dict[str, Any]:
    domain = problem.domains[name]
    # The metric is what a task is judged by; no training sees it.
    tasks = [as_data(replace(task, metric=None)) for task in domain.tasks]
    return {"name": name, "digest": domain.digest, "role": domain.role, "tasks": tasks}
