"""Penalties R and T on the parameters of T tasks: pure functions of tensors.

W̃ is [D, T], one column w̃_t a task. Every function returns the plain scalar; λ belongs to the
equation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

EPSILON = 1e-4  # ε of `covariance`
DIFFERENCES = 2**20  # numbers in the differences between tasks that `graph` looks at together


def columns(weights: Sequence[Tensor], scale: Tensor | float = 1.0) -> Tensor:
    """W̃ [k·d, T] of T head weights w_t [k, d]: `scale` · w_t, row by row.

    Where k > 1 they are centred over the classes first: a softmax does not see one vector added to
    the rows of all classes, so a penalty must not either. scale: rms(z), the root mean square of
    the features, which turns weights into logits; without it heads shrink and features grow until
    the penalty is gone and the relation of the tasks as it was.
    """
    W = torch.stack(tuple(weights))
    centred = W - W.mean(dim=1, keepdim=True) if W.shape[1] > 1 else W
    return centred.flatten(1).T * scale


def ridge(W: Tensor) -> Tensor:
    """T·‖W̃‖²_F: every task drawn to 0, and none to another. It is `covariance` with Ω = I/T."""
    return W.shape[1] * W.square().sum()


def mean(W: Tensor) -> Tensor:
    """Σ_t ‖w̃_t - w̄‖², w̄ = Σ_t w̃_t / T, of W̃ [D, T].

    Evgeniou and Pontil, "Regularized multi-task learning" (KDD 2004).
    """
    return (W - W.mean(dim=1, keepdim=True)).square().sum()


def soft_sharing(W: Tensor) -> Tensor:
    """Σ_{s<t} ‖w̃_s - w̃_t‖² = T · `mean`, of W̃ [D, T].

    Duong et al., "Low resource dependency parsing" (ACL 2015), for two tasks.
    """
    return W.shape[1] * mean(W)


def graph(W: Tensor, A: Tensor) -> Tensor:
    """Σ_{s<t} A_st ‖w̃_s - w̃_t‖² = tr(W̃ L W̃ᵀ) of W̃ [D, T], L = diag(A1) - A.

    A: [T, T], symmetric, A_st ≥ 0 how strongly s and t are tied, with a zero diagonal.
    Summed over the edges, and so its slope 2W̃L: tasks that are nearly equal would lose all digits
    of the quadratic form. It is never below 0, and 0 where all tied tasks are equal.

    Evgeniou, Micchelli and Pontil, "Learning multiple tasks with kernel methods" (JMLR 2005).
    """
    tied, T = A.to(W), W.shape[1]
    with torch.no_grad():
        w = W.T.contiguous()  # a row a task
        value, slope = W.new_zeros(()), torch.zeros_like(w)
        many = max(1, DIFFERENCES // max(1, w.numel()))
        for t in torch.split(torch.arange(T, device=w.device), many):
            apart = w - w[t, None]  # of every task to each of some
            # an edge is met from both its ends
            value += (tied[t] * apart.square().sum(dim=2)).sum() / 2
            slope += 2 * torch.einsum("ts,tsd->sd", tied[t], apart)
    return _around(W, value, slope.T, tied.sum(dim=1).diag() - tied)


def _around(W: Tensor, value: Tensor, slope: Tensor, form: Tensor) -> Tensor:
    """A term of W̃ that has, at this W̃, the `value`, the `slope` and the curvature of tr(W̃ F W̃ᵀ).

    Each was computed apart, to more digits than one formula would give. form: F [T, T].
    """
    step = W - W.detach()  # it is 0, and hands on its derivatives
    return value + (step * slope).sum() + torch.einsum("ds,st,dt->", step, form.to(W), step)


def trace_norm(W: Tensor) -> Tensor:
    """‖W̃‖_* = Σ_k σ_k(W̃), the sum of the singular values: tasks in few directions.

    Its slope is Σ u_k v_kᵀ over the singular values that are not 0 up to rounding, the least of the
    subgradients: heads that are equal are drawn to 0 together, and not apart in whatever directions
    a decomposition makes up for σ = 0.

    Argyriou, Evgeniou and Pontil, "Multi-task feature learning" (NeurIPS 2006), whose own term is
    its square.
    """
    with torch.no_grad():
        if not torch.isfinite(W).all():
            return W.sum() * math.nan  # for the loop to refuse; a decomposition would raise
        exact = W.double()  # in float32 rounding would hide the small differences of large towers
        U, sigma, Vh = torch.linalg.svd(exact, full_matrices=False)
        # as torch.linalg.matrix_rank has it
        kept = sigma > sigma.max() * max(W.shape) * torch.finfo(exact.dtype).eps
        slope = ((U * kept) @ Vh).to(W)
    linear: Tensor = (W * slope).sum()  # its gradient is the slope
    norm: Tensor = sigma.sum().to(W)
    return linear + (norm - linear).detach()


def covariance(W: Tensor, epsilon: float = EPSILON) -> tuple[Tensor, Tensor]:
    """tr(W̃ Ω⁻¹ W̃ᵀ) + ε tr Ω⁻¹ at the Ω that minimises it, and that Ω.

    W: W̃ [D, T]. epsilon: ε. Ω [T, T] is positive definite with trace 1.
    Ω = G^½ / tr G^½ with G = W̃ᵀW̃ + εI, in float64 and without gradient; the value is then (tr
    G^½)², and its gradient 2W̃Ω⁻¹ is that of the value with Ω moving along. With ε → 0 it is
    ‖W̃‖²_*.

    Zhang and Yeung, "A convex formulation for learning task relationships in multi-task learning"
    (UAI 2010). Differs from the paper: ε, which keeps Ω from losing rank for good; and it is taken
    anew in every step, not in turns.
    """
    with torch.no_grad():
        if not torch.isfinite(W).all():
            return W.sum() * math.nan, W.new_full((W.shape[1],) * 2, torch.nan)
        exact = W.double()
        gram = exact.T @ exact + epsilon * torch.eye(
            W.shape[1], dtype=torch.float64, device=W.device
        )
        values, vectors = torch.linalg.eigh(gram)
        roots = values.clamp_min(epsilon).sqrt()  # no eigenvalue is below ε but by rounding
        omega = (vectors * (roots / roots.sum())) @ vectors.T
        inverse = (vectors * (roots.sum() / roots)) @ vectors.T
        slope, value = (2 * exact @ inverse).to(W), roots.sum().square().to(W)
    return _around(W, value, slope, inverse), omega


def asymmetric(W: Tensor, B: Tensor, one_way: bool = False) -> Tensor:
    """‖W̃ - W̃Bᵀ‖²_F = Σ_t ‖w̃_t - Σ_s B_ts w̃_s‖², B_ts ≥ 0 the weight with which s teaches t.

    one_way: without gradient through the teachers, so that a pupil never pulls its teacher.
    """
    teachers = W.detach() if one_way else W
    return (W - teachers @ B.to(W).T).square().sum()


def next_teachers(
    B: Tensor, W: Tensor, losses: Tensor, lam: float, mu: float, one_way: bool
) -> Tensor:
    """B [T, T] after a step of projected gradient on μ Σ_t L_t Σ_s B_st + λ ‖W̃ - W̃Bᵀ‖²_F.

    W̃ and L are held fixed; the result is float64. losses: L_t [T]. The step is 1/(2λ‖W̃ᵀW̃‖₂), the
    inverse of the gradient's Lipschitz constant, so it never overshoots. B keeps B ≥ 0 and a zero
    diagonal, and with one_way rows that sum to at most 1: above it, a row could ask for more than
    its teachers have, and large λ would diverge.
    """
    with torch.no_grad():
        exact, prices = W.double(), mu * losses.double()
        if not torch.isfinite(exact).all():
            return B.double()  # the loop refuses the step
        gram = exact.T @ exact
        steepest = 2 * lam * float(torch.linalg.matrix_norm(gram, 2))
        if steepest == 0.0:
            return torch.zeros_like(B)  # nothing to gain, and teaching has its price
        gradient = prices[None, :] + 2 * lam * (B.double() @ gram - gram)
        return _admitted(B.double() - gradient / steepest, one_way)


def _admitted(B: Tensor, one_way: bool) -> Tensor:
    """The nearest B ≥ 0 with a zero diagonal, and, with one_way, rows that sum to at most 1."""
    own = torch.eye(len(B), dtype=torch.bool, device=B.device)
    B = B.masked_fill(own, 0.0).clamp_min(0.0)
    if not one_way:
        return B
    # Onto the simplex where a row is beyond it (Duchi et al., ICML 2008, figure 1); the diagonal
    # stays out at -∞.
    held = B.masked_fill(own, -torch.inf)
    ordered = held.sort(dim=1, descending=True).values
    ranks = torch.arange(1, len(B) + 1, dtype=B.dtype, device=B.device)
    excess = (ordered.clamp_min(0.0).cumsum(dim=1) - 1) / ranks
    last = ((ordered - excess) > 0).sum(dim=1, keepdim=True).clamp_min(1)
    onto = (held - excess.gather(1, last - 1)).clamp_min(0.0)
    return torch.where(B.sum(dim=1, keepdim=True) > 1, onto, B)
