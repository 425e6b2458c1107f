"""Outside oracles: scikit-learn and closed forms, in float64, on a linear model
(backbone=identity)."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from torch import Tensor

from tlrun.core.errors import UserError
from tlrun.core.objective import Lam, Objective, Steps
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.task import Task
from tlrun.data.batches import Batches
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.schedules import Constant, Linear
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.terms import penalties
from tlrun.strategies.terms.parameters import side_by_side
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Optimizer, Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import Rows, as_features, everything, peers
from properties import assert_same_bits

Relation = Literal["mean", "soft_sharing", "graph", "trace_norm", "covariance", "ridge"]
D = 4
SIZES = (30, 20, 12)
VALUE = Task("value", "regression")
CLASS = Task("class", "multiclass", ("a", "b", "c"))
CHAIN = ((0.0, 1.0, 0.0), (1.0, 0.0, 2.0), (0.0, 2.0, 0.0))
RELATIONS: tuple[Relation, ...] = (
    "mean",
    "soft_sharing",
    "graph",
    "trace_norm",
    "covariance",
    "ridge",
)


def made(relation: Relation, scope: Literal["heads", "towers"] = "heads") -> TaskRelation:
    return TaskRelation(relation, scope, CHAIN if relation == "graph" else None)


def of_domains(task: Task = VALUE, sizes: tuple[int, ...] = SIZES, seed: int = 0) -> Problem:
    """One task in several domains, whose weights are alike and not equal; labels are noisy."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((D, task.outputs))
    domains = {}
    for k, n in enumerate(sizes):
        X = rng.standard_normal((n, D))
        scores = X @ (common + 0.5 * rng.standard_normal((D, task.outputs))) + rng.standard_normal(
            (n, task.outputs)
        )
        labels = scores[:, 0] + k if task.kind == "regression" else scores.argmax(axis=1)
        name = f"d{k}"
        domains[name] = Domain(name, "peer", (task,), Split(X, {task.name: labels}, np.arange(n)))
    return Problem(domains, HeldOutTest({}), "digest")


def questions(tasks: tuple[Task, ...], seed: int = 0, n: int = 40) -> Problem:
    """Several tasks of one domain."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, D))
    labels = {
        task.name: X[:, 0] + rng.standard_normal(n)
        if task.kind == "regression"
        else rng.integers(0, len(task.classes), n)
        for task in tasks
    }
    return Problem(
        {"d": Domain("d", "peer", tasks, Split(X, labels, np.arange(n)))}, HeldOutTest({}), "digest"
    )


def start(
    strategy: Strategy,
    problem: Problem,
    lam: float,
    biases: bool = False,
    backbone: Backbone | None = None,
) -> Model:
    """The model of a strategy's stage, in float64; its biases held at 0 unless they are to be
    learnt."""
    (stage,) = strategy.stages(problem, Constant(lam), 1)
    backbone = backbone or Identity()
    model = draw_model(
        backbone, problem.inputs, problem.tasks_by_domain, "target", 0, stage.task_specific
    ).double()
    strategy.add_buffers(model)
    for head in [] if biases else heads(model):
        head.bias.data.zero_()
        head.bias.requires_grad_(False)
    return model


class FixedOmega(TaskRelation):
    """tr(W̃ Ω⁻¹ W̃ᵀ) with an Ω that is given."""

    inverse = torch.eye(1)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        W = side_by_side(model, steps)
        R = torch.einsum("ds,st,dt->", W, self.inverse.to(W), W)
        return Objective(sum(steps.losses().values()) + lam.value * R, {"R": R})


def minimised(strategy: Strategy, problem: Problem, model: Model, lam: float) -> Model:
    """The minimum of the strategy's own objective on all examples: LBFGS, and Newton for the last
    digits."""
    free = [p for p in model.parameters() if p.requires_grad]
    lbfgs = torch.optim.LBFGS(
        free, max_iter=500, history_size=30, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def total() -> Tensor:
        found = strategy.objective(everything(problem, model), model, Lam(lam)).total
        assert isinstance(found, Tensor)
        return found

    def closure() -> float:
        lbfgs.zero_grad()
        value = total()
        value.backward()  # type: ignore[no-untyped-call]  # theirs
        return float(value.detach())

    lbfgs.step(closure)  # type: ignore[no-untyped-call]  # theirs
    for _ in range(5):
        slope = torch.cat(
            [g.flatten() for g in torch.autograd.grad(total(), free, create_graph=True)]
        )
        rows = [torch.autograd.grad(entry, free, retain_graph=True) for entry in slope]
        curvature = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
        step = torch.linalg.lstsq(curvature, slope.detach()[:, None], driver="gelsd").solution[:, 0]
        for p, part in zip(free, step.split([p.numel() for p in free]), strict=True):
            p.data -= part.view_as(p)
    return model


def number(term: Tensor | float) -> float:
    return float(torch.as_tensor(term).detach())


def heads(model: Model) -> list[torch.nn.Linear]:
    return [head for head in model.heads.values() if isinstance(head, torch.nn.Linear)]


def weights(model: Model) -> np.ndarray:
    """The heads of single numbers, side by side [d, T]."""
    return torch.stack([head.weight.detach()[0] for head in heads(model)], dim=1).numpy()


def biases(model: Model) -> np.ndarray:
    return torch.cat([head.bias.detach() for head in heads(model)]).numpy()


def stacked(problem: Problem) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Per domain its inputs; of all examples the labels, the weight 1/n_t of each, and the number
    of its domain."""
    splits = [domain.train for domain in problem.domains.values()]
    y = np.concatenate([split.labels["value"] for split in splits])
    share = np.concatenate([np.full(len(split), 1 / len(split)) for split in splits])
    return (
        [split.array for split in splits],
        y,
        share,
        np.repeat(np.arange(len(splits)), [len(s) for s in splits]),
    )


@pytest.mark.parametrize("lam", [0.03, 0.5, 10.0])
def test_mean_is_ridge_on_the_replicated_design(lam: float) -> None:
    """w_t = v + u_t, min Σ_t |y_t - X_t (v + u_t)|²/n_t + λ Σ |u_t|²: at its v = w̄, the last sum
    is R.

    v is not penalised: its columns are 1e4 times as large, so that ridge takes 1e-8 λ |v|² for it.
    """
    ours = of_domains()
    X, y, share, _ = stacked(ours)
    design = np.zeros((len(y), D * (1 + len(X))))
    design[:, :D] = 1e4 * np.concatenate(X)
    row = 0
    for t, x in enumerate(X):
        design[row : row + len(x), D * (1 + t) : D * (2 + t)] = x
        row += len(x)
    ridge = Ridge(alpha=lam, fit_intercept=False, solver="svd").fit(design, y, sample_weight=share)
    expected = 1e4 * ridge.coef_[:D, None] + ridge.coef_[D:].reshape(len(X), D).T

    found = minimised(made("mean"), ours, start(made("mean"), ours, lam), lam)
    pairs = minimised(
        made("soft_sharing"), ours, start(made("soft_sharing"), ours, lam), lam / len(X)
    )

    np.testing.assert_allclose(weights(found), expected, atol=1e-6)
    np.testing.assert_allclose(weights(pairs), expected, atol=1e-6)


def kernel_ridge(problem: Problem, omega: np.ndarray, lam: float) -> np.ndarray:
    """The weights [d, T] that minimise Σ_t |y_t - X_t w_t|²/n_t + λ tr(WΩ⁻¹Wᵀ), from
    K((x,s),(x',t)) = Ω_st x·x'."""
    X, y, share, task = stacked(problem)
    x = np.concatenate(X)
    model = KernelRidge(alpha=lam, kernel="precomputed").fit(
        omega[task][:, task] * (x @ x.T), y, sample_weight=share
    )
    dual = np.zeros((len(y), len(X)))
    dual[np.arange(len(y)), task] = model.dual_coef_
    found: np.ndarray = x.T @ dual @ omega
    return found


@pytest.mark.parametrize("lam", [0.03, 0.5])
def test_a_fixed_omega_is_kernel_ridge(lam: float) -> None:
    ours = of_domains()
    factor = np.random.default_rng(1).standard_normal((3, 3))
    omega = factor @ factor.T + 0.1 * np.eye(3)
    fixed = FixedOmega()
    object.__setattr__(fixed, "inverse", torch.from_numpy(np.linalg.inv(omega)))

    found = minimised(fixed, ours, start(fixed, ours, lam), lam)

    np.testing.assert_allclose(weights(found), kernel_ridge(ours, omega, lam), atol=1e-6)


@pytest.mark.parametrize("lam", [0.03, 0.3])
def test_covariance_ends_at_the_kernel_ridge_of_the_omega_that_it_learns(lam: float) -> None:
    ours = of_domains()
    found = minimised(made("covariance"), ours, start(made("covariance"), ours, lam), lam)
    omega = (
        made("covariance")
        .objective(everything(ours, found), found, Lam(lam))
        .updates["omega"]
        .numpy()
    )

    assert np.abs(omega - np.eye(3) / 3).max() > 0.1  # it has learnt something
    np.testing.assert_allclose(weights(found), kernel_ridge(ours, omega, lam), atol=1e-6)


def test_ridge_is_ridge_of_each_task_by_itself() -> None:
    """T λ |w_t|² beside |y_t - X_t w_t|²/n_t."""
    ours, lam = of_domains(), 0.2
    found = weights(minimised(made("ridge"), ours, start(made("ridge"), ours, lam), lam))
    for t, domain in enumerate(ours.domains.values()):
        x, y = domain.train.inputs, domain.train.labels["value"]
        alone = Ridge(alpha=3 * lam * len(y), fit_intercept=False, solver="svd").fit(x, y)
        np.testing.assert_allclose(found[:, t], alone.coef_, atol=1e-8)


def orthonormal(rank: int = 3, n: int = 50) -> tuple[Problem, np.ndarray]:
    """Three tasks on one X with XᵀX = nI, and Z = XᵀY/n, their least-squares weights."""
    rng = np.random.default_rng(0)
    X = math.sqrt(n) * np.linalg.qr(rng.standard_normal((n, D)))[0]
    W = rng.standard_normal((D, rank)) @ rng.standard_normal((rank, 3))
    Y = X @ W + 0.3 * rng.standard_normal((n, 3))
    tasks = tuple(Task(name, "regression") for name in ("x", "y", "z"))
    split = Split(X, {task.name: Y[:, k] for k, task in enumerate(tasks)}, np.arange(n))
    return Problem({"d": Domain("d", "peer", tasks, split)}, HeldOutTest({}), "digest"), X.T @ Y / n


def thresholded(Z: np.ndarray, by: float) -> np.ndarray:
    U, singular, V = np.linalg.svd(Z, full_matrices=False)
    found: np.ndarray = (U * np.maximum(singular - by, 0.0)) @ V
    return found


def test_trace_norm_on_an_orthonormal_design_softens_the_singular_values() -> None:
    """Σ_t |y_t - Xw_t|²/n = |W - Z|² + const, so they are lowered by λ/2."""
    ours, Z = orthonormal()
    lam = float(np.linalg.svd(Z, compute_uv=False)[-1])  # the least is halved
    found = minimised(made("trace_norm"), ours, start(made("trace_norm"), ours, lam), lam)

    np.testing.assert_allclose(weights(found), thresholded(Z, lam / 2), atol=1e-6)


@pytest.mark.parametrize("left", [2, 1, 0])
def test_trace_norm_lowers_the_rank_where_it_outweighs_a_singular_value(left: int) -> None:
    """Where some are 0 it has no slope; the minimum is then shown by proximal gradient and by its
    neighbours."""
    ours, Z = orthonormal()
    singular = [*np.linalg.svd(Z, compute_uv=False), 0.0]
    lam = 2 * (0.7 * singular[left] + 0.3 * (singular[left - 1] if left else singular[0] * 1.5))
    model = start(made("trace_norm"), ours, lam)

    def put(W: np.ndarray) -> Objective:
        for k, head in enumerate(heads(model)):
            head.weight.data = torch.from_numpy(W[:, k].copy())[None]
        return made("trace_norm").objective(everything(ours, model), model, Lam(lam))

    W = np.zeros_like(Z)
    for _ in range(200):
        L = sum((v for k, v in put(W).terms.items() if k.startswith("L_")), start=torch.zeros(()))
        assert isinstance(L, Tensor)
        slope = torch.autograd.grad(L, [head.weight for head in heads(model)])
        W = thresholded(W - 0.25 * torch.cat(slope).numpy().T, 0.25 * lam)
    expected = thresholded(Z, lam / 2)
    rng, least = np.random.default_rng(1), number(put(expected).total)

    assert np.linalg.matrix_rank(expected) == left
    np.testing.assert_allclose(W, expected, atol=1e-10)
    for scale in (1e-1, 1e-3, 1e-5):
        for _ in range(30):
            assert number(put(expected + scale * rng.standard_normal(Z.shape)).total) > least


@pytest.mark.parametrize("relation", RELATIONS)
def test_without_lambda_every_task_is_least_squares_by_itself(relation: Relation) -> None:
    ours = of_domains()
    found = minimised(made(relation), ours, start(made(relation), ours, 0.0, biases=True), 0.0)
    for t, domain in enumerate(ours.domains.values()):
        alone = LinearRegression().fit(domain.train.inputs, domain.train.labels["value"])
        np.testing.assert_allclose(weights(found)[:, t], alone.coef_, atol=1e-8)
        np.testing.assert_allclose(biases(found)[t], alone.intercept_, atol=1e-8)


@pytest.mark.parametrize("relation", ["mean", "soft_sharing", "graph"])
def test_infinite_lambda_is_the_pooled_model_with_a_bias_a_task_and_the_limit_of_large_lambda(
    relation: Relation,
) -> None:
    ours = of_domains()
    X, y, share, task = stacked(ours)
    design = np.concatenate([np.concatenate(X), np.eye(3)[task]], axis=1)
    pooled = LinearRegression(fit_intercept=False).fit(design, y, sample_weight=share).coef_

    limit = minimised(
        made(relation), ours, start(made(relation), ours, math.inf, biases=True), math.inf
    )
    assert len({id(head.weight) for head in limit.heads.values()}) == 1
    np.testing.assert_allclose(weights(limit), np.repeat(pooled[:D, None], 3, axis=1), atol=1e-8)
    np.testing.assert_allclose(biases(limit), pooled[D:], atol=1e-8)

    gaps = []
    for lam in (1e2, 1e4, 1e6):
        near = minimised(made(relation), ours, start(made(relation), ours, lam, biases=True), lam)
        gaps.append(
            max(
                np.abs(weights(near) - weights(limit)).max(),
                np.abs(biases(near) - biases(limit)).max(),
            )
        )
    assert gaps[0] / gaps[1] == pytest.approx(100.0, rel=0.1)  # it goes as 1/λ
    assert gaps[2] < 1e-5


def test_infinite_lambda_is_the_limit_for_classes_too() -> None:
    """Compared by the probabilities they give: a vector added to all classes is free."""
    ours = of_domains(CLASS, (60, 40))

    def answers(lam: float) -> list[Tensor]:
        model = minimised(made("mean"), ours, start(made("mean"), ours, lam, biases=True), lam)
        return [
            step.outputs["class"].detach().softmax(dim=1)
            for step in everything(ours, model).values()
        ]

    limit = answers(math.inf)
    gaps = [
        max(float((a - b).abs().max()) for a, b in zip(answers(lam), limit, strict=True))
        for lam in (0.0, 1.0, 1e4)
    ]
    assert gaps[0] > 0.05
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-4


def trained(
    strategy: Strategy,
    problem: Problem,
    lam: float,
    optimizer: Optimizer | None = None,
    steps: int = 12,
    backbone: Backbone | None = None,
) -> tuple[Model, Stage]:
    """As a run trains it, in float32."""
    (stage,) = strategy.stages(problem, Constant(lam), steps)
    backbone = backbone or Mlp((6, 5))
    model = draw_model(
        backbone, problem.inputs, problem.tasks_by_domain, stage.init, 0, stage.task_specific
    )
    strategy.add_buffers(model)
    batches = {name: Batches(problem.domains[name].train, name, 8, 0) for name in stage.domains}
    trainer = TrainerOptions(steps=steps, batch_size=8, eval_every=steps)
    train_state = TrainState.begin(stage, model, optimizer or Adam(lr=0.01), batches)
    fit(stage, model, problem.domains, strategy, trainer, train_state, Rows())
    return model, stage


def plain(problem: Problem) -> Problem:
    """The problem in the float32 of a run."""
    domains = {}
    for name, domain in problem.domains.items():
        labels = {
            k: v.astype(np.float32) if v.dtype == float else v
            for k, v in domain.train.labels.items()
        }
        train = replace(domain.train, inputs=domain.train.array.astype(np.float32), labels=labels)
        domains[name] = replace(domain, train=train)
    return replace(problem, domains=domains)


def learnt(model: Model) -> dict[str, Tensor]:
    """φ and w, without what an equation has beside them."""
    return {name: tensor for name, tensor in state(model).items() if not name.startswith("extras.")}


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("optimizer", [Adam(lr=0.01), Sgd(lr=0.05)], ids=["adam", "sgd"])
def test_lambda_zero_is_no_relation_to_the_bit(relation: Relation, optimizer: Optimizer) -> None:
    ours = plain(of_domains(CLASS))
    one, _ = trained(made(relation), ours, 0.0, optimizer)
    towers, stage = trained(made(relation, "towers"), ours, 0.0, optimizer)

    assert stage.task_specific == "towers"
    assert_same_bits(learnt(one), learnt(trained(SharedParameters(), ours, 0.0, optimizer)[0]))
    assert_same_bits(learnt(towers), learnt(trained(SingleTask(), ours, 0.0, optimizer)[0]))


def test_a_larger_lambda_brings_towers_closer_and_infinity_makes_them_one() -> None:
    ours = plain(of_domains(CLASS))
    apart = []
    for lam in (0.0, 0.1, 10.0):
        model, _ = trained(made("mean", "towers"), ours, lam, Sgd(lr=0.01), steps=60)
        apart.append(number(penalties.mean(side_by_side(model, everything(ours, model)))))
    one, stage = trained(made("mean", "towers"), ours, math.inf)

    assert apart[0] > apart[1] > apart[2]
    assert stage.task_specific == "biases"
    assert list(one.trunks) == ["*"]


def test_towers_compare_all_of_phi_and_heads_where_they_mean_the_same() -> None:
    numbers = Mlp((6, 5))
    phi = (D + 1) * 6 + (6 + 1) * 5
    for ours, shared in (
        (of_domains(CLASS), 5 * 3),
        (questions((VALUE, Task("other", "regression"))), 0),
        (questions((VALUE, CLASS)), 0),
    ):
        model = start(made("trace_norm", "towers"), ours, 1.0, backbone=numbers)
        W = side_by_side(model, everything(ours, model))
        assert W.shape == (phi + shared, len(ours.task_keys))


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_shared_trunk_cannot_ride_the_penalty_away(relation: Relation) -> None:
    """Features c times as large and heads 1/c as large are one model, and cost the same."""
    ours = of_domains(CLASS)
    model = start(made(relation), ours, 1.0, backbone=Mlp((6, 5)))
    before = made(relation).objective(everything(ours, model), model, Lam(1.0))
    for c in (1e-2, 7.0):
        scaled = start(made(relation), ours, 1.0, backbone=Mlp((6, 5)))
        last = [m for m in scaled.backbone.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.weight.data *= c
        last.bias.data *= c
        for head in heads(scaled):
            head.weight.data /= c
        after = made(relation).objective(everything(ours, scaled), scaled, Lam(1.0))
        for name, term in before.terms.items():
            assert number(after.terms[name]) == pytest.approx(number(term), rel=1e-9), name


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_gradient_flows_through_the_size_of_the_features(relation: Relation) -> None:
    """Along the direction in which features grow and heads shrink, R is level: its slopes in φ and
    w cancel."""
    ours = of_domains(CLASS)
    model = start(made(relation), ours, 1.0, backbone=Mlp((6, 5)))
    with torch.no_grad():
        for k, head in enumerate(heads(model)):  # those of one label space start alike
            head.weight += 0.1 * k * torch.randn_like(head.weight)
    R = made(relation).objective(everything(ours, model), model, Lam(1.0)).terms["R"]
    assert isinstance(R, Tensor)
    last = [m for m in model.backbone.modules() if isinstance(m, torch.nn.Linear)][-1]
    growing = [last.weight, last.bias]
    shrinking = [head.weight for head in heads(model)]
    slopes = torch.autograd.grad(R, [*growing, *shrinking])
    grows, shrinks = (
        sum(number((p * g).sum()) for p, g in zip(ps, gs, strict=True))
        for ps, gs in ((growing, slopes[:2]), (shrinking, slopes[2:]))
    )
    assert grows > 0.0
    assert grows == pytest.approx(shrinks, rel=1e-9)


def test_without_phi_the_features_have_no_scale() -> None:
    """The oracles above hold because rms(z) is then left out."""
    ours = of_domains()
    model = start(made("ridge"), ours, 1.0)
    W = side_by_side(model, everything(ours, model)).detach()
    np.testing.assert_array_equal(W.numpy(), weights(model))


def test_omega_is_kept_and_told_and_is_the_covariance_of_the_heads() -> None:
    """It is that of the heads from which the last update was made; a small step later they are the
    same in print."""
    ours, strategy = plain(of_domains(CLASS)), made("covariance")
    model, _ = trained(strategy, ours, 0.1, Sgd(lr=1e-4), steps=30)
    told = strategy.relation_of(model)
    assert told is not None
    assert told.tasks == ("d0", "d1", "d2")
    assert state(model)["extras.omega"].tolist() == [list(row) for row in told.matrix]
    _, omega = penalties.covariance(side_by_side(model, everything(ours, model)).detach())
    np.testing.assert_allclose(np.array(told.matrix), omega.numpy(), atol=2e-3)
    assert np.trace(np.array(told.matrix)) == pytest.approx(1.0, abs=1e-12)

    untrained = start(strategy, ours, 0.1)
    first = strategy.relation_of(untrained)
    assert first is not None
    np.testing.assert_allclose(np.array(first.matrix), np.eye(3) / 3)
    assert made("mean").relation_of(start(made("mean"), ours, 0.1)) is None


def test_omega_learns_which_tasks_go_together() -> None:
    """Two tasks of one weight, one of the opposite: a negative covariance, which no graph could
    say."""
    rng = np.random.default_rng(0)
    w, domains = rng.standard_normal(D), {}
    for name, sign in (("a", 1.0), ("b", 1.0), ("c", -1.0)):
        X = rng.standard_normal((60, D))
        y = sign * X @ w + 0.1 * rng.standard_normal(60)
        domains[name] = Domain(name, "peer", (VALUE,), Split(X, {"value": y}, np.arange(60)))
    ours = Problem(domains, HeldOutTest({}), "digest")
    model = minimised(made("covariance"), ours, start(made("covariance"), ours, 0.1), 0.1)
    omega = made("covariance").objective(everything(ours, model), model, Lam(0.1)).updates["omega"]

    correlation = omega / torch.outer(omega.diagonal(), omega.diagonal()).sqrt()
    assert float(correlation[0, 1]) > 0.8
    assert float(correlation[0, 2]) < -0.8


@pytest.mark.parametrize("relation", [r for r in RELATIONS if r != "graph"])
def test_the_order_of_the_tasks_does_not_matter(relation: Relation) -> None:
    ours, order = of_domains(), ("d2", "d0", "d1")
    other = replace(ours, domains={name: ours.domains[name] for name in order})
    one, two = (
        minimised(made(relation), p, start(made(relation), p, 0.2), 0.2) for p in (ours, other)
    )

    np.testing.assert_allclose(weights(two), weights(one)[:, [2, 0, 1]], atol=1e-7)
    if relation == "covariance":
        found = [
            made(relation).objective(everything(p, m), m, Lam(0.2)).updates["omega"].numpy()
            for p, m in ((ours, one), (other, two))
        ]
        np.testing.assert_allclose(found[1], found[0][[2, 0, 1]][:, [2, 0, 1]], atol=1e-7)


def test_a_graph_with_names_follows_the_tasks_in_any_order(tmp_path: Path) -> None:
    """Its rows may stand in any order, in a config or in a file, and the fit is the same."""
    ours = of_domains()
    (tmp_path / "tasks.csv").write_text(
        ",d2,d0,d1\nd2,0,0,2\nd0,0,0,1\nd1,2,1,0\n", encoding="utf-8"
    )
    named = (
        ("", "d1", "d2", "d0"),
        ("d1", 0.0, 2.0, 1.0),
        ("d2", 2.0, 0.0, 0.0),
        ("d0", 1.0, 0.0, 0.0),
    )
    fits = [
        weights(minimised(strategy, ours, start(strategy, ours, 0.2), 0.2))
        for strategy in (
            made("graph"),
            TaskRelation("graph", graph=named),
            TaskRelation("graph", graph=str(tmp_path / "tasks.csv")),
        )
    ]
    np.testing.assert_allclose(fits[1], fits[0], atol=1e-10)
    np.testing.assert_allclose(fits[2], fits[0], atol=1e-10)


def test_a_file_of_a_graph_is_read_once_and_its_numbers_decide(tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    file.write_text("0,1\n1,0\n", encoding="utf-8")
    before = TaskRelation("graph", graph=str(file))
    file.write_text("0,2\n2,0\n", encoding="utf-8")

    assert before.graph == ((0.0, 1.0), (1.0, 0.0))
    assert TaskRelation("graph", graph=str(file)).graph == ((0.0, 2.0), (2.0, 0.0))


def refusal(strategy: TaskRelation, problem: Problem, lam: float = 1.0) -> str:
    with pytest.raises(UserError) as told:
        strategy.stages(problem, Constant(lam), 5)
    return str(told.value)


def test_heads_that_cannot_be_compared_are_named_with_what_would_fit() -> None:
    binary = (Task("odd", "binary", ("n", "y")), Task("prime", "binary", ("n", "y")))
    mixed = (*binary, Task("digit", "multiclass", ("0", "1", "2")))

    for relation in RELATIONS:
        told = refusal(made(relation), questions(mixed)) if relation != "graph" else ""
        for mention in (
            "odd (binary)",
            "prime (binary)",
            "digit (3 classes)",
            "strategy.scope=towers",
        ):
            assert relation == "graph" or mention in told
    for relation in ("mean", "soft_sharing"):  # one shape, two meanings
        told = refusal(made(relation), questions(binary))
        assert (
            f"expected one task in several domains for relation={relation}, "
            "found odd (binary), prime (binary)" in told
        )
        assert "strategy.relation=graph, trace_norm or covariance" in told
    for relation in ("trace_norm", "covariance", "ridge"):
        assert made(relation).stages(questions(binary), Constant(1.0), 5)
    assert (
        made("mean", "towers").stages(questions(mixed), Constant(1.0), 5)[0].task_specific
        == "towers"
    )
    # a binary task and a number have one shape, and their logits and numbers no one scale
    assert "heads of one shape" in refusal(made("trace_norm"), questions((binary[0], VALUE)))


def test_one_task_has_nothing_to_relate_to() -> None:
    assert "expected two tasks or more for task_relation, found one, d/value" in refusal(
        made("mean"), questions((VALUE,))
    )


@pytest.mark.parametrize("relation", ["trace_norm", "covariance", "ridge"])
@pytest.mark.parametrize("scope", ["heads", "towers"])
def test_what_shrinks_leaves_nothing_at_infinity(
    relation: Relation, scope: Literal["heads", "towers"]
) -> None:
    told = refusal(made(relation, scope), of_domains(), math.inf)
    assert (
        f"lam.value: expected a finite λ, found inf: {relation} then leaves no weight at all"
        in told
    )


def test_a_graph_in_two_parts_has_no_limit() -> None:
    apart = TaskRelation("graph", graph=((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
    assert "the graph is not connected" in refusal(apart, of_domains(), math.inf)
    assert apart.stages(of_domains(), Constant(1e9), 5)[0].task_specific == "heads"
    assert made("graph").stages(of_domains(), Constant(math.inf), 5)[0].task_specific == "biases"


@pytest.mark.parametrize("relation", RELATIONS)
def test_lambda_may_not_become_infinite_on_the_way(relation: Relation) -> None:
    """The models before and at infinity differ: one weight is not several."""
    with pytest.raises(
        UserError, match=r"lam\.value: expected a finite λ, found linear-0-inf"
    ) as error:
        made(relation).stages(of_domains(), Linear(math.inf), 5)
    leaves_one = relation in ("mean", "soft_sharing", "graph")
    assert ("all tasks then have one weight" in str(error.value)) == leaves_one
    assert ("leaves no weight at all" in str(error.value)) == (not leaves_one)


@pytest.mark.parametrize("relation", ["trace_norm", "ridge"])
def test_towers_expect_a_phi_with_weights(relation: Relation) -> None:
    with pytest.raises(UserError) as error:
        made(relation, "towers").warnings(Identity())
    assert str(error.value) == (
        "strategy.scope: expected a backbone with weights for scope=towers, found identity; "
        "try strategy.scope=heads"
    )
    assert made(relation, "towers").warnings(Mlp()) == ()
    assert made(relation).warnings(Identity()) == ()


def graph(*rows: tuple[float | str, ...]) -> TaskRelation:
    return TaskRelation("graph", graph=rows)


def test_a_graph_that_is_not_one_of_these_tasks_is_refused() -> None:
    ours = of_domains()
    assert "expected a symmetric table, found 2 from d1 to d0 and 1 back" in refusal(
        graph((0.0, 1.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ours
    )
    assert "expected 3 rows of 3 numbers (d0, d1, d2), found 2 rows of 2" in refusal(
        graph((0.0, 1.0), (1.0, 0.0)), ours
    )
    assert "expected numbers of 0 or more, found -1" in refusal(
        graph((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ours
    )
    named = graph(
        ("", "d0", "d1", "dd2"),
        ("d0", 0.0, 1.0, 0.0),
        ("d1", 1.0, 0.0, 0.0),
        ("dd2", 0.0, 0.0, 0.0),
    )
    assert "expected the task d2, found none of that name; did you mean dd2?" in refusal(
        named, ours
    )


def test_a_graph_belongs_to_the_relation_of_that_name() -> None:
    with pytest.raises(
        UserError, match=r"strategy\.graph: expected a table or a CSV file with relation=graph"
    ):
        TaskRelation("graph")
    with pytest.raises(
        UserError, match=r"strategy\.graph: expected null with relation=mean, found one"
    ):
        TaskRelation("mean", graph=CHAIN)


def test_the_controls_are_each_task_alone_no_relation_and_for_what_shrinks_shrinking_alone() -> (
    None
):
    for relation in RELATIONS:
        controls = made(relation, "towers").controls(of_domains())
        assert controls["single_task"].strategy == SingleTask()
        assert controls["shared_parameters"].strategy == SharedParameters()
        assert ("ridge" in controls) == (relation in ("trace_norm", "covariance"))
        assert all(control.lam is None for control in controls.values())
    ridge = made("trace_norm", "towers").controls(of_domains())["ridge"].strategy
    assert ridge == TaskRelation("ridge", scope="towers")


@pytest.mark.parametrize("part", ["head", "last"])
@pytest.mark.parametrize("scope", ["heads", "towers"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_the_objective_on_features_is_the_one_through_phi(
    relation: Relation, scope: Literal["heads", "towers"], part: Literal["head", "last"]
) -> None:
    if (scope, part) == ("towers", "head"):  # refused
        return
    ours, strategy = of_domains(CLASS), replace(made(relation, scope), train=part)
    model = start(strategy, ours, 1.0, biases=True, backbone=Mlp((6, 5)))
    model.free(part)
    free = [p for p in model.parameters() if p.requires_grad]
    for parameter in free:  # heads of one label space start alike
        parameter.data += 0.1 * torch.randn_like(parameter)
    found = []
    for each in (ours, as_features(ours, model, part)):
        objective = strategy.objective(everything(each, model), model, Lam(0.7))
        assert isinstance(objective.total, Tensor)
        slopes = torch.autograd.grad(objective.total, free, allow_unused=True)
        found.append([objective.terms["R"], objective.total, *slopes])

    assert number(found[0][0]) > 0
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-12)


def test_what_towers_hold_fixed_is_no_part_of_what_they_compare() -> None:
    ours, strategy = of_domains(CLASS), TaskRelation(scope="towers", train="last")
    model = start(strategy, ours, 1.0, backbone=Mlp((6, 5)))
    model.free("last")
    W = side_by_side(model, everything(ours, model))

    assert W.shape == ((6 + 1) * 5 + 5 * 3, 3)


def test_a_graph_that_ties_no_two_tasks_is_refused() -> None:
    """R would be 0, and λ without effect, in silence."""
    none = TaskRelation("graph", graph=((0.0,) * 3,) * 3)

    with pytest.raises(UserError, match=r"strategy.graph: expected .* tied, found none") as caught:
        none.stages(peers("peer", "peer", "peer"), Constant(1.0), 5)
    assert "shared_parameters" in caught.value.lines[0]
