"""The controls that several strategies are measured against."""

from __future__ import annotations

from collections.abc import Mapping

from tlrun.core.problem import Problem
from tlrun.strategies.base import Controls


def transfer_controls(problem: Problem) -> Controls:
    """The controls of every transfer.

    `scratch` at the target's and at the total budget; the source model untouched, where it can
    answer for the target; and `joint` at the seed's λ=1, one reference for the whole λ axis.
    """
    controls: dict[str, Mapping[str, Mapping[str, object]]] = {
        "scratch": {"strategy": {"name": "scratch", "budget": "target"}},
        "scratch, total budget": {"strategy": {"name": "scratch", "budget": "total"}},
        "source_only": {"strategy": {"name": "source_only", "budget": "source"}},
        "joint, λ=1": {"strategy": {"name": "joint"}, "lam": {"name": "constant", "value": 1.0}},
    }
    if not problem.one_label_space:
        del controls["source_only"]
    return controls


def multitask_controls(shrinks: str | None = None) -> dict[str, Mapping[str, Mapping[str, object]]]:
    """The controls of learning tasks together: each alone, and one φ for all without a term that
    relates them.

    shrinks: for a term that also draws parameters to 0, its scope: a ridge of the same scope and λ
        then stands beside.
    """
    controls: dict[str, Mapping[str, Mapping[str, object]]] = {
        "single_task": {"strategy": {"name": "single_task"}},
        "shared_parameters": {"strategy": {"name": "shared_parameters"}},
    }
    if shrinks is not None:
        controls["ridge"] = {
            "strategy": {"name": "task_relation", "relation": "ridge", "scope": shrinks}
        }
    return controls
