"""Every weight of an equation acts on the parameters that it is said to act on, and on no others.

The gradients before and after a turn are compared, parameter by parameter: those named differ by
more than rounding, all others are the same to the bit. The turns are in `knobs.py`.
"""

from __future__ import annotations

import math
from fnmatch import fnmatch

import pytest
import torch

from tlrun.core.problem import Problem
from tlrun.strategies.base import Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.joint import Joint
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer

from knobs import (
    ALIKE,
    CHAIN,
    DISTIL,
    INERT,
    KNOBS,
    MIXED,
    PEERS,
    SOURCES,
    SPLIT,
    TWO,
    Knob,
    asymmetric,
    gradient,
    moved,
)


@pytest.mark.parametrize("knob", KNOBS, ids=str)
def test_a_knob_moves_what_it_is_said_to_move_and_nothing_else(knob: Knob) -> None:
    before, after = (
        gradient(strategy, at, knob.on, knob.phi, knob.number)
        for strategy, at in (knob.before, knob.after)
    )

    wanted = {name for name in before if any(fnmatch(name, p) for p in knob.moves)}
    assert wanted
    assert moved(before, after) == wanted


@pytest.mark.parametrize("knob", INERT, ids=str)
def test_a_knob_without_effect_moves_nothing(knob: Knob) -> None:
    before, after = (
        gradient(strategy, at, knob.on, knob.phi, knob.number)
        for strategy, at in (knob.before, knob.after)
    )

    assert moved(before, after) == set()


@pytest.mark.parametrize("strategy", [ParameterTransfer(), FeatureTransfer(), Joint()], ids=str)
@pytest.mark.parametrize("on", [TWO, SPLIT, SOURCES], ids=["two", "split", "sources"])
def test_lambda_weighs_the_gradients_of_both_sides(strategy: Strategy, on: Problem) -> None:
    """g(λ) = (g(0) + λ g(∞))/(1+λ), g(0) that of L_S, g(∞) that of L_T."""
    source, target = (gradient(strategy, at, on) for at in (0.0, math.inf))
    for at in (0.25, 1.0, 4.0):
        for name, found in gradient(strategy, at, on).items():
            wanted = (source[name] + at * target[name]) / (1 + at)
            torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("strategy", "on"),
    [
        *((TaskRelation(r), PEERS) for r in ("mean", "soft_sharing", "trace_norm", "ridge")),
        (TaskRelation("covariance"), PEERS),
        (TaskRelation("graph", graph=CHAIN), ALIKE),
        (DISTIL, PEERS),
        (TaskTransfer("born_again"), MIXED),
        (asymmetric(0.0), ALIKE),
    ],
    ids=lambda given: str(given) if isinstance(given, Strategy) else "",  # a problem has an address
)
def test_lambda_multiplies_the_term_alone(strategy: Strategy, on: Problem) -> None:
    """λ=0 is shared_parameters, to the bit, and each unit of λ adds the same gradient."""
    plain = gradient(SharedParameters(), 0.0, on)
    none, one, two = (gradient(strategy, at, on) for at in (0.0, 1.5, 3.0))

    assert moved(plain, none) == set()
    for name, start in none.items():
        term = one[name] - start
        torch.testing.assert_close(two[name] - start, 2 * term, rtol=1e-9, atol=1e-12)


def test_weights_of_losses_multiply_their_gradients() -> None:
    alone = [
        gradient(SharedParameters(a), 0.0, ALIKE) for a in ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0))
    ]
    for name, found in gradient(SharedParameters((0.5, 2.0, 3.0)), 0.0, ALIKE).items():
        wanted = sum(a * one[name] for a, one in zip((0.5, 2.0, 3.0), alone, strict=True))
        torch.testing.assert_close(found, torch.as_tensor(wanted), rtol=1e-10, atol=1e-12)


def test_on_a_fixed_phi_with_a_head_each_lambda_only_rescales() -> None:
    """So every λ is run as λ=∞, and a line says so (`runs/checks.py`)."""
    half, twice = (gradient(FeatureTransfer(), at, SPLIT) for at in (0.5, 2.0))
    for name, before in half.items():
        if name.startswith("trunks"):
            assert not before.any()
        else:
            ratio = 2.0 if "theirs" in name else 0.5
            torch.testing.assert_close(twice[name], ratio * before, rtol=1e-10, atol=1e-12)
