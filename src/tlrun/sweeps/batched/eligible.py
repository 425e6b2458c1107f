"""Which runs can be trained together: those whose last stage trains linear heads on fixed features.

Nothing is trained or read here, and torch is not imported.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tlrun.config.registry import name_of
from tlrun.core.options import as_data
from tlrun.runs.identity import backbone_node, digest_of, node_of
from tlrun.runs.plan import Plan
from tlrun.runs.stage_key import computes_once
from tlrun.strategies.base import Strategy
from tlrun.strategies.estimator import EstimatorStrategy
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd


def stack_key(plan: Plan) -> str | None:
    """What runs must have in common to be trained together; None for one that is trained alone.

    They then differ in λ, seed, learning rate, weight decay and label fraction alone.
    """
    run = plan.run
    if run.sweep.engine == "loop" or not _on_one_core(plan) or not _trains_heads_alone(plan):
        return None
    last = plan.stages[-1]
    stage = last.stage
    if not _of_losses(last.strategy) or type(run.optimizer) not in (Adam, Adamw, Sgd):
        return None
    common = {
        "problem": plan.problem,
        "strategy": node_of("strategy", run.strategy),
        "by": name_of("strategy", last.strategy),
        "stages": len(plan.stages),
        "stage": as_data(replace(stage, lam=None, by=None)),  # type: ignore[arg-type]  # λ is a run's own
        "backbone": backbone_node(run),
        "optimizer": _without_rates(run.optimizer),
        "trainer": node_of("trainer", run.trainer),
        "fingerprint": plan.fingerprint,
        "rerun": run.rerun,
    }
    return digest_of([common])


def family_key(plan: Plan) -> str:
    """What runs of one stack must have in common to see the same features in the same order.

    That is all that decides the run but λ, learning rate and weight decay of its last stage. A run
    that is to train every stage by itself is a family of its own.
    """
    run, before = plan.run, [planned.key for planned in plan.stages[:-1]]
    own = "" if run.stages and not run.rerun else plan.run_dir.name
    return digest_of([before, plan.data, run.seed, own])


def _on_one_core(plan: Plan) -> bool:
    """Whether the run computes in float32 on one core; else bits might depend on companions."""
    run = plan.run
    return plan.device == "cpu" and run.threads == 1 and run.trainer.precision == "fp32"


def _trains_heads_alone(plan: Plan) -> bool:
    """Whether the last stage trains linear heads on features that are computed once."""
    run = plan.run
    if isinstance(run.strategy, EstimatorStrategy) or len(plan.folds) != 1 or not plan.stages:
        return False
    last = plan.stages[-1]
    stage = last.stage
    if last.entry is not None or not stage.domains:  # other runs start from it, bit for bit
        return False
    if stage.task_specific not in ("nothing", "heads"):
        return False
    if run.backbone.learns:
        return stage.trained == "head" and computes_once([stage], run.trainer)
    return not run.trainer.augment


def _of_losses(strategy: Strategy) -> bool:
    """Whether the equation is a sum of weighted losses, and nothing else of the strategy acts.

    What a class says of its own objective does not hold for one that replaces it.
    """
    cls = type(strategy)
    for parent in cls.__mro__:
        if "objective" in vars(parent):
            if not vars(parent).get("of_losses", False):
                return False
            break
    plain = (cls.backward, cls.add_buffers) == (Strategy.backward, Strategy.add_buffers)
    return plain and cls.relation_of == Strategy.relation_of


def _without_rates(optimizer: Optimizer) -> dict[str, Any]:
    node = node_of("optimizer", optimizer)
    return {key: value for key, value in node.items() if key not in ("lr", "weight_decay")}
