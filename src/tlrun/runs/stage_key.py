"""What decides a stage, and its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tlrun.config.build import Run
from tlrun.config.plugins import sources
from tlrun.core.options import as_data
from tlrun.core.problem import Problem
from tlrun.runs.identity import identity
from tlrun.store.fingerprint import fingerprint
from tlrun.strategies.base import Stage
from tlrun.training.devices import describe

PRECISION = "float32"  # of weights and inputs; there is no other yet


def contents(
    run: Run, problem: Problem, stages: Sequence[Stage], device: str
) -> list[dict[str, Any]]:
    """What decides the outcome of each stage, to the bit: two stages of one content end with the
    same weights.

    The places in the order of examples from which a stage draws follow from the stages before, by
    way of `after`.
    """
    found: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        by = stage.by or run.strategy
        domains = [  # in order, as weights, graphs and matrices of tasks are
            {
                "name": name,
                "digest": problem.domains[name].digest,
                "role": problem.domains[name].role,
                "tasks": [
                    _said(replace(task, metric=None)) for task in problem.domains[name].tasks
                ],
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
                    replace(
                        run.trainer,
                        steps=stage.steps,
                        cache_features=stage.frozen and run.trainer.cache_features,
                    )
                ),
                "seed": run.seed,
                "init": stage.init,
                "own": stage.task_specific,
                "frozen": stage.frozen,
                "trained for": stage.trained_for,
                "precision": PRECISION,
                "fingerprint": _fingerprint(
                    run, device, {"backbone": run.backbone, "strategy": by}
                ),
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
    foreign = {
        group: sources(module)
        for group, module in modules.items()
        if not module.startswith("tlrun.")
    }
    return fingerprint(run.threads, describe(device), foreign)
