"""The safe stack: how several arms answer together, with a prior on the one that is safe.

    of classes   p(y | x) = (1 - w) p_s(y | x) + w q(y | x),   p_a = softmax(z_a/T_a)
    of numbers   ŷ(x)     = Σ_a w_a ŷ_a(x)                     w_a ≥ 0, Σ_a w_a = 1

s is the safe arm, scratch, and q the plain mean of p_a over all others. Temperatures, then weights,
are fitted to what each arm says of rows that it was not trained on. The prior is k pseudo-rows with
the inputs of these rows, and as labels what scratch says of them: it does not grow with the rows.
So with few rows the stack is near scratch where the others disagree with it, and no single lucky
arm can take it over, for among the others nothing is chosen (stacked generalisation: Wolpert,
Neural Networks 1992; weights on the simplex: Breiman, Machine Learning 1996; temperatures: Guo et
al., ICML 2017. Differs from them: the priors, and one weight for all that is not safe).

Shapes: n rows, A arms, K classes.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import log_softmax

PRIOR = 12.0  # pseudo-rows that scratch labels, fixed before anything was measured with this rule
ALONE = 0.1  # of a row more, that scratch alone explains
STIFF = 4.0  # c: how strongly a temperature is held near 1
COOLEST, HOTTEST = 0.1, 1e4  # temperatures between which one is looked for


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
    """T = 1/b, b = argmin of c (b - log b) - Σ_i log softmax(b z_i)_{y_i}; convex in b.

    The first term is a Gamma prior of b with mode 1: a few rows cannot make an arm boundlessly sure
    or unsure. c: 4.

    outputs: logits [n, K] or [n, 1]. labels: int64 [n], all present.
    """
    rows = np.arange(len(labels))

    def loss(log_b: float) -> float:
        b = np.exp(log_b)
        surprise = -log_chances(outputs, 1 / b)[rows, labels].sum()
        return float(surprise + STIFF * (b - log_b))

    bounds = (-np.log(HOTTEST), -np.log(COOLEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(-found.x))


def pool_weight(
    safe: np.ndarray, pooled: np.ndarray, labels: np.ndarray, prior: float = PRIOR
) -> float:
    """w = argmax over [0, 1] of the rows' and the pseudo-rows' log-likelihood.

        Σ_i log p(y_i|x_i) + k/n Σ_i Σ_y p_s(y|x_i) log p(y|x_i) + 0.1 log(1 - w)

    It is concave in w, so that its slope, which falls, has one zero or none.

    safe, pooled: p_s and q [n, K]. labels: y_i, int64 [n], all present. prior: k.
    """
    n, tiny = len(labels), 1e-300
    counts = prior / n * safe
    counts[np.arange(n), labels] += 1.0
    apart = counts * (pooled - safe)

    def slope(w: float) -> float:
        mixed = np.maximum((1 - w) * safe + w * pooled, tiny)
        return float((apart / mixed).sum()) - ALONE / (1 - w)

    high = 1 - 1e-9
    if slope(0.0) <= 0:
        return 0.0
    return float(brentq(slope, 0.0, high, xtol=1e-12)) if slope(high) < 0 else high


def number_weights(
    answers: np.ndarray, labels: np.ndarray, safe: int, prior: float = PRIOR
) -> np.ndarray:
    """w = argmin Σ_i (y_i - Σ_a w_a ŷ_ia)² + k/n Σ_i (ŷ_i,safe - Σ_a w_a ŷ_ia)² on the simplex.

    The k pseudo-rows have the inputs of the rows, and as labels what the safe arm says of them. It
    is convex. answers: ŷ_ia [n, A]. labels: y_i [n], all present, in the same unit. safe: the place
    of scratch. prior: k. Returns float64 [A].
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
