"""Outside oracles, closed forms and scipy, in float64; what runs train is trained in float32, as
they do."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from scipy.special import expit, rel_entr, softmax
from torch import Tensor
from torch.nn.functional import normalize

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.objective import Lam, Objective
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batches, as_batch
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.runs.plan import THIS, planned_stages
from tlrun.strategies.base import Strategy
from tlrun.strategies.estimator_controls import estimator_controls
from tlrun.strategies.schedules import Constant, Linear
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer
from tlrun.strategies.terms import penalties
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Optimizer, Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import Rows, Watcher, as_features, config, everything, performed, planned
from properties import assert_same_bits, assert_same_run

Transfer = Literal["asymmetric", "distillation", "born_again"]
D = 4
PHI = Mlp((6, 5))
VALUE = Task("value", "regression")
CLASS = Task("class", "multiclass", ("a", "b", "c"))
ODD, PRIME = Task("odd", "binary", ("no", "yes")), Task("prime", "binary", ("no", "yes"))
FEATURES = TaskTransfer("distillation", "towers", distil="features")


def number(term: Tensor | float) -> float:
    return float(torch.as_tensor(term).detach())


def heads(model: Model) -> list[torch.nn.Linear]:
    return [head for head in model.heads.values() if isinstance(head, torch.nn.Linear)]


def labels(
    task: Task, X: np.ndarray, w: np.ndarray, noise: float, rng: np.random.Generator
) -> np.ndarray:
    scores = X @ w + noise * rng.standard_normal((len(X), w.shape[1]))
    made: dict[str, np.ndarray] = {
        "regression": scores[:, 0],
        "multiclass": scores.argmax(axis=1),
        "binary": (scores[:, 0] > 0).astype(int),
    }
    return made[task.kind]


def of_domains(
    task: Task = VALUE,
    sizes: tuple[int, ...] = (30, 20, 12),
    noise: tuple[float, ...] = (1.0, 1.0, 1.0),
    apart: float = 0.5,
    seed: int = 0,
) -> Problem:
    """One task in several domains, whose weights are `apart`."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((D, task.outputs))
    domains = {}
    for k, n in enumerate(sizes):
        X, w = rng.standard_normal((n, D)), common + apart * rng.standard_normal((D, task.outputs))
        domains[f"d{k}"] = Domain(
            f"d{k}",
            "peer",
            (task,),
            Split(X, {task.name: labels(task, X, w, noise[k], rng)}, np.arange(n)),
        )
    return Problem(domains, HeldOutTest({}), "digest")


def questions(*tasks: Task, n: int = 40) -> Problem:
    """Several tasks of one domain."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D))
    answers = {
        task.name: labels(task, X, rng.standard_normal((D, task.outputs)), 0.5, rng)
        for task in tasks
    }
    return Problem(
        {"d": Domain("d", "peer", tasks, Split(X, answers, np.arange(n)))},
        HeldOutTest({}),
        "digest",
    )


def plain(problem: Problem) -> Problem:
    """The problem in the float32 of a run."""
    domains = {}
    for name, domain in problem.domains.items():
        answers = {
            k: v.astype(np.float32) if v.dtype == float else v
            for k, v in domain.train.labels.items()
        }
        train = replace(domain.train, inputs=domain.train.array.astype(np.float32), labels=answers)
        domains[name] = replace(domain, train=train)
    return replace(problem, domains=domains)


def start(
    strategy: Strategy, problem: Problem, backbone: Backbone = PHI, stir: float = 0.0
) -> Model:
    """The model of a strategy's last stage, in float64; each parameter moved by as much as
    `stir`."""
    *_, stage = strategy.stages(problem, Constant(1.0), 1)
    model = draw_model(
        backbone, problem.inputs, problem.tasks_by_domain, "target", 0, stage.task_specific
    ).double()
    strategy.add_buffers(model)
    model.double()
    for parameter in model.parameters():
        parameter.data += stir * torch.randn_like(parameter)
    return model


def transfer_of(strategy: Strategy, problem: Problem, model: Model) -> Tensor:
    T = strategy.objective(everything(problem, model), model, Lam(1.0)).terms["T"]
    assert isinstance(T, Tensor)
    return T


def trained(
    strategy: Strategy,
    problem: Problem,
    lam: float,
    optimizer: Optimizer | None = None,
    steps: int = 12,
    teacher: Model | None = None,
) -> Model:
    """The last stage of a strategy, as a run trains it, with the first batches of every domain."""
    *_, stage = strategy.stages(problem, Constant(lam), steps)
    model = draw_model(
        PHI, problem.inputs, problem.tasks_by_domain, stage.init, 0, stage.task_specific
    )
    strategy.add_buffers(model)
    if teacher is not None:
        model = strategy.inherit(stage, model, teacher)
    batches = {name: Batches(problem.domains[name].train, name, 8, 0) for name in stage.domains}
    trainer = TrainerOptions(steps=steps, batch_size=8, eval_every=steps)
    train_state = TrainState.begin(stage, model, optimizer or Adam(lr=0.01), batches)
    fit(stage, model, problem.domains, strategy, trainer, train_state, Rows())
    return model


def learnt(model: Model) -> dict[str, Tensor]:
    """φ and w, without what an equation has beside them."""
    return {name: tensor for name, tensor in state(model).items() if not name.startswith("extras.")}


# --- asymmetric ---


def teachers(seed: int = 0) -> Tensor:
    """Some B, with rows that sum to less than 1."""
    B = 0.4 * torch.rand(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return B.fill_diagonal_(0.0)


def system(
    problem: Problem, B: np.ndarray, lam: float, mu: float, one_way: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A and b, where the slope of Σ_t (1 + μ Σ_s B_st) |y_t - X_t w_t|²/n_t + λ |W - WBᵀ|² is 2 (A
    vec(W) - b).

    The last term's half slope is W(I-B)ᵀ(I-B); without gradient through the teachers, W(I-B)ᵀ.
    """
    count = len(problem.domains)
    coupling = np.eye(count) - B
    coupling = coupling.T if one_way else coupling.T @ coupling
    left, right = lam * np.kron(coupling.T, np.eye(D)), np.zeros(count * D)
    for t, domain in enumerate(problem.domains.values()):
        X, y, own = domain.train.array, domain.train.labels["value"], slice(t * D, (t + 1) * D)
        weight = (1 + mu * B[:, t].sum()) / len(X)
        left[own, own] += weight * X.T @ X
        right[own] += weight * X.T @ y
    return left, right


def linear(problem: Problem, strategy: TaskTransfer, B: Tensor) -> Model:
    model = start(strategy, problem, Identity())
    model.update_buffers({"B": B})
    for head in heads(model):
        head.bias.data.zero_()
        head.bias.requires_grad_(False)
    return model


def slopes(strategy: TaskTransfer, problem: Problem, model: Model, lam: float) -> np.ndarray:
    total = strategy.objective(everything(problem, model), model, Lam(lam)).total
    assert isinstance(total, Tensor)
    found = torch.autograd.grad(total, [head.weight for head in heads(model)])
    return torch.cat(found).numpy().T


@pytest.mark.parametrize("one_way", [False, True])
@pytest.mark.parametrize(("lam", "mu"), [(0.3, 0.0), (0.3, 0.5), (20.0, 0.5)])
def test_with_b_held_asymmetric_is_one_linear_system(one_way: bool, lam: float, mu: float) -> None:
    """Its slope is that of the system everywhere, so it comes to rest where that is solved, and
    nowhere else."""
    ours, B, strategy = of_domains(), teachers(), TaskTransfer(one_way=one_way, mu=mu)
    left, right = system(ours, B.numpy(), lam, mu, one_way)
    solved = np.linalg.solve(left, right)
    model = linear(ours, strategy, B)
    rng = np.random.default_rng(1)
    for w in (solved, *rng.standard_normal((5, 3 * D))):
        for t, head in enumerate(heads(model)):
            head.weight.data = torch.from_numpy(w[t * D : (t + 1) * D].copy())[None]
        found = slopes(strategy, ours, model, lam).T.ravel()
        np.testing.assert_allclose(found, 2 * (left @ w - right), atol=1e-10 * (1 + lam))
    assert np.linalg.eigvals(left).real.min() > 0  # going down ends there
    other = np.linalg.solve(*system(ours, B.numpy(), lam, mu, not one_way))
    assert np.abs(solved - other).max() > 1e-3


def test_b_is_found_and_only_moved_through_remember() -> None:
    ours = of_domains()
    model = start(TaskTransfer(mu=0.0), ours, Identity(), stir=1.0)
    before, steps = state(model), everything(ours, model)
    first, again = (TaskTransfer(mu=0.0).objective(steps, model, Lam(1.0)) for _ in range(2))

    assert_same_bits(state(model), before)
    assert torch.equal(first.updates["B"], again.updates["B"])
    assert float(first.updates["B"].max()) > 0.0
    assert not first.updates["B"].requires_grad
    model.update_buffers(first.updates)
    assert torch.equal(model.extras.get_buffer("B"), first.updates["B"])
    assert not torch.equal(
        TaskTransfer(mu=0.0).objective(steps, model, Lam(1.0)).updates["B"], first.updates["B"]
    )  # and on it goes


@pytest.mark.parametrize("scope", ["heads", "towers"])
@pytest.mark.parametrize("one_way", [False, True])
def test_what_is_learnt_is_admitted_kept_and_told(
    scope: Literal["heads", "towers"], one_way: bool
) -> None:
    ours, strategy = plain(of_domains()), TaskTransfer(scope=scope, one_way=one_way, mu=0.01)
    model = trained(strategy, ours, 1.0, steps=40)
    told = strategy.relation_of(model)
    assert told is not None
    B = np.array(told.matrix)
    assert told.tasks == ("d0", "d1", "d2")
    assert B.tolist() == state(model)["extras.B"].tolist()
    assert (B >= 0).all()
    assert B.max() > 0
    assert (np.diagonal(B) == 0).all()
    assert not one_way or B.sum(axis=1).max() <= 1 + 1e-12


def test_the_total_is_that_of_its_docstring() -> None:
    """Σ_t (1 + μ Σ_s B_st) L_t + λ T, loop by loop; what the price adds is told."""
    ours, B, lam, mu = of_domains(), teachers(), 0.7, 0.4
    strategy = TaskTransfer(mu=mu)
    model = start(strategy, ours, stir=0.3)
    model.update_buffers({"B": B})
    steps = everything(ours, model)
    found = strategy.objective(steps, model, Lam(lam))
    L = [number(found.terms[f"L_d{t}"]) for t in range(3)]
    size = math.sqrt(
        np.mean([number(step.features["value"].square().mean()) for step in steps.values()])
    )
    W = size * torch.cat([head.weight.detach() for head in heads(model)]).numpy().T
    T = sum(
        ((W[:, t] - sum(float(B[t, s]) * W[:, s] for s in range(3))) ** 2).sum() for t in range(3)
    )
    price = sum(mu * float(B[s, t]) * L[t] for s in range(3) for t in range(3))

    assert set(found.terms) == {"L_d0", "L_d1", "L_d2", "T", "price"}
    assert number(found.terms["T"]) == pytest.approx(T, rel=1e-9)
    assert number(found.terms["price"]) == pytest.approx(price, rel=1e-9)
    assert number(found.total) == pytest.approx(sum(L) + price + lam * T, rel=1e-9)


def taught_by(problem: Problem, mu: float) -> np.ndarray:
    """Σ_s B_st, how much each task teaches in the end, of linear models trained on all examples."""
    strategy = TaskTransfer(mu=mu)
    model = start(strategy, problem, Identity())
    adam = torch.optim.Adam([head.weight for head in heads(model)], lr=0.05)
    for _ in range(150):
        objective = strategy.objective(everything(problem, model), model, Lam(1.0))
        adam.zero_grad()
        strategy.backward(objective, model)
        adam.step()
        model.update_buffers(objective.updates)
    return model.extras.get_buffer("B").sum(dim=0).numpy()


def test_a_task_of_large_loss_teaches_less_the_more_so_the_higher_the_price() -> None:
    """All three have one and the same weight; the labels of the last are noise for the most
    part."""
    ours = of_domains(sizes=(60, 60, 60), noise=(0.1, 0.1, 3.0), apart=0.0)
    dear, cheap = taught_by(ours, 0.5), taught_by(ours, 0.01)

    assert dear[2] < min(dear[:2])
    assert dear[2] < cheap[2]
    assert dear[2] / dear[:2].mean() < cheap[2] / cheap[:2].mean()


def test_a_task_without_labels_costs_nothing_and_can_be_a_pupil() -> None:
    ours = of_domains()
    empty = ours.domains["d1"]
    train = replace(empty.train, labels={"value": np.full(len(empty.train), np.nan)})
    ours = replace(ours, domains={**ours.domains, "d1": replace(empty, train=train)})
    model = start(TaskTransfer(mu=0.0), ours, Identity(), stir=1.0)
    found = TaskTransfer(mu=0.0).objective(everything(ours, model), model, Lam(1.0))

    assert "L_d1" not in found.terms
    assert found.updates["B"].shape == (3, 3)
    assert math.isfinite(number(found.total))


# --- λ = 0 ---


@pytest.mark.parametrize("optimizer", [Adam(lr=0.01), Sgd(lr=0.05)], ids=["adam", "sgd"])
@pytest.mark.parametrize("transfer", ["asymmetric", "distillation", "born_again"])
def test_lambda_zero_is_no_transfer_to_the_bit(transfer: Transfer, optimizer: Optimizer) -> None:
    ours = plain(of_domains(CLASS))
    teacher = trained(SingleTask(), ours, 0.0) if transfer == "born_again" else None
    apart, together = (
        trained(strategy, ours, 0.0, optimizer) for strategy in (SingleTask(), SharedParameters())
    )
    for strategy, expected in (
        (TaskTransfer(transfer), together),
        (TaskTransfer(transfer, "towers"), apart),
    ):
        assert_same_bits(
            learnt(trained(strategy, ours, 0.0, optimizer, teacher=teacher)), learnt(expected)
        )
    if transfer == "asymmetric":
        assert not trained(TaskTransfer(), ours, 0.0).extras.get_buffer("B").any()


@pytest.mark.parametrize(
    "strategy", [TaskTransfer("distillation"), FEATURES], ids=["outputs", "features"]
)
def test_a_positive_lambda_changes_what_is_learnt(strategy: TaskTransfer) -> None:
    ours = plain(of_domains(CLASS))
    none, some = (learnt(trained(strategy, ours, lam)) for lam in (0.0, 1.0))
    assert any(not torch.equal(none[name], some[name]) for name in none)


# --- distillation ---


def kl(task: Task, teacher: np.ndarray, pupil: np.ndarray) -> float:
    """KL between the answers that outputs [B, k] stand for, the mean over the batch, by scipy."""
    if task.kind == "regression":
        return float(((teacher - pupil) ** 2).sum(axis=1).mean())
    if task.kind == "binary":
        p, q = (np.concatenate([expit(-z), expit(z)], axis=1) for z in (teacher, pupil))
    else:
        p, q = softmax(teacher, axis=1), softmax(pupil, axis=1)
    return float(rel_entr(p, q).sum(axis=1).mean())


def answered(model: Model, by: TaskKey, on: TaskKey, problem: Problem) -> np.ndarray:
    """What the model of the task `by` says of the inputs of the task `on`."""
    x = as_batch(problem.domains[on.domain].train).inputs
    return model.output(by, model.trunk_of(by)(x, on.domain)).detach().numpy()


@pytest.mark.parametrize("scope", ["heads", "towers"])
@pytest.mark.parametrize("task", [CLASS, ODD, VALUE], ids=["multiclass", "binary", "regression"])
def test_distillation_is_the_divergence_from_the_other_tasks(
    task: Task, scope: Literal["heads", "towers"]
) -> None:
    ours, strategy = of_domains(task), TaskTransfer("distillation", scope)
    model = start(strategy, ours, stir=0.3)
    keys = list(ours.task_keys)
    expected = sum(
        kl(task, answered(model, s, t, ours), answered(model, t, t, ours)) / 2
        for t in keys
        for s in keys
        if s != t
    )
    found = strategy.objective(everything(ours, model), model, Lam(0.3))
    L = [number(term) for name, term in found.terms.items() if name.startswith("L_")]

    assert expected > 0.01
    assert number(found.terms["T"]) == pytest.approx(expected, rel=1e-9)
    assert number(found.total) == pytest.approx(sum(L) + 0.3 * expected, rel=1e-9)


def test_only_tasks_of_one_label_space_teach_each_other() -> None:
    """Of two domains that both ask `odd`, one asks something else too: it has no teacher, and
    teaches nobody."""
    one, other = questions(ODD, CLASS).domains["d"], questions(ODD).domains["d"]
    ours = Problem({"d": one, "e": replace(other, name="e")}, HeldOutTest({}), "digest")
    strategy = TaskTransfer("distillation")
    model = start(strategy, ours, stir=0.3)
    d, e = TaskKey("d", "odd"), TaskKey("e", "odd")
    pairs = ((d, e), (e, d))
    expected = sum(
        kl(ODD, answered(model, s, t, ours), answered(model, t, t, ours)) for s, t in pairs
    )

    T = transfer_of(strategy, ours, model)
    assert number(T) == pytest.approx(expected, rel=1e-9)
    head = model.head_of(TaskKey("d", "class"))
    (gradient,) = torch.autograd.grad(T, [head.weight], allow_unused=True)
    assert gradient is None


@pytest.mark.parametrize("scope", ["heads", "towers"])
def test_tasks_that_agree_have_nothing_to_tell_each_other(
    scope: Literal["heads", "towers"],
) -> None:
    """Heads of one label space start alike, and so do towers."""
    ours, strategy = of_domains(CLASS), TaskTransfer("distillation", scope)
    model = start(strategy, ours)
    T = transfer_of(strategy, ours, model)
    assert number(T) == pytest.approx(0.0, abs=1e-12)
    used = [p for p in model.parameters() if p.requires_grad]
    for gradient in torch.autograd.grad(T, used):
        assert float(gradient.abs().max()) < 1e-12


def twin(strategy: TaskTransfer, problem: Problem, model: Model) -> Model:
    """A model of the same weights that shares no tensor with it."""
    other = start(strategy, problem)
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.parametrize(
    ("strategy", "ours"),
    [
        (TaskTransfer("distillation", "towers"), of_domains(CLASS, sizes=(15, 10))),
        (FEATURES, of_domains(CLASS, sizes=(15, 10))),
        # of one domain: the teacher's pass is one that has a slope already
        (FEATURES, questions(VALUE, CLASS)),
    ],
    ids=["outputs", "features", "features of one domain"],
)
def test_no_gradient_flows_into_a_teacher(strategy: TaskTransfer, ours: Problem) -> None:
    """The slope of T is that with teachers of the same weights who are somebody else altogether.

    Without `sg`, it would not be: the difference is shown to matter.
    """
    model = start(strategy, ours, stir=0.3)
    others = twin(strategy, ours, model)
    found = torch.autograd.grad(transfer_of(strategy, ours, model), list(model.trunks.parameters()))

    def by_hand(teacher: Model) -> tuple[Tensor, ...]:
        T: Tensor = torch.zeros((), dtype=torch.float64)
        for t, key in enumerate(ours.task_keys):
            s, other = 1 - t, list(ours.task_keys)[1 - t]
            name = key.domain
            x = as_batch(ours.domains[name].train).inputs
            z, seen = model.trunk_of(key)(x, name), teacher.trunk_of(other)(x, name)
            if strategy is FEATURES:
                pupil = z @ model.extras.get_parameter("A")[t, s].T
                gap = normalize(pupil) - normalize(seen)
                T = T + (gap**2).sum(dim=1).mean()
            else:
                p, q = teacher.output(other, seen).softmax(1), model.output(key, z).softmax(1)
                T = T + (p * (p.log() - q.log())).sum(dim=1).mean()
        return torch.autograd.grad(T, list(model.trunks.parameters()))

    for one, expected in zip(found, by_hand(others), strict=True):
        torch.testing.assert_close(one, expected, rtol=1e-8, atol=1e-12)
    assert any(not torch.allclose(a, b) for a, b in zip(found, by_hand(model), strict=True))


def test_heads_on_one_phi_teach_through_it_and_not_through_themselves() -> None:
    """T moves each head as a pupil only: head s has no slope from the term in which it teaches
    t."""
    ours, strategy = of_domains(CLASS, sizes=(15, 10)), TaskTransfer("distillation")
    model = start(strategy, ours, stir=0.3)
    steps = everything(ours, model)
    slope = torch.autograd.grad(
        transfer_of(strategy, ours, model), [head.weight for head in heads(model)]
    )
    keys = list(ours.task_keys)
    for key, other, found in zip(keys, reversed(keys), slope, strict=True):
        step = steps[key.domain]
        z, q = step.features["class"].detach(), step.outputs["class"].detach().softmax(dim=1)
        p = torch.from_numpy(softmax(answered(model, other, key, ours), axis=1))
        # the known slope of KL(p ‖ softmax)
        torch.testing.assert_close(found, (q - p).T @ z / len(z))


def test_features_that_are_equal_tell_each_other_nothing() -> None:
    """Towers start alike, and A = I; not so once they are different, or A is."""
    ours = questions(VALUE, CLASS)
    model = start(FEATURES, ours)
    assert model.extras.get_parameter("A").shape == (2, 2, 5, 5)
    assert number(transfer_of(FEATURES, ours, model)) == pytest.approx(0.0, abs=1e-12)
    model.extras.get_parameter("A").data[0, 1] += 0.5
    assert number(transfer_of(FEATURES, ours, model)) > 1e-3
    assert number(transfer_of(FEATURES, ours, start(FEATURES, ours, stir=0.2))) > 1e-3


def test_features_are_compared_by_their_direction() -> None:
    """‖Az/‖Az‖ - z'/‖z'‖‖² by hand, and the same for features of any size."""
    ours = questions(VALUE, CLASS)
    model = start(FEATURES, ours, stir=0.3)
    x, A = (
        as_batch(ours.domains["d"].train).inputs,
        model.extras.get_parameter("A").detach().numpy(),
    )
    z = [model.trunk_of(key)(x, "d").detach().numpy() for key in ours.task_keys]
    expected = 0.0
    for t, s in ((0, 1), (1, 0)):
        pupil, teacher = z[t] @ A[t, s].T, z[s]
        norms = [
            np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (pupil, teacher)
        ]
        expected += float(((pupil / norms[0] - teacher / norms[1]) ** 2).sum(axis=1).mean())
    assert number(transfer_of(FEATURES, ours, model)) == pytest.approx(expected, rel=1e-9)

    model.extras.get_parameter("A").data *= 7.0
    assert number(transfer_of(FEATURES, ours, model)) == pytest.approx(expected, rel=1e-9)


def test_the_maps_between_features_are_learnt() -> None:
    model = trained(FEATURES, plain(questions(VALUE, CLASS)), 1.0)
    A = model.extras.get_parameter("A")
    assert not torch.equal(A, torch.eye(5).expand_as(A))
    assert FEATURES.relation_of(model) is None


# --- born again ---


def test_born_again_learns_from_the_single_task_models_and_moves_nothing_of_theirs() -> None:
    ours, strategy = plain(questions(CLASS, ODD, VALUE)), TaskTransfer("born_again")
    teacher = trained(SingleTask(), ours, 0.0)
    before = state(teacher)
    apart = []
    for lam in (0.0, 100.0):
        pupil = trained(strategy, ours, lam, teacher=teacher, steps=60)
        assert not any(name.startswith("teacher") for name in state(pupil))
        apart.append(
            sum(
                kl(task, answered(teacher, key, key, ours), answered(pupil, key, key, ours))
                for key, task in ours.task_keys.items()
            )
        )

    assert_same_bits(state(teacher), before)
    assert apart[1] < apart[0] / 2


@pytest.mark.parametrize("scope", ["heads", "towers"])
def test_born_again_is_the_divergence_from_each_tasks_own_teacher(
    scope: Literal["heads", "towers"],
) -> None:
    ours, strategy = questions(CLASS, ODD, VALUE), TaskTransfer("born_again", scope)
    *_, stage = strategy.stages(ours, Constant(1.0), 1)
    teacher = start(SingleTask(), ours, stir=0.3)
    model = strategy.inherit(stage, start(strategy, ours, stir=0.3), teacher)
    expected = sum(
        kl(task, answered(teacher, key, key, ours), answered(model, key, key, ours))
        for key, task in ours.task_keys.items()
    )
    assert expected > 0.01
    assert number(transfer_of(strategy, ours, model)) == pytest.approx(expected, rel=1e-9)


def test_a_pupil_that_is_its_teacher_has_nothing_to_learn() -> None:
    ours, strategy = questions(CLASS, ODD, VALUE), TaskTransfer("born_again", "towers")
    *_, stage = strategy.stages(ours, Constant(1.0), 1)
    teacher = start(SingleTask(), ours, stir=0.3)
    pupil = start(strategy, ours)
    pupil.load_state_dict(teacher.state_dict())
    assert number(
        transfer_of(strategy, ours, strategy.inherit(stage, pupil, teacher))
    ) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_teacher_is_finished(norm: Literal["none", "batch"]) -> None:
    """It answers in eval mode, and takes no gradient and no statistics from what it is shown."""
    ours, strategy = plain(questions(CLASS, ODD)), TaskTransfer("born_again")
    *_, stage = strategy.stages(ours, Constant(1.0), 8)
    phi = Mlp((6, 5), norm)
    teacher = draw_model(phi, ours.inputs, ours.tasks_by_domain, "target", 0, "towers")
    teacher.track(["d"])
    before = state(teacher)
    fresh = draw_model(phi, ours.inputs, ours.tasks_by_domain, "target", 0, stage.task_specific)
    model = strategy.inherit(stage, fresh, teacher.train())
    batches = {"d": Batches(ours.domains["d"].train, "d", 8, 0)}
    train_state = TrainState.begin(stage, model, Adam(lr=0.1), batches)
    fit(
        stage,
        model,
        ours.domains,
        strategy,
        TrainerOptions(8, 8, eval_every=8),
        train_state,
        Rows(),
    )

    assert_same_bits(state(teacher), before)
    assert not teacher.training
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())


def test_born_again_takes_over_no_weight() -> None:
    ours, strategy = questions(CLASS, ODD), TaskTransfer("born_again", "towers")
    *_, stage = strategy.stages(ours, Constant(1.0), 1)
    fresh, untouched = start(strategy, ours), start(strategy, ours)
    model = strategy.inherit(stage, fresh, start(SingleTask(), ours, stir=0.3))
    assert_same_bits(state(model), state(untouched))


def test_born_again_starts_with_the_very_stage_of_single_task(tmp_path: Path) -> None:
    """So whichever comes first trains it, and the other finds it."""
    nodes: dict[str, Any] = {"dataset": {"name": "digits_binary"}}
    again = {"name": "task_transfer", "transfer": "born_again"}
    asked = [
        planned(config(tmp_path, strategy=s, **nodes), Watcher())
        for s in (again, {"name": "single_task"})
    ]
    assert asked[0].stages[0].key == asked[1].stages[0].key
    assert [each.stage.task_specific for each in asked[0].stages] == ["towers", "heads"]

    first, second = (performed(each, THIS, Watcher()) for each in asked)
    watcher = Watcher()
    alone = performed(
        planned(config(tmp_path / "b", strategy={"name": "single_task"}, **nodes), watcher),
        THIS,
        watcher,
    )
    assert len(list((tmp_path / ".stages").iterdir())) == 1
    assert_same_run(second.path, alone.path)
    assert first.result["steps"] == 2 * second.result["steps"]


def test_a_longer_single_task_is_another_stage() -> None:
    run = build(config(Path("unused"), dataset={"name": "digits_binary"}))
    ours = questions(ODD, PRIME)
    keys = [
        planned_stages(run, ours, strategy.stages(ours, Constant(1.0), 5), "cpu")[0].key
        for strategy in (TaskTransfer("born_again"), SingleTask(), SingleTask("total"))
    ]
    assert keys[0] == keys[1] != keys[2]


# --- what fits, and controls ---


def refusal(strategy: TaskTransfer, problem: Problem, lam: float = 1.0) -> str:
    with pytest.raises(UserError) as told:
        strategy.stages(problem, Constant(lam), 5)
    return str(told.value)


def test_tasks_that_cannot_teach_each_other_are_named_with_what_would_fit() -> None:
    mixed = questions(ODD, PRIME, CLASS)
    told = refusal(TaskTransfer("asymmetric"), mixed)
    assert (
        "expected heads of one shape for transfer=asymmetric, "
        "found odd (binary), prime (binary), class (3 classes)" in told
    )
    assert "strategy.transfer=born_again, or strategy.scope=towers" in told
    told = refusal(TaskTransfer("distillation"), mixed)
    assert (
        "expected two tasks of one label space for transfer=distillation, found odd (binary)"
        in told
    )
    assert "strategy.distil=features with strategy.scope=towers" in told
    for strategy in (TaskTransfer("asymmetric", "towers"), TaskTransfer("born_again"), FEATURES):
        assert strategy.stages(mixed, Constant(1.0), 5)[-1].domains == ("d",)
    assert TaskTransfer("asymmetric").stages(questions(ODD, PRIME), Constant(1.0), 5)


@pytest.mark.parametrize("transfer", ["asymmetric", "distillation", "born_again"])
def test_one_task_and_an_infinite_lambda_are_refused(transfer: Transfer) -> None:
    assert "expected two tasks or more for task_transfer, found one, d/value" in refusal(
        TaskTransfer(transfer), questions(VALUE)
    )
    assert "lam.value: expected a finite λ, found inf" in refusal(
        TaskTransfer(transfer), of_domains(CLASS), math.inf
    )
    with pytest.raises(UserError, match="found linear-0-inf"):
        TaskTransfer(transfer).stages(of_domains(CLASS), Linear(math.inf), 5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"transfer": "born_again", "one_way": True},
            "strategy.one_way: expected false with transfer=born_again",
        ),
        ({"transfer": "distillation", "distil": "features"}, "on one φ all features are equal"),
        ({"scope": "towers", "distil": "features"}, "found transfer=asymmetric and scope=towers"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as error:
        TaskTransfer(**options)
    assert told in str(error.value)


def test_towers_expect_a_phi_with_weights() -> None:
    with pytest.raises(UserError, match="a backbone with weights for scope=towers, found identity"):
        FEATURES.warnings(Identity())
    assert FEATURES.warnings(PHI) == ()
    assert TaskTransfer().warnings(Identity()) == ()


def test_the_controls_are_each_task_alone_and_no_transfer_at_every_budget_that_is_spent() -> None:
    short = {"single_task", "shared_parameters"}
    outside = estimator_controls(of_domains()).keys()
    assert TaskTransfer("distillation").controls(of_domains()).keys() == short | outside
    # which it is where nobody teaches
    assert TaskTransfer().controls(of_domains()).keys() == short | outside | {"ridge"}
    ridge = TaskTransfer(scope="towers").controls(of_domains())["ridge"].strategy
    assert ridge == TaskRelation("ridge", scope="towers")
    again = TaskTransfer("born_again").controls(of_domains())
    assert again.keys() == short | outside | {f"{name}, total budget" for name in short}
    assert again["single_task, total budget"].strategy == SingleTask(budget="total")
    for name, control in again.items():
        if name in outside:
            continue
        stages = control.strategy.stages(of_domains(CLASS), Constant(1.0), 5)
        budget = getattr(control.strategy, "budget", "stage")
        assert sum(stage.steps for stage in stages) == (10 if budget == "total" else 5)


def test_objective_leaves_the_teachers_of_an_asymmetric_model_as_next_teachers_has_them() -> None:
    """The B of the next step is `penalties.next_teachers` of this step's W̃ and losses."""
    ours, strategy = of_domains(), TaskTransfer(mu=0.2, one_way=True)
    model = start(strategy, ours, Identity(), stir=0.5)
    model.update_buffers({"B": teachers()})
    objective: Objective = strategy.objective(everything(ours, model), model, Lam(0.9))
    W = torch.cat([head.weight.detach() for head in heads(model)]).T
    L = torch.stack([torch.as_tensor(objective.terms[f"L_d{t}"]).detach() for t in range(3)])
    expected = penalties.next_teachers(teachers(), W, L, 0.9, 0.2, one_way=True)
    torch.testing.assert_close(objective.updates["B"], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "strategy",
    [
        TaskTransfer(train="head"),
        TaskTransfer("distillation", train="head"),
        TaskTransfer("born_again", train="head"),
        TaskTransfer("born_again", train="last"),
        TaskTransfer(scope="towers", train="last"),
        TaskTransfer("distillation", "towers", train="last"),
        replace(FEATURES, train="last"),
        TaskTransfer("born_again", "towers", train="last"),
    ],
    ids=str,
)
def test_the_objective_on_features_is_the_one_through_phi(strategy: TaskTransfer) -> None:
    """For teachers too: what they hold fixed is what their pupils do."""
    ours, part = of_domains(CLASS), strategy.train
    model = start(strategy, ours)
    if strategy.transfer == "born_again":
        (alone, _) = strategy.stages(ours, Constant(1.0), 1)
        assert (alone.trained, alone.by) == (part, SingleTask(train=part))
        teacher = draw_model(
            PHI, ours.inputs, ours.tasks_by_domain, alone.init, 0, alone.task_specific
        ).double()
        for head in heads(teacher):
            head.weight.data += 0.3 * torch.randn_like(head.weight)
        model = strategy.inherit(alone, model, teacher)
    model.free(part)
    free = [p for p in model.parameters() if p.requires_grad]
    for parameter in free:
        parameter.data += 0.1 * torch.randn_like(parameter)
    found = []
    for each in (ours, as_features(ours, model, part)):
        objective = strategy.objective(everything(each, model), model, Lam(0.7))
        assert isinstance(objective.total, Tensor)
        slopes = torch.autograd.grad(objective.total, free, allow_unused=True)
        found.append([objective.terms["T"], objective.total, *slopes])

    assert number(found[0][0]) > 0
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-12)
