"""The safe stack: how several arms answer together, with a prior on the one that is safe.

    of classes   p(y | x) = Σ_a w_a softmax(z_a(x)/T_a)
    of numbers   ŷ(x)     = Σ_a w_a ŷ_a(x)          w_a ≥ 0, Σ_a w_a = 1

Temperatures, then weights, are fitted to what each arm says of rows that it was not trained on. The
prior is k pseudo-rows that only the safe arm, scratch, explains: it does not grow with the rows. So
with few rows the stack is near scratch, and no single lucky arm can take it over (stacked
generalisation: Wolpert, Neural Networks 1992; weights on the simplex: Breiman, Machine Learning
1996; temperatures: Guo et al., ICML 2017. Differs from them: the prior).

Shapes: n rows, A arms, K classes.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp

PRIOR = 8.0  # pseudo-rows on scratch, fixed before anything was measured with this code
COOLEST, HOTTEST = 0.1, 16.0  # temperatures between which one is looked for
STEPS, CLOSE = 20_000, 1e-12  # of EM: at most so many, until no weight moves by more


def log_chances(outputs: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """log softmax(z/T), float64 [n, K].

    outputs: logits z [n, K], or of two classes [n, 1], that of the second over the first.
    """
    logits = outputs.astype(np.float64) / temperature
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    chances: np.ndarray = log_softmax(logits, axis=1)
    return chances


def temperature_of(outputs: np.ndarray, labels: np.ndarray) -> float:
    """T = argmin over [0.1, 16] of -Σ_i log softmax(z_i/T)_{y_i}; convex in 1/T.

    outputs: logits [n, K] or [n, 1]. labels: int64 [n], all present.
    """
    rows = np.arange(len(labels))

    def loss(log_t: float) -> float:
        return -float(log_chances(outputs, np.exp(log_t))[rows, labels].mean())

    bounds = (np.log(COOLEST), np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def class_weights(log_likelihoods: np.ndarray, safe: int, prior: float = PRIOR) -> np.ndarray:
    """w = argmax Σ_i log Σ_a w_a p_ia + k log w_safe on the simplex, float64 [A], by EM.

        r_ia = w_a p_ia / Σ_b w_b p_ib,   w_a ← (Σ_i r_ia + k [a = safe]) / (n + k)

    The objective is concave, so that it has one maximum, and no step of EM lowers it.

    log_likelihoods: log p_ia, of the label of row i by arm a [n, A]. safe: the arm of the prior.
    prior: k.
    """
    n, arms = log_likelihoods.shape
    weights = np.full(arms, 1 / arms)
    for _ in range(STEPS):
        joint = log_likelihoods + np.log(np.maximum(weights, 1e-300))
        responsible = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        new = responsible.sum(axis=0)
        new[safe] += prior
        new /= n + prior
        moved = abs(new - weights).max()
        weights = new
        if moved < CLOSE:
            break
    return weights


def number_weights(
    answers: np.ndarray, labels: np.ndarray, safe: int, prior: float = PRIOR
) -> np.ndarray:
    """w = argmin Σ_i (y_i - Σ_a w_a ŷ_ia)² + k/n Σ_i (ŷ_i,safe - Σ_a w_a ŷ_ia)² on the simplex.

    The k pseudo-rows have the inputs of the rows, and as labels what the safe arm says of them. It
    is convex. answers: ŷ_ia [n, A]. labels: y_i [n], all present, in the same unit. safe, prior: as
    of `class_weights`. Returns float64 [A].
    """
    n, arms = answers.shape
    spread = float(labels.std()) or 1.0  # so that the solver's tolerance is one of no unit
    rows = np.concatenate([answers, np.sqrt(prior / n) * answers]) / spread
    wanted = np.concatenate([labels, np.sqrt(prior / n) * answers[:, safe]]) / spread
    gram, towards = rows.T @ rows / n, rows.T @ wanted / n
    start = np.zeros(arms)
    start[safe] = 1.0
    found = minimize(
        lambda w: float(w @ gram @ w / 2 - towards @ w),
        start,
        jac=lambda w: gram @ w - towards,
        bounds=[(0.0, 1.0)] * arms,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda _: np.ones(arms)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    weights = np.clip(found.x, 0.0, None)
    total: np.ndarray = weights / weights.sum()
    return total
