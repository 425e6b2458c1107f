"""What every strategy owes, whatever it does; a new YAML is taken up by itself."""

import math

import pytest
import torch

from tlrun.backbones.mlp import Mlp
from tlrun.build import find, names
from tlrun.core import Lam, Objective, Stage, Steps, Strategy
from tlrun.data.batches import Batches
from tlrun.model import Model, draw_model
from tlrun.problem import Problem
from tlrun.schedules import Constant
from tlrun.trainer import forward

from problems import problem

STRATEGIES = names("strategy")
LAMBDAS = (0.0, 0.1, 1.0, 10.0, math.inf)


def made(name: str) -> Strategy:
    strategy = find("strategy", name)()
    assert isinstance(strategy, Strategy)
    return strategy


def objective(strategy: Strategy, stage: Stage, ours: Problem, model: Model) -> Objective:
    steps = Steps()
    for domain in stage.domains:
        batches = Batches(ours.domains[domain].train, domain, 8, 0)
        batch = next(batches)
        double = type(batch)(batch.inputs.double(), batch.labels)
        steps[domain] = forward(model, ours.domains[domain], double, batches.shares)
    return strategy.objective(steps, model, stage.lam.at(0.5))


def number(term: torch.Tensor | float | None) -> float:
    """A term as a number; one that is absent counts nothing."""
    return float(torch.as_tensor(term or 0.0).detach())


def test_all_are_seen() -> None:
    assert len(STRATEGIES) == 6


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("value", LAMBDAS)
def test_terms_reproduce_the_total(name: str, value: float) -> None:
    """(1+λ) · total = L_S + λ L_T, the seed's equation, for every stage and λ; total = L_T at λ=∞."""
    ours = problem()
    for stage in made(name).stages(ours, Constant(value), 5):
        model = draw_model(Mlp(), ours.shape, ours.tasks.values(), stage.init, 0).double()
        found = objective(stage.by or made(name), stage, ours, model)
        lam = stage.lam.at(0.5)
        source, target = number(found.terms.get("L_S")), number(found.terms.get("L_T"))
        expected = target if math.isinf(lam.value) else (source + lam.value * target) / (1 + lam.value)

        assert math.isfinite(number(found.total))
        if found.terms.keys() <= {"L_S", "L_T"}:  # a method with terms of its own has an equation of its own to test
            assert number(found.total) == pytest.approx(expected)
        assert {name for name, term in found.terms.items() if isinstance(term, torch.Tensor)} >= {
            {"source": "L_S", "target": "L_T"}[domain] for domain in stage.domains
        }


@pytest.mark.parametrize("name", STRATEGIES)
def test_backward_gives_the_gradient_of_the_total(name: str) -> None:
    """Central differences along a random direction, in float64."""
    ours = problem()
    for stage in made(name).stages(ours, Constant(0.7), 5):
        model = draw_model(Mlp(hidden=(4,)), ours.shape, ours.tasks.values(), stage.init, 0).double()
        strategy = stage.by or made(name)
        strategy.backward(objective(strategy, stage, ours, model), model)
        parameters = list(model.parameters())
        directions = [torch.randn_like(p) for p in parameters]
        slope = sum((p.grad * d).sum() for p, d in zip(parameters, directions, strict=True) if p.grad is not None)
        values = []
        for sign in (1, -2):  # from +ε to -ε
            with torch.no_grad():
                for p, d in zip(parameters, directions, strict=True):
                    p.add_(d, alpha=sign * 1e-6)
                values.append(number(objective(strategy, stage, ours, model).total))

        assert float(slope) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_stage_draws_only_what_lambda_weighs(name: str) -> None:
    for value in LAMBDAS:
        for stage in made(name).stages(problem(), Constant(value), 5):
            lam = stage.lam.at(0.5)
            assert ("source" in stage.domains) == (lam.alpha < 1 or lam == Lam(0.0))
            assert ("target" in stage.domains) == (lam.alpha > 0)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_equation_stands_in_its_file_and_its_yaml(name: str) -> None:
    from tlrun.build import equation

    module = __import__(f"tlrun.strategies.{name}", fromlist=["_"])
    assert "min_" in (module.__doc__ or "")
    assert "min" in equation("strategy", name)
