import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orth, sqrtm
from scipy.optimize import minimize, nnls
from torch import Tensor
from torch.autograd import gradcheck

from tlrun.strategies.terms import penalties

D, T = 7, 4


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def free(W: Tensor) -> Tensor:
    return W.clone().requires_grad_()


def gradient(penalty: Callable[[Tensor], Tensor], W: Tensor) -> Tensor:
    W = free(W)
    (found,) = torch.autograd.grad(penalty(W), W)
    return found


def laplacian(A: Tensor) -> Tensor:
    return A.sum(dim=1).diag() - A


def some_graph(seed: int = 0, tasks: int = T) -> Tensor:
    A = random(tasks, tasks, seed=seed).abs()
    return (A + A.T).fill_diagonal_(0.0)


def uniform(tasks: int) -> Tensor:
    """Everybody teaches everybody: B = 1/(T-1) off the diagonal."""
    return (
        torch.ones(tasks, tasks, dtype=torch.float64) - torch.eye(tasks, dtype=torch.float64)
    ) / (tasks - 1)


PENALTIES: dict[str, Callable[[Tensor], Tensor]] = {
    "ridge": penalties.ridge,
    "mean": penalties.mean,
    "soft_sharing": penalties.soft_sharing,
    "graph": lambda W: penalties.graph(W, some_graph()),
    "trace_norm": penalties.trace_norm,
    "covariance": lambda W: penalties.covariance(W)[0],
    "asymmetric": lambda W: penalties.asymmetric(W, random(T, T, seed=3).abs()),
}


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("shape", [(D, T), (2, T), (D, 1)], ids=str)
def test_the_gradient_is_that_of_the_value(name: str, shape: tuple[int, int]) -> None:
    """`covariance` is among them: its gradient with Ω held is the one with Ω moving along."""
    if shape[1] == T or name not in ("graph", "asymmetric"):  # those two have a matrix of T = 4
        assert gradcheck(PENALTIES[name], (free(random(*shape)),))


@pytest.mark.parametrize("name", PENALTIES)
def test_none_is_ever_negative_and_the_order_of_the_weights_within_a_task_does_not_matter(
    name: str,
) -> None:
    for seed in range(20):
        W = random(D, T, seed=seed)
        rotation = torch.linalg.qr(random(D, D, seed=seed + 100)).Q

        value = PENALTIES[name](W)
        assert float(value) > 0.0
        torch.testing.assert_close(PENALTIES[name](rotation @ W), value)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(2, 6))
def test_pairs_mean_and_the_complete_graph_are_one_penalty(
    seed: int, rows: int, tasks: int
) -> None:
    W = random(rows, tasks, seed=seed)
    pairs = sum(
        float((W[:, s] - W[:, t]).square().sum()) for s in range(tasks) for t in range(s + 1, tasks)
    )
    complete = torch.ones(tasks, tasks, dtype=torch.float64).fill_diagonal_(0.0)

    assert float(penalties.soft_sharing(W)) == pytest.approx(pairs, rel=1e-10, abs=1e-12)
    assert float(tasks * penalties.mean(W)) == pytest.approx(pairs, rel=1e-10, abs=1e-12)
    assert float(penalties.graph(W, complete)) == pytest.approx(pairs, rel=1e-10, abs=1e-12)
    assert float(torch.trace(W @ laplacian(complete) @ W.T)) / tasks == pytest.approx(
        pairs / tasks, rel=1e-10, abs=1e-12
    )


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(2, 6))
def test_graph_is_the_sum_over_its_edges(seed: int, rows: int, tasks: int) -> None:
    W, A = random(rows, tasks, seed=seed), some_graph(seed + 1, tasks)
    edges = sum(
        float(A[s, t] * (W[:, s] - W[:, t]).square().sum())
        for s in range(tasks)
        for t in range(s + 1, tasks)
    )

    assert float(penalties.graph(W, A)) == pytest.approx(edges, rel=1e-10, abs=1e-12)


def sparse_graph(seed: int, tasks: int) -> Tensor:
    """About half of the pairs are not tied."""
    A = some_graph(seed, tasks)
    return A.where(A.median() < A, 0.0)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 6))
def test_graph_is_the_quadratic_form_of_its_laplacian_with_its_slope_and_curvature(
    seed: int, rows: int, tasks: int
) -> None:
    W, A = free(random(rows, tasks, seed=seed)), sparse_graph(seed + 1, tasks)
    form = torch.einsum("ds,st,dt->", W, laplacian(A), W)
    found = penalties.graph(W, A)
    slopes = [torch.autograd.grad(each, W, create_graph=True)[0] for each in (found, form)]
    bends = [torch.autograd.grad((s * W.detach()).sum(), W)[0] for s in slopes]

    torch.testing.assert_close(found, form)
    torch.testing.assert_close(*slopes)
    torch.testing.assert_close(*bends)


@given(
    st.integers(0, 2**31), st.integers(1, 300), st.integers(2, 7),
    st.sampled_from([0.0, 1.0, 100.0, 1e4]), st.sampled_from([1e-6, 1e-3, 1.0]),
)  # fmt: skip
def test_graph_in_float32_is_what_it_is_in_float64_however_much_the_tasks_have_in_common(
    seed: int, rows: int, tasks: int, common: float, apart: float
) -> None:
    """Of the same numbers. A sum over L and W̃ would cancel here, to below 0 even."""
    W = (common * random(rows, 1, seed=seed) + apart * random(rows, tasks, seed=seed + 1)).float()
    A = sparse_graph(seed + 2, tasks)
    value, slope = penalties.graph(W, A), gradient(lambda W: penalties.graph(W, A), W)
    exact = W.double()
    edges = sum(
        A[s, t] * (exact[:, s] - exact[:, t]).square().sum()
        for s in range(tasks)
        for t in range(s + 1, tasks)
    )
    differences = exact[:, :, None] - exact[:, None, :]  # of s and t
    pulls = 2 * A * differences

    assert value.dtype == slope.dtype == torch.float32
    assert float(value) >= 0.0
    assert float(value) == pytest.approx(float(edges), rel=1e-4)
    error = (slope.double() - pulls.sum(dim=2)).abs()
    assert bool((error <= 1e-6 * pulls.abs().sum(dim=2)).all())


@given(st.integers(0, 2**31), st.integers(1, 50), st.integers(2, 7))
def test_graph_of_equal_tasks_is_nothing_at_all(seed: int, rows: int, tasks: int) -> None:
    """So is its slope."""
    W = (100 * random(rows, 1, seed=seed)).float().repeat(1, tasks)
    A = some_graph(seed + 1, tasks)

    assert float(penalties.graph(W, A)) == 0.0
    assert not bool(gradient(lambda W: penalties.graph(W, A), W).any())


def test_what_relates_tasks_does_not_see_what_is_common_to_them() -> None:
    W, common = random(D, T), random(D, 1, seed=1)
    for name in ("mean", "soft_sharing", "graph"):
        torch.testing.assert_close(PENALTIES[name](W + common), PENALTIES[name](W))
        assert float(PENALTIES[name](common.repeat(1, T))) == pytest.approx(0.0, abs=1e-12)
    for name in ("ridge", "trace_norm", "covariance"):
        assert float(PENALTIES[name](common.repeat(1, T))) > 1.0


@pytest.mark.parametrize("shape", [(D, T), (2, 5), (5, 1)], ids=str)
def test_trace_norm_is_the_sum_of_the_singular_values(shape: tuple[int, int]) -> None:
    for seed in range(20):
        W = random(*shape, seed=seed)
        singular = np.linalg.svd(W.numpy(), compute_uv=False)
        assert float(penalties.trace_norm(W)) == pytest.approx(singular.sum(), rel=1e-12)


@given(
    st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6),
    st.sampled_from([1e-3, 1.0, 1e3]),
)  # fmt: skip
def test_the_slope_of_the_trace_norm_is_the_least_of_its_subgradients(
    seed: int, rows: int, tasks: int, rank: int, scale: float
) -> None:
    """G is a subgradient at W iff ‖G‖₂ ≤ 1 and ⟨G, W⟩ = ‖W‖_*; the least has ‖G‖_F = √rank(W).

    Of all of them that one alone is 0 on what W maps to 0, and has no part outside W's range.
    """
    W = scale * random(rows, rank, seed=seed) @ random(rank, tasks, seed=seed + 1)
    G, exact = gradient(penalties.trace_norm, W).numpy(), W.numpy()
    inside, across = orth(exact), orth(exact.T)  # bases of W's columns, and of its rows

    assert np.linalg.norm(G, 2) <= 1 + 1e-9
    assert (G * exact).sum() == pytest.approx(float(penalties.trace_norm(W)), rel=1e-9)
    assert np.linalg.norm(G) == pytest.approx(inside.shape[1] ** 0.5, rel=1e-9)
    np.testing.assert_allclose(inside @ (inside.T @ G), G, atol=1e-9)
    np.testing.assert_allclose((G @ across) @ across.T, G, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_heads_are_drawn_to_zero_together_by_the_trace_norm(dtype: torch.dtype) -> None:
    W = random(D, 1).repeat(1, T).to(dtype)
    slope = gradient(penalties.trace_norm, W)

    torch.testing.assert_close(slope, W / W.norm())
    assert not gradient(penalties.trace_norm, 0 * W).any()


def root(W: Tensor, epsilon: float) -> np.ndarray:
    """G_ε^½, G_ε = WᵀW + εI, by scipy."""
    found: np.ndarray = np.real(sqrtm((W.T @ W).numpy() + epsilon * np.eye(W.shape[1])))
    return found


@given(
    st.integers(0, 2**31),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([1e-6, 1e-4, 1e-2, 1.0]),
)
def test_covariance_is_the_squared_trace_of_the_root(
    seed: int, rows: int, tasks: int, epsilon: float
) -> None:
    W = random(rows, tasks, seed=seed)
    term, omega = penalties.covariance(W, epsilon)
    half = root(W, epsilon)

    assert float(term) == pytest.approx(np.trace(half) ** 2, rel=1e-6)
    np.testing.assert_allclose(omega.numpy(), half / np.trace(half), atol=1e-6)
    held = gradient(lambda W: penalties.covariance(W, epsilon)[0], W)
    torch.testing.assert_close(held, 2 * W @ torch.linalg.inv(omega), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("rank", [1, 2, T])
def test_omega_is_a_covariance_of_trace_one_whatever_the_scale_and_rank(
    scale: float, rank: int
) -> None:
    W = scale * random(D, rank) @ random(rank, T, seed=1)
    _, omega = penalties.covariance(W)

    assert omega.dtype == torch.float64
    assert not omega.requires_grad
    assert float(omega.trace()) == pytest.approx(1.0, abs=1e-12)
    torch.testing.assert_close(omega, omega.T)
    assert float(torch.linalg.eigvalsh(omega).min()) > 0.0
    torch.testing.assert_close(penalties.covariance(W.float())[1], omega, rtol=1e-3, atol=1e-5)


@given(st.integers(0, 2**31), st.sampled_from([1e-4, 1e-1]))
def test_no_other_omega_of_trace_one_does_better(seed: int, epsilon: float) -> None:
    W = random(D, T, seed=seed)
    term, omega = penalties.covariance(W, epsilon)
    factor = random(T, T, seed=seed + 1)
    anywhere = factor @ factor.T
    near = omega + 1e-3 * torch.linalg.eigvalsh(omega).min() * (
        anywhere + random(T, seed=seed + 2).diag()
    )
    for other in (anywhere, near):
        inverse = torch.linalg.inv(other / other.trace())
        assert float(torch.trace(W @ inverse @ W.T) + epsilon * inverse.trace()) >= float(term) * (
            1 - 1e-10
        )


def test_covariance_tends_to_the_squared_trace_norm() -> None:
    W = random(D, T)
    limit = float(penalties.trace_norm(W)) ** 2
    gaps = [
        abs(float(penalties.covariance(W, epsilon)[0]) - limit) / limit
        for epsilon in (1e-2, 1e-4, 1e-6, 1e-8)
    ]

    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-7


def test_without_a_relation_covariance_is_ridge() -> None:
    """Ω = I/T, where the tasks are orthogonal and equally long."""
    W = 3.0 * torch.linalg.qr(random(D, T)).Q
    term, omega = penalties.covariance(W, 1e-10)

    torch.testing.assert_close(omega, torch.eye(T, dtype=torch.float64) / T)
    assert float(term) == pytest.approx(float(penalties.ridge(W)), rel=1e-9)
    held = torch.einsum("ds,st,dt->", W, T * torch.eye(T, dtype=torch.float64), W)
    torch.testing.assert_close(penalties.ridge(W), held)


def test_covariance_never_exceeds_ridge() -> None:
    """Ω = I/T is one of those it may choose."""
    for seed in range(30):
        W = random(D, T, seed=seed)
        assert (
            float(penalties.covariance(W)[0])
            <= float(penalties.ridge(W)) + penalties.EPSILON * T**2
        )


@given(st.integers(0, 2**31), st.integers(2, 6))
def test_a_permutation_of_the_tasks_permutes_omega_and_changes_no_penalty(
    seed: int, tasks: int
) -> None:
    W = random(D, tasks, seed=seed)
    order = torch.randperm(tasks, generator=torch.Generator().manual_seed(seed))
    (value, omega), (same, permuted) = penalties.covariance(W), penalties.covariance(W[:, order])

    torch.testing.assert_close(permuted, omega[order][:, order])
    torch.testing.assert_close(same, value)
    for penalty in (penalties.ridge, penalties.mean, penalties.soft_sharing, penalties.trace_norm):
        torch.testing.assert_close(penalty(W[:, order]), penalty(W))


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_uniform_teachers_are_mean_regularisation(tasks: int) -> None:
    """(T/(T-1))² times as strong; without gradient through the teachers, its gradient once over
    T/(T-1)."""
    W, B, ratio = random(D, tasks), uniform(tasks), tasks / (tasks - 1)
    away = W - W.mean(dim=1, keepdim=True)

    torch.testing.assert_close(penalties.asymmetric(W, B), ratio**2 * penalties.mean(W))
    torch.testing.assert_close(
        penalties.asymmetric(W, B, one_way=True), ratio**2 * penalties.mean(W)
    )
    torch.testing.assert_close(
        gradient(lambda W: penalties.asymmetric(W, B), W), 2 * ratio**2 * away
    )
    torch.testing.assert_close(
        gradient(lambda W: penalties.asymmetric(W, B, one_way=True), W), 2 * ratio * away
    )


def test_asymmetric_is_the_sum_over_pupils_and_one_way_pulls_no_teacher() -> None:
    W, B = random(D, 3), torch.zeros(3, 3, dtype=torch.float64)
    B[0, 1], B[0, 2] = 0.7, 0.4  # 1 and 2 teach 0, and nobody teaches them
    by_hand = (W[:, 0] - 0.7 * W[:, 1] - 0.4 * W[:, 2]).square().sum() + W[:, 1:].square().sum()
    torch.testing.assert_close(penalties.asymmetric(W, B), by_hand)

    both = gradient(lambda W: penalties.asymmetric(W, B), W)
    one_way = gradient(lambda W: penalties.asymmetric(W, B, one_way=True), W)
    torch.testing.assert_close(one_way[:, 0], both[:, 0])
    torch.testing.assert_close(one_way[:, 1:], 2 * W[:, 1:])  # as if they were alone
    assert not torch.allclose(one_way[:, 1:], both[:, 1:])


def test_columns_stand_in_the_order_of_the_tasks_row_by_row() -> None:
    one, other = random(1, D), random(1, D, seed=1)
    torch.testing.assert_close(
        penalties.columns([one, other]), torch.stack([one[0], other[0]], dim=1)
    )

    wide = random(3, D)
    centred = wide - wide.mean(dim=0)
    torch.testing.assert_close(penalties.columns([wide])[D : 2 * D, 0], centred[1])


@pytest.mark.parametrize("scale", [0.3, 5.0])
def test_columns_do_not_see_one_vector_added_to_all_classes_and_grow_with_the_scale(
    scale: float,
) -> None:
    weights = [random(5, D, seed=seed) for seed in range(3)]
    W = penalties.columns(weights)

    torch.testing.assert_close(penalties.columns([w + random(D, seed=9) for w in weights]), W)
    torch.testing.assert_close(penalties.columns(weights, scale), scale * W)
    torch.testing.assert_close(
        penalties.columns(weights, torch.tensor(scale, dtype=torch.float64)), scale * W
    )
    logits = random(5, D, seed=9)[:1]  # a single logit has no other row to be centred on
    assert not torch.allclose(penalties.columns([logits + 1.0]), penalties.columns([logits]))


def price(B: Tensor, W: Tensor, losses: Tensor, lam: float, mu: float) -> float:
    """μ Σ_t L_t Σ_s B_st + λ ‖W - WBᵀ‖², loop by loop."""
    out = sum(float(losses[t] * B[s, t]) for t in range(len(B)) for s in range(len(B)))
    left = sum(
        float((W[:, t] - sum(B[t, s] * W[:, s] for s in range(len(B)))).square().sum())
        for t in range(len(B))
    )
    return mu * out + lam * left


def admitted(B: Tensor, one_way: bool) -> bool:
    fine = bool((B >= 0).all()) and bool((B.diagonal() == 0).all())
    return fine and (not one_way or float(B.sum(dim=1).max()) <= 1.0 + 1e-12)


@settings(max_examples=60)
@given(
    st.integers(0, 2**31),
    st.integers(2, 5),
    st.integers(1, 6),
    st.sampled_from([1e-6, 1e-2, 1.0, 1e3]),
    st.sampled_from([0.0, 0.1, 10.0]),
    st.sampled_from([1e-4, 1.0, 1e2]),
    st.booleans(),
)
def test_a_step_of_the_teachers_never_raises_what_it_minimises(
    seed: int, tasks: int, rows: int, lam: float, mu: float, scale: float, one_way: bool
) -> None:
    W, losses = scale * random(rows, tasks, seed=seed), random(tasks, seed=seed + 1).abs()
    B = torch.zeros(tasks, tasks, dtype=torch.float64)
    before = price(B, W, losses, lam, mu)
    for _ in range(6):
        B = penalties.next_teachers(B, W, losses, lam, mu, one_way)
        after = price(B, W, losses, lam, mu)
        assert admitted(B, one_way)
        assert B.dtype == torch.float64
        assert after <= before * (1 + 1e-12) + 1e-15
        before = after


def nearest_by_bisection(row: np.ndarray) -> np.ndarray:
    """The point of {b ≥ 0, Σ b ≤ 1} nearest to `row`: max(row - τ, 0), with the least τ ≥ 0 that
    keeps the sum."""
    low, high = 0.0, max(0.0, float(row.max(initial=0.0)))
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
    tau = 0.0 if np.maximum(row, 0).sum() <= 1 else high
    found: np.ndarray = np.maximum(row - tau, 0)
    return found


teaching = given(
    st.integers(0, 2**31),
    st.integers(2, 5),
    st.integers(1, 6),
    st.sampled_from([1e-3, 0.1, 1.0, 30.0]),
    st.sampled_from([0.0, 0.1, 10.0]),
    st.sampled_from([1e-2, 1.0, 1e2]),
    st.booleans(),
)


def teachers(seed: int, tasks: int, one_way: bool) -> Tensor:
    """Some B that is admitted."""
    B = random(tasks, tasks, seed=seed).clamp_min(0.0).fill_diagonal_(0.0)
    return B / B.sum(dim=1, keepdim=True).clamp_min(1.0) if one_way else B


@teaching
def test_a_step_of_the_teachers_is_the_projected_gradient_step_of_length_one_over_l(
    seed: int, tasks: int, rows: int, lam: float, mu: float, scale: float, one_way: bool
) -> None:
    """The gradient by autograd, L as the largest curvature of the quadratic, the projection by
    bisection."""
    W, losses = scale * random(rows, tasks, seed=seed), random(tasks, seed=seed + 1).abs()
    B = teachers(seed + 2, tasks, one_way)
    slope = gradient(
        lambda B: mu * (B.sum(dim=0) * losses).sum() + lam * (W - W @ B.T).square().sum(), B
    )
    curvature = 2 * lam * np.linalg.svd(W.numpy(), compute_uv=False)[0] ** 2
    ahead = (B - slope / curvature).numpy()
    expected = np.zeros_like(ahead)
    for t in range(tasks):
        others = [s for s in range(tasks) if s != t]
        row = ahead[t, others]
        expected[t, others] = nearest_by_bisection(row) if one_way else np.maximum(row, 0)
    found = penalties.next_teachers(B, W, losses, lam, mu, one_way)

    assert admitted(B, one_way)
    size = max(1.0, float(np.abs(ahead).max()))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-9 * size)


@teaching
def test_a_step_of_the_teachers_gains_what_a_step_of_its_length_must(
    seed: int, tasks: int, rows: int, lam: float, mu: float, scale: float, one_way: bool
) -> None:
    """f(B) - f(B⁺) ≥ L/2 ‖B⁺ - B‖², as of every projected gradient step of length 1/L on a convex
    f; a longer one may gain nothing at all."""
    W, losses = scale * random(rows, tasks, seed=seed), random(tasks, seed=seed + 1).abs()
    B = teachers(seed + 2, tasks, one_way)
    after = penalties.next_teachers(B, W, losses, lam, mu, one_way)
    curvature = 2 * lam * np.linalg.svd(W.numpy(), compute_uv=False)[0] ** 2
    old, new = (price(each, W, losses, lam, mu) for each in (B, after))

    assert old - new >= curvature / 2 * float((after - B).square().sum()) - 1e-9 * (1 + old)


def settled(
    W: Tensor, losses: Tensor, lam: float, mu: float, one_way: bool = False, steps: int = 300
) -> Tensor:
    B = torch.zeros(W.shape[1], W.shape[1], dtype=torch.float64)
    for _ in range(steps):
        B = penalties.next_teachers(B, W, losses, lam, mu, one_way)
    return B


def alike(seed: int, tasks: int = 3) -> Tensor:
    """Tasks with something in common, so that there is something to teach."""
    return random(8, tasks, seed=seed) + random(8, 1, seed=seed + 1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lam", [0.01, 30.0])
def test_free_teaching_is_non_negative_least_squares(seed: int, lam: float) -> None:
    """Without a price, row by row, as scipy's active-set method has it."""
    W = alike(seed)
    B = settled(W, torch.ones(3), lam, mu=0.0)
    for t in range(3):
        others = [s for s in range(3) if s != t]
        expected, _ = nnls(W[:, others].numpy(), W[:, t].numpy())
        np.testing.assert_allclose(B[t, others].numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("one_way", "mu"), [(False, 0.5), (True, 0.0), (True, 0.5)])
def test_priced_and_bounded_teaching_ends_where_a_general_solver_does(
    seed: int, one_way: bool, mu: float
) -> None:
    W, losses, lam = alike(seed), random(3, seed=seed + 2).abs(), 0.7
    B = settled(W, losses, lam, mu, one_way)
    for t in range(3):
        others = [s for s in range(3) if s != t]
        X, y, prices = W[:, others].numpy(), W[:, t].numpy(), mu * losses[others].numpy()
        found = minimize(
            lambda b, X=X, y=y, prices=prices: prices @ b + lam * ((y - X @ b) ** 2).sum(),
            np.full(2, 0.1),
            bounds=[(0.0, None)] * 2,
            constraints=[{"type": "ineq", "fun": lambda b: 1.0 - b.sum()}] if one_way else [],
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 500},
        )
        np.testing.assert_allclose(B[t, others].numpy(), found.x, atol=1e-5)


@given(st.integers(0, 2**31), st.integers(2, 5), st.sampled_from([0.1, 1.0, 10.0]), st.booleans())
def test_what_is_admitted_is_the_nearest_that_is(
    seed: int, tasks: int, scale: float, one_way: bool
) -> None:
    """A point P of a convex set is nearest to X iff (X - P)·(Q - P) ≤ 0 for every Q of it; its
    corners will do."""
    X = scale * random(tasks, tasks, seed=seed)
    P = penalties._admitted(X, one_way)
    assert admitted(P, one_way)
    torch.testing.assert_close(penalties._admitted(P, one_way), P)
    for t in range(tasks):
        others = [s for s in range(tasks) if s != t]
        away, here = (X - P)[t, others], P[t, others]
        corners = torch.cat([torch.zeros(1, tasks - 1), torch.eye(tasks - 1)]).double()
        if not one_way:  # a cone: its rays
            assert float((away @ (corners[1:] - 0.0).T).max()) <= 1e-12 * scale
            assert float(away @ here) == pytest.approx(0.0, abs=1e-10 * scale**2)
        else:
            assert float(((corners - here) @ away).max()) <= 1e-10 * scale**2


def test_a_row_beyond_one_is_brought_back_as_a_solver_would() -> None:
    X = torch.tensor(
        [[9.0, 0.9, 0.4, -0.3], [0.2, 9.0, 0.2, 0.2], [3.0, 0.1, 9.0, 0.1], [0.5, 0.5, 0.5, 9.0]]
    )
    P = penalties._admitted(X.double(), one_way=True)
    for t in range(4):
        others = [s for s in range(4) if s != t]
        x = X[t, others].double().numpy()
        found = minimize(
            lambda b, x=x: ((b - x) ** 2).sum(),
            np.full(3, 0.1),
            bounds=[(0.0, None)] * 3,
            constraints=[{"type": "ineq", "fun": lambda b: 1.0 - b.sum()}],
            method="SLSQP",
            options={"ftol": 1e-15},
        )
        np.testing.assert_allclose(P[t, others].numpy(), found.x, atol=1e-6)


@pytest.mark.parametrize("one_way", [False, True])
def test_a_dear_teacher_teaches_less_the_higher_the_price(one_way: bool) -> None:
    W = random(8, 3) * 0.3 + random(8, 1, seed=1)
    losses = torch.tensor([0.1, 0.1, 5.0])
    taught = [
        float(settled(W, losses, 1.0, mu, one_way)[:, 2].sum()) for mu in (0.0, 0.1, 0.3, 1.0, 10.0)
    ]

    assert taught[0] > 0.1
    assert taught == sorted(taught, reverse=True)
    assert taught[-1] == 0.0


@pytest.mark.parametrize("one_way", [False, True])
def test_without_lambda_or_weights_nobody_begins_to_teach(one_way: bool) -> None:
    W, nobody = random(D, T), torch.zeros(T, T)

    assert torch.equal(
        penalties.next_teachers(nobody, W, torch.ones(T), 0.0, 0.1, one_way), nobody.double()
    )
    assert torch.equal(
        penalties.next_teachers(nobody, 0 * W, torch.ones(T), 1.0, 0.1, one_way), nobody.double()
    )
    assert (
        float(penalties.next_teachers(nobody, W.abs(), torch.zeros(T), 1.0, 0.1, one_way).max())
        > 0.0
    )


@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_the_trace_norm_of_large_towers_feels_small_differences(size: int) -> None:
    """Three towers that hardly differ, in float32: the slope still has a direction for each of the
    three."""
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(size, 1, generator=generator)
    W = (common + 0.005 * torch.randn(size, 3, generator=generator)).requires_grad_()
    penalties.trace_norm(W).backward()  # type: ignore[no-untyped-call]

    assert W.grad is not None
    assert float(W.grad.double().norm()) == pytest.approx(3**0.5, rel=1e-3)


def test_weights_that_are_not_finite_are_left_for_the_loop_to_refuse() -> None:
    W = torch.tensor([[1.0, math.inf], [0.0, 1.0]], requires_grad=True)

    assert math.isnan(float(penalties.trace_norm(W)))
    assert math.isnan(float(penalties.covariance(W)[0]))
    assert torch.equal(
        penalties.next_teachers(torch.zeros(2, 2), W.detach(), torch.ones(2), 1.0, 0.1, False),
        torch.zeros(2, 2),
    )


@pytest.mark.parametrize("offset", [1.0, 100.0])
def test_in_float32_covariance_and_its_slope_are_those_of_float64_up_to_rounding(
    offset: float,
) -> None:
    """Heads that nearly agree make Ω nearly singular; its inverse must not multiply rounding."""
    W = torch.randn(9, 29, dtype=torch.float64) * 0.1 + offset
    found = []
    for dtype in (torch.float32, torch.float64):
        weights = W.float().to(dtype).requires_grad_()  # the same numbers for both
        value, _ = penalties.covariance(weights)
        value.backward()  # type: ignore[no-untyped-call]
        assert weights.grad is not None
        found.append((value.detach().double(), weights.grad.double()))

    (value, slope), (exact_value, exact_slope) = found
    assert torch.allclose(value, exact_value, rtol=1e-6)
    assert float((slope - exact_slope).norm() / exact_slope.norm()) < 1e-6


def test_graph_of_many_tasks_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tasks at once as there is room for, and the same value and slope to rounding."""
    A, W = some_graph(3, 9), random(5, 9)
    whole = penalties.graph(W, A), gradient(lambda w: penalties.graph(w, A), W)
    for numbers in (1, 2 * 45, 4 * 45 + 1):
        monkeypatch.setattr(penalties, "DIFFERENCES", numbers)
        assert torch.allclose(penalties.graph(W, A), whole[0], rtol=1e-12)
        assert torch.allclose(gradient(lambda w: penalties.graph(w, A), W), whole[1], rtol=1e-12)
