"""Properties that many tests assert."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tlrun.core.inputs import InputSpec
from tlrun.core.objective import Lam, Step, Steps
from tlrun.core.problem import Role
from tlrun.core.task import Task
from tlrun.models.backbones.identity import Identity
from tlrun.models.build import draw_model
from tlrun.strategies.base import Strategy


def assert_same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    """Both hold the same names with the same numbers, to the bit."""
    assert one.keys() == other.keys()
    assert len(one) > 0
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def assert_same_run(one: Path, other: Path, weights: bool = True) -> None:
    """Two run directories hold the same result, predictions and (unless told otherwise) weights, to
    the bit."""
    assert one != other
    assert (one / "result.json").read_bytes() == (other / "result.json").read_bytes()
    for name in ["predictions.safetensors", *(["model.safetensors"] if weights else [])]:
        assert_same_bits(load_file(one / name), load_file(other / name))


def assert_one_line_each(text: str, *mentions: str) -> None:
    """Error output is one line per expected mention, in order, with no traceback."""
    lines = text.strip().splitlines()
    assert len(lines) == len(mentions), text
    for line, mention in zip(lines, mentions, strict=True):
        assert line.startswith("tl-run: ")
        assert mention in line
    assert "Traceback" not in text


def assert_lambda_weighs_the_target(strategy: Strategy) -> None:
    """Of the objective of a source and a target: dtotal/dL_T to dtotal/dL_S is λ to 1, and both
    together are 1."""
    task = Task("kind", "multiclass", ("a", "b"))
    domains: dict[str, Role] = {"one": "source", "other": "source", "mine": "target"}
    model = draw_model(Identity(), InputSpec((2,)), dict.fromkeys(domains, (task,)), "target", 0)
    for lam in (0.0, 0.1, 1.0, 7.0, math.inf):
        losses = {
            name: torch.tensor(float(k), requires_grad=True) for k, name in enumerate(domains)
        }
        nothing = torch.zeros(0, 2)
        steps = Steps(
            {
                name: Step(role, nothing, (task,), {}, {}, {task.name: losses[name]})
                for name, role in domains.items()
            }
        )
        total = strategy.objective(steps, model, Lam(lam)).total
        assert isinstance(total, Tensor)
        total.backward()  # type: ignore[no-untyped-call]
        slopes = {name: float(loss.grad or 0.0) for name, loss in losses.items()}
        source, target = slopes["one"] + slopes["other"], slopes["mine"]
        assert slopes["one"] == slopes["other"]  # L_S is their mean
        assert source + target == pytest.approx(1.0, abs=1e-6)
        assert target == pytest.approx(1.0 if math.isinf(lam) else lam * source, abs=1e-6)
