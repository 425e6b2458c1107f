"""What every strategy owes that is trained, whatever it does; a new YAML is taken up by itself.

Those that are fitted at once are held to theirs in test_estimator.py.

A strategy is held to it on every problem of `PROBLEMS` that it does not refuse, in every stage,
with its default options and with those of `OPTIONS`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tlrun.config.build import build
from tlrun.config.registry import equation, find, names
from tlrun.core.errors import UserError
from tlrun.core.objective import Lam, Objective, Steps
from tlrun.core.problem import Problem
from tlrun.core.task import short_names, tasks_by_key
from tlrun.data.batches import Batch, Batches, labelled
from tlrun.models.backbone import Backbone, Given
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.runs.identity import node_of
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.estimator import EstimatorStrategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.fused import SourceSide
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.structure_transfer import StructureTransfer
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer
from tlrun.training.forward import forward

from problems import config, hidden, peers, problem, questions
from properties import assert_lambda_weighs_the_target, assert_same_bits

ESTIMATORS = [n for n in names("strategy") if issubclass(find("strategy", n), EstimatorStrategy)]
STRATEGIES = [name for name in names("strategy") if name not in ESTIMATORS]
LAMBDAS = (0.0, 0.1, 1.0, 10.0, math.inf)
PHI = Mlp(hidden=(6,))
TWO_BLOCKS = Mlp(hidden=(7, 6))
FILTERS = Conv(channels=(3,))  # of which a covariance can be learnt

PROBLEMS = {
    "source and target": problem(),
    "a label space each": problem("split"),
    "three domains": peers("peer", "peer", "peer"),
    "two sources": peers("source", "source", "target"),
    "three questions": questions("binary", "binary", "binary"),
    "two questions": questions("multiclass", "regression"),
}
CHAIN, APART = (
    ((0.0, 1.0, 0.0), (1.0, 0.0, 0.5), (0.0, 0.5, 0.0)),
    ((0.0, 2.0, 0.0), (2.0, 0.0, 0.0), (0.0,) * 3),
)
RELATIONS: list[dict[str, Any]] = [
    *(
        {"relation": relation}
        for relation in ("mean", "soft_sharing", "trace_norm", "covariance", "ridge")
    ),
    {"relation": "graph", "graph": CHAIN},
    {"relation": "graph", "graph": APART},
]
TRANSFERS: list[dict[str, Any]] = [
    *({"transfer": transfer} for transfer in ("asymmetric", "distillation", "born_again")),
    {"transfer": "asymmetric", "mu": 0.001},
    {"transfer": "asymmetric", "mu": 0.001, "one_way": True},
]
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "feature_transfer": [{"train": "all"}, {"train": "last"}, {"train": "all", "warmup": 2}],
    "parameter_transfer": [{"train": "first"}, {"warmup": 2}],
    "scratch": [{"budget": "total"}],
    "source_only": [{"budget": "total"}],
    "single_task": [{"budget": "total"}, {"train": "head"}, {"train": "last"}],
    "structure_transfer": [
        *({"structure": kind} for kind in ("width", "stats", "covariance", "layers")),
        *({"structure": kind, "chosen_by": "chance"} for kind in ("mask", "width")),
    ],
    "shared_parameters": [
        {"heads": "shared"},
        {"weights": (0.5, 2.0)},
        {"weights": (0.5, 2.0, 0.0)},
        {"train": "head"},
        {"train": "last"},
    ],
    "task_relation": [
        *({**options, "scope": scope} for scope in ("heads", "towers") for options in RELATIONS),
        {"train": "head"},
        {"scope": "towers", "train": "last"},
    ],
    "task_transfer": [
        *({**options, "scope": scope} for scope in ("heads", "towers") for options in TRANSFERS),
        {"transfer": "distillation", "scope": "towers", "distil": "features"},
        {"train": "head"},
        {"transfer": "born_again", "train": "last"},
    ],
    "fused": [
        {"first": TaskRelation(relation="mean"), "first_lam": 0.3, "then": FeatureTransfer()},
        {"first": TaskRelation(relation="mean"), "first_lam": math.inf},
        {"first": TaskRelation(relation="covariance"), "then": StructureTransfer()},
        {"first": TaskTransfer(mu=0.001), "then": FeatureTransfer(train="all")},
        {"first": TaskTransfer(transfer="born_again")},
        {"first": SharedParameters(heads="shared", weights=(2.0, 1.0))},
    ],
}


@dataclass(frozen=True)
class Case:
    """A strategy with some of its options, and a problem that it does not refuse."""

    name: str
    options: str
    strategy: Strategy
    on: str

    @property
    def problem(self) -> Problem:
        return PROBLEMS[self.on]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.options))) + f" on {self.on}"


def made(name: str, **options: Any) -> Strategy:
    strategy = find("strategy", name)(**options)
    assert isinstance(strategy, Strategy)
    return strategy


def staged(strategy: Strategy, ours: Problem, lam: float) -> Sequence[Stage]:
    """The stages at a λ; none where the strategy refuses it on this problem, as planning would."""
    if not all(ours.named(role) for role in strategy.needs):
        return ()
    try:
        return strategy.stages(ours, Constant(lam), 5)
    except UserError:
        return ()


def every_case() -> Iterator[Case]:
    for name in STRATEGIES:
        for options in [{}, *OPTIONS.get(name, [])]:
            strategy = made(name, **options)
            told = " ".join(f"{key}={value}" for key, value in options.items())
            for on, ours in PROBLEMS.items():
                # to whom they are three domains again
                alike = options and not strategy.needs and on == "two sources"
                if not alike and staged(strategy, ours, 1.0):
                    yield Case(name, told, strategy, on)


CASES = list(every_case())
LEARNERS = [case for case in CASES if not case.strategy.needs]  # of tasks of one standing
# where every way of sharing is tried; the defaults of each strategy are tried everywhere
QUICK = ("source and target", "two sources", "three domains", "two questions")


def marked(cases: Sequence[Case]) -> Iterator[Any]:
    """The cases, those slow that are of a kind with another: options on a problem beside QUICK."""
    seen = {(case.name, case.options) for case in cases if case.on in QUICK}
    for case in cases:
        alike = case.options and case.on not in QUICK and (case.name, case.options) in seen
        learns = not case.strategy.needs and case.options and case.on == "source and target"
        yield pytest.param(case, marks=pytest.mark.slow if alike or learns else (), id=str(case))


each = pytest.mark.parametrize("case", list(marked(CASES)))
each_learner = pytest.mark.parametrize("case", list(marked(LEARNERS)))
by_name = pytest.mark.parametrize("name", STRATEGIES)


def in_double(batch: Batch) -> Batch:
    return Batch(batch.inputs.double(), batch.labels)


def steps_of(stage: Stage, ours: Problem, model: Model) -> Steps:
    """What the first update of a stage sees, in float64."""
    steps = Steps()
    for name in stage.domains:
        batches = Batches(ours.domains[name].train, name, 8, 0)
        steps[name] = forward(model, ours.domains[name], in_double(next(batches)), batches.shares)
    return steps


def objective(strategy: Strategy, stage: Stage, ours: Problem, model: Model) -> Objective:
    return strategy.objective(steps_of(stage, ours, model), model, stage.lam.at(0.5))


def walk(
    strategy: Strategy, ours: Problem, lam: float, phi: Backbone = PHI
) -> Iterator[tuple[Stage, Strategy, Model]]:
    """Every stage with the strategy whose equation trains it and a model in the middle of it, in
    float64.

    Each inherits as in a run. Weights are moved to where heads of one label space differ, and
    updated three times.
    """
    chance = torch.Generator().manual_seed(0)
    previous: Model | None = None
    for stage in staged(strategy, ours, lam):
        by = stage.by or strategy
        previous = model = begun(stage, by, ours, previous, phi)
        model.free(stage.trained)
        extras = {id(p) for p in model.extras.parameters()}
        with torch.no_grad():
            for p in model.parameters():
                noise = torch.randn(p.shape, generator=chance, dtype=p.dtype)
                # what a structure holds at 0 stays there
                p.add_(0.3 * noise * (1.0 if id(p) in extras else p))
        for _ in range(3):
            found = objective(by, stage, ours, model)
            model.zero_grad()
            by.backward(found, model)
            with torch.no_grad():
                for p in model.parameters():
                    p.sub_(0.02 * p.grad if p.grad is not None else 0.0)
            model.update_buffers(found.updates)
        model.zero_grad()
        yield stage, by, model


def begun(
    stage: Stage, by: Strategy, ours: Problem, previous: Model | None, phi: Backbone
) -> Model:
    """What a stage starts from, as in a run."""
    tasks = {name: ours.domains[name].tasks for name in stage.domains}
    given = Given(phi, ours.inputs, tuple(task.outputs for task in ours.tasks.values()), 0)
    structure = None if previous is None else by.structure_of(stage, previous, given)
    backbone = phi if structure is None else structure.backbone
    fresh = draw_model(backbone, ours.inputs, tasks, stage.init, 0, stage.task_specific)
    by.add_buffers(fresh)
    fresh.double()
    if structure is not None:
        structure.impose(fresh)
    return fresh if previous is None else by.inherit(stage, fresh, previous)


def backbone_of(case: Case) -> Backbone:
    if "covariance" in case.options and case.name == "structure_transfer":
        return FILTERS
    return TWO_BLOCKS if "train=last" in case.options or "train=first" in case.options else PHI


def number(term: Tensor | float | None) -> float:
    """A term as a number; one that is absent counts nothing."""
    return float(torch.as_tensor(0.0 if term is None else term).detach())


def raw(steps: Steps, by: Strategy) -> dict[str, Tensor]:
    """The losses as their terms are called: L_S and L_T, or L and the short name of each task."""
    if by.needs:
        both = {"L_S": steps.loss("source"), "L_T": steps.loss("target")}
        return {name: loss for name, loss in both.items() if isinstance(loss, Tensor)}
    losses = steps.losses()
    called = short_names(losses)
    return {f"L_{called[key]}": loss for key, loss in losses.items()}


def by_the_equation(terms: Mapping[str, float], by: Strategy, lam: Lam) -> float:
    """The total that the terms should come to."""
    if by.needs:
        source, target = terms.get("L_S", 0.0), terms.get("L_T", 0.0)
        return target if math.isinf(lam.value) else (source + lam.value * target) / (1 + lam.value)
    losses = [value for name, value in terms.items() if name.startswith("L_")]
    if isinstance(by, SourceSide):  # a mean over its tasks
        return by_the_equation(terms, by.first, lam) / len(losses)
    weights: tuple[float, ...] = getattr(by, "weights", None) or (1.0,) * len(losses)
    term = terms.get("R", 0.0) + terms.get("T", 0.0)
    total = sum(a * loss for a, loss in zip(weights, losses, strict=True)) + terms.get("price", 0.0)
    return total + (lam.value * term if term else 0.0)  # R is 0 where λ is ∞


class Held(TorchFunctionMode):
    """What is computed without gradient, sg(·), stays what it was when it was first computed.

    So that differences see what the gradient is of: with teachers that stand still.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Tensor] = []
        self.next: int | None = None  # None: the first time

    def again(self) -> "Held":
        self.next = 0
        return self

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, Tensor) or (
            torch.is_grad_enabled() and func is not Tensor.detach
        ):
            return result
        if self.next is None:
            self.kept.append(result.clone())
            return result
        self.next += 1
        return self.kept[self.next - 1]


def stops(by: Strategy) -> bool:
    """Whether there is an sg(·) of the model's own answers or heads in the equation."""
    return isinstance(by, TaskTransfer) and (by.transfer == "distillation" or by.one_way)


def test_all_are_seen() -> None:
    assert (len(STRATEGIES), len(ESTIMATORS)) == (11, 4)
    assert set(OPTIONS) <= set(STRATEGIES)


@by_name
def test_there_is_a_problem_for_it_and_for_each_of_its_options(name: str) -> None:
    """A new strategy that refuses all problems here needs one more in PROBLEMS."""
    held = {case.options for case in CASES if case.name == name}

    assert len(held) == 1 + len(OPTIONS.get(name, [])), held


def test_whoever_takes_tasks_of_one_standing_is_held_to_it_on_domains_and_on_questions() -> None:
    for name in STRATEGIES:
        on = {case.on for case in CASES if case.name == name}
        if not made(name).needs:
            assert on >= set(PROBLEMS), name
        else:
            assert on <= {"source and target", "a label space each", "two sources"}, name


@each
def test_every_total_is_finite_and_twice_the_same_bits(case: Case) -> None:
    walks = [walk(case.strategy, case.problem, 0.7, backbone_of(case)) for _ in range(2)]

    for (stage, by, model), (_, _, again) in zip(*walks, strict=True):
        one, other = (objective(by, stage, case.problem, m) for m in (model, again))
        assert math.isfinite(number(one.total))
        assert all(math.isfinite(number(term)) for term in one.terms.values())
        assert number(one.total) == number(other.total)
        assert [(name, number(term)) for name, term in one.terms.items()] == [
            (name, number(term)) for name, term in other.terms.items()
        ]
        for found, m in ((one, model), (other, again)):
            by.backward(found, m)
        assert_same_bits(state(model), state(again))
        assert_same_bits(gradients(model), gradients(again))
        assert any(bool(gradient.any()) for gradient in gradients(model).values())


def gradients(model: Model) -> dict[str, Tensor]:
    """The gradient of every parameter, 0 where it has none."""
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad
        for name, p in model.named_parameters()
    }


@each
def test_an_objective_is_a_pure_function(case: Case) -> None:
    """It moves no weight and no buffer; what it has found fits the buffers that keep it."""
    for stage, by, model in walk(case.strategy, case.problem, 0.7, backbone_of(case)):
        steps = steps_of(stage, case.problem, model)
        before = state(model)
        one, other = (by.objective(steps, model, stage.lam.at(0.5)) for _ in range(2))

        assert number(one.total) == number(other.total)
        assert_same_bits(state(model), before)
        assert set(one.updates) == {name for name, _ in model.extras.named_buffers()}
        for name, tensor in one.updates.items():
            assert tensor.shape == model.extras.get_buffer(name).shape
            assert bool(tensor.isfinite().all())
            assert torch.equal(tensor, other.updates[name])
        assert gradients(model).keys() == {name for name, _ in model.named_parameters()}
        assert all(p.grad is None for p in model.parameters())


@each
def test_raw_terms_reproduce_the_total(case: Case) -> None:
    """(L_S + λ L_T)/(1+λ), L_T at λ=∞; or Σ a_i L_i + price + λ R, or λ T, of fused over the
    number of tasks; in every stage, for every λ."""
    seen = 0
    for value in LAMBDAS:
        for stage, by, model in walk(case.strategy, case.problem, value, backbone_of(case)):
            steps, lam = steps_of(stage, case.problem, model), stage.lam.at(0.5)
            found, losses = by.objective(steps, model, lam), raw(steps, by)
            terms = {name: number(term) for name, term in found.terms.items()}
            seen += 1

            assert {
                name for name, term in found.terms.items() if isinstance(term, Tensor)
            } >= losses.keys()
            assert all(terms[name] == number(loss) for name, loss in losses.items())
            assert terms.keys() - losses.keys() <= {"L_S", "L_T", "R", "T", "price"}, (
                "a new term: say what it adds"
            )
            assert number(found.total) == pytest.approx(by_the_equation(terms, by, lam), rel=1e-12)
    assert seen


@each
def test_backward_gives_the_gradient_of_the_total(case: Case) -> None:
    """Central differences along a random direction, in float64, over all parameters, those in
    `extras` included."""
    for stage, by, model in walk(case.strategy, case.problem, 0.7, backbone_of(case)):
        parameters = [p for p in model.parameters() if p.requires_grad]
        buffers = dict(model.extras.named_buffers())
        before = {name: buffer.clone() for name, buffer in buffers.items()}
        held = Held()
        with held:
            found = objective(by, stage, case.problem, model)
        by.backward(found, model)
        # what a structure holds at 0 is no variable
        directions = [torch.randn_like(p) * (p != 0) for p in parameters]
        slope = sum(
            (p.grad * d).sum()
            for p, d in zip(parameters, directions, strict=True)
            if p.grad is not None
        )
        values, plain = [], []  # with what is stopped held fixed, and with everything moving along
        for sign in (1, -2):  # from +ε to -ε
            with torch.no_grad():
                for p, d in zip(parameters, directions, strict=True):
                    p.add_(d, alpha=sign * 1e-6)
            plain.append(number(objective(by, stage, case.problem, model).total))
            with held.again() if stops(by) else nullcontext():
                moved = objective(by, stage, case.problem, model)
            values.append(number(moved.total))

        assert float(slope) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4, abs=1e-7)
        if stops(by):  # else a gradient flows into the teachers
            assert float(slope) != pytest.approx((plain[0] - plain[1]) / 2e-6, rel=1e-3, abs=1e-6)
        assert all(torch.equal(buffers[name], old) for name, old in before.items())


def test_the_differences_are_taken_where_tasks_do_teach_one_another() -> None:
    """Else the gradient would be tested at B = 0 alone."""
    taught = {
        str(case): bool(model.extras.get_buffer("B").any())
        for case in LEARNERS
        if "mu=0.001" in case.options and case.name == "task_transfer"
        for _, _, model in walk(case.strategy, case.problem, 0.7)
    }

    assert len(taught) > 5
    assert all(taught.values()), taught


@each_learner
def test_at_lambda_zero_only_the_losses_are_left(case: Case) -> None:
    """Total and gradient are those of shared_parameters on the same model, to the bit."""
    for stage, by, model in walk(case.strategy, case.problem, 0.0, backbone_of(case)):
        plain = replace(made("shared_parameters"), weights=getattr(by, "weights", None))  # type: ignore[call-arg]
        found = []
        for strategy in (by, plain):
            model.zero_grad()
            one = objective(strategy, stage, case.problem, model)
            strategy.backward(one, model)
            found.append((number(one.total), gradients(model)))

        assert found[0][0] == found[1][0]
        assert_same_bits(found[0][1], found[1][1])


@each
def test_a_loss_learns_nothing_from_an_example_without_its_label(case: Case) -> None:
    ours = case.problem
    domains = {
        name: replace(domain, train=hidden(domain.train, domain.tasks[0], 2))
        for name, domain in ours.domains.items()
    }
    ours = replace(ours, domains=domains)
    for stage, by, model in walk(case.strategy, ours, 0.7, backbone_of(case)):
        steps, batches = Steps(), {}
        for name in stage.domains:
            drawn = Batches(domains[name].train, name, 24, 0)
            batches[name] = batch = in_double(next(drawn))
            batch.inputs.requires_grad_()
            steps[name] = forward(model, domains[name], batch, drawn.shares)
        terms = by.objective(steps, model, stage.lam.at(0.5)).terms
        keys = tasks_by_key({name: domains[name].tasks for name in stage.domains})
        called = short_names(keys)
        for key in keys:
            name, task = key
            term = terms[
                {"source": "L_S", "target": "L_T"}[domains[name].role]
                if by.needs
                else f"L_{called[key]}"
            ]
            assert isinstance(term, Tensor)
            (slope,) = torch.autograd.grad(term, batches[name].inputs, retain_graph=True)
            learnt, present = slope.flatten(1).any(dim=1), labelled(batches[name].labels[task])
            assert not learnt[~present].any()
            assert 0 < len(present[present]) < len(present) or task != domains[name].tasks[0].name
            assert learnt[present].any()


@by_name
def test_a_stage_draws_only_what_lambda_weighs(name: str) -> None:
    """Of the source and the target; where tasks are of one standing, all are drawn in every
    step."""
    for case in (case for case in CASES if case.name == name):
        ours = case.problem
        for value in LAMBDAS:
            for stage in staged(case.strategy, ours, value):
                lam, roles = (
                    stage.lam.at(0.5),
                    {ours.domains[domain].role for domain in stage.domains},
                )
                if stage.trained_for == "target":
                    assert ("source" in roles) == (lam.alpha < 1 or lam == Lam(0.0))
                    assert ("target" in roles) == (lam.alpha > 0)
                    assert set(stage.domains) == {
                        domain for role in roles for domain in ours.named(role)
                    }
                else:
                    assert stage.domains == (
                        ours.named("source") if case.strategy.needs else tuple(ours.domains)
                    )


@each
def test_a_stage_is_trained_for_what_its_equation_weighs(case: Case) -> None:
    """For the target where λ weighs L_S against L_T; for all tasks where each has a loss L_i."""
    for stage, by, model in walk(case.strategy, case.problem, 0.7, backbone_of(case)):
        losses = raw(steps_of(stage, case.problem, model), by).keys()
        pooled = bool(losses & {"L_S", "L_T"})
        assert stage.trained_for == ("target" if pooled else "all tasks")


@each
def test_a_relation_has_a_row_and_a_column_for_every_task(case: Case) -> None:
    for stage, by, model in walk(case.strategy, case.problem, 0.7, backbone_of(case)):
        learnt = by.relation_of(model)
        assert (learnt is not None) == bool(dict(model.extras.named_buffers()))
        if learnt is not None:
            keys = tasks_by_key({name: case.problem.domains[name].tasks for name in stage.domains})
            assert list(learnt.tasks) == list(short_names(keys).values())
            assert [len(row) for row in learnt.matrix] == [len(keys)] * len(keys)


def test_a_teacher_is_the_finished_model_of_the_stage_before_and_stays_as_it_is() -> None:
    teachers = 0
    for case in LEARNERS:
        before: Model | None = None
        for _, _, model in walk(case.strategy, case.problem, 0.7, backbone_of(case)):
            for teacher in model.teacher:
                teachers += 1
                assert teacher is before
                assert not teacher.training
                assert not any(p.requires_grad or p.grad is not None for p in teacher.parameters())
            before = model

    assert teachers > 5


@each
def test_its_controls_can_be_built_and_are_others(case: Case) -> None:
    for name, control in case.strategy.controls(case.problem).items():
        assert control.strategy != case.strategy, name
        assert staged(control.strategy, case.problem, 1.0), name
        node = node_of("strategy", control.strategy)
        assert build(config(Path("runs"), strategy=node)).strategy == control.strategy, name


@by_name
def test_the_equation_stands_in_its_file_and_its_yaml(name: str) -> None:
    module = __import__(f"tlrun.strategies.{name}", fromlist=["_"])
    assert "min_" in (module.__doc__ or "")
    assert "min" in equation("strategy", name)


@pytest.mark.parametrize(
    "name", [name for name in STRATEGIES if made(name).needs and "lam" not in made(name).ignores]
)
def test_lambda_weighs_the_target_against_the_source(name: str) -> None:
    assert_lambda_weighs_the_target(made(name))
