"""What each test example contributes to a score of one run.

N labelled examples, K classes, S strata. A score varies with the test set as Σ_s c_s m_s, where m_s
is the mean of what the examples of stratum s contribute: that is what an interval over test
examples needs to know of a metric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlrun.core import scores
from tlrun.core.metrics import TABLE, score
from tlrun.core.problem import known
from tlrun.core.task import Task

RIGHT_OR_WRONG = ("accuracy", "balanced_accuracy")  # what an example contributes is 0 or 1

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]  # values [N], strata [N], weights [S]


@dataclass(frozen=True)
class UnitValues:
    """A score, and what each labelled example contributes to it.

    score: as `core.metrics.score` has it.
    values: float64 [N], above for better: the score, turned so that higher is better, varies with
        the test set as Σ_s c_s mean_{j∈s} values_j, up to a constant.
    strata: int64 [N], from 0, in which mean each example stands. weights: float64 [S], c_s.
    of: int64 [N], which of the examples that were given these are: those with a label.
    right_or_wrong: whether values are 0 or 1, and Σ_s c_s mean_s is the score, with no constant.
    """

    score: float
    values: np.ndarray
    strata: np.ndarray
    weights: np.ndarray
    of: np.ndarray
    right_or_wrong: bool


def unit_values(
    task: Task,
    metric: str,
    outputs: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray | None = None,
) -> UnitValues | None:
    """What each labelled example contributes to `metric` of outputs [·, k] against labels [·].

    accuracy: 0 or 1, in one stratum. balanced_accuracy: the same, a stratum a class, c_s = 1/K over
    the K classes that there are. log_loss, brier, mae: minus the example's own. auc: placements
    (`placements`), a stratum a class. rmse, r2: the jackknife's pseudo-values (`_jackknife`), in
    one stratum.

    folds: int64 [·], in which fold each example has tested; an auc is then that of pairs of one
    fold (`_within_folds`, and `runs/folds.py`, whose score it is). None: there are no folds.

    None where the score is undefined, as in `core.metrics.score`, which also says what is raised
    for a metric that the task's kind does not have.
    """
    of = np.flatnonzero(known(labels))
    outputs, labels = outputs[of], labels[of]
    right_or_wrong = metric in RIGHT_OR_WRONG
    if metric == "auc" and folds is not None and len(np.unique(folds[of])) > 1:
        folded = _auc_within_folds(task, outputs, labels, folds[of])
        return UnitValues(folded[0], *folded[1], of, right_or_wrong) if folded else None
    whole = score(metric, task, outputs, labels)
    if whole is None:
        return None
    return UnitValues(whole, *_parts(task, metric, outputs, labels), of, right_or_wrong)


def _parts(task: Task, metric: str, outputs: np.ndarray, labels: np.ndarray) -> Parts:
    """Values, strata and weights of `metric`, which is defined; arguments as of `unit_values`."""
    strata, weights = np.zeros(len(labels), dtype=np.int64), np.ones(1)
    if metric == "auc":
        return _auc(task, outputs, labels)
    if metric in RIGHT_OR_WRONG:
        if metric == "balanced_accuracy":
            classes, strata = np.unique(labels, return_inverse=True)
            weights = np.full(len(classes), 1 / len(classes))
        values = (scores.predicted_class(task, outputs) == labels).astype(np.float64)
    elif metric in {"log_loss", "brier"}:
        each = scores.log_losses if metric == "log_loss" else scores.brier_scores
        values = -each(task, outputs, labels)
    else:
        numbers = labels.astype(np.float64)
        errors = numbers - outputs[:, 0]
        values = -abs(errors) if metric == "mae" else _jackknife(metric, numbers, errors)
    return values, strata, weights


def placements(above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each number, the share of the other kind that it is in the right order with; a tie is ½.

        ψ_p = 1/Q Σ_q ([x_p > x_q] + ½[x_p = x_q]),  ψ_q = 1/P Σ_p of the same

    above: x_p [P], outputs of positives, which are to be above `below`, x_q [Q], of negatives. The
    mean of either is the AUC, and its variance over new examples of both kinds is estimated by
    var(ψ_p)/P + var(ψ_q)/Q (DeLong, DeLong & Clarke-Pearson, Biometrics 1988): two strata of
    weight 1, whose sum is the AUC plus a constant to first order.
    """
    positives, negatives = np.sort(above), np.sort(below)
    under = np.searchsorted(negatives, above, "left") + np.searchsorted(negatives, above, "right")
    over = np.searchsorted(positives, below, "left") + np.searchsorted(positives, below, "right")
    return under / (2 * len(below)), 1 - over / (2 * len(above))


def _auc(task: Task, outputs: np.ndarray, labels: np.ndarray) -> Parts:
    """Of an auc; a stratum a class, so that its counts are held as they are.

    Of two classes: `placements`, c_s = 1. Of K > 2, the mean over k of class k against the rest:
    an example of class c, of which there are N_c, is a positive of problem c and one of the Q_k
    negatives of every other problem k, so that with its placements ψ^k in problem k

        value = ψ^c + Σ_{k≠c} (N_c/Q_k) ψ^k,   c_s = 1/K,

    for a mean over the negatives of k is Σ_{c≠k} (N_c/Q_k) times that over class c. Of two classes
    this is the same as above.
    """
    from scipy.special import softmax

    two = len(task.classes) == 2
    chances = outputs if task.outputs == 1 else softmax(outputs.astype(np.float64), axis=1)
    values = np.zeros(len(labels))
    for k in (1,) if two else range(len(task.classes)):
        mine = labels == k
        ours, others = placements(chances[mine, -1 if two else k], chances[~mine, -1 if two else k])
        values[mine] += ours
        share = 1.0 if two else np.bincount(labels)[labels[~mine]] / len(others)
        values[~mine] += share * others
    weight = 1.0 if two else 1 / len(task.classes)
    return values, labels.astype(np.int64), np.full(len(task.classes), weight)


def _auc_within_folds(
    task: Task, outputs: np.ndarray, labels: np.ndarray, folds: np.ndarray
) -> tuple[float, Parts] | None:
    """The auc of pairs of one fold, Σ_f n_f AUC_f / Σ_f n_f, and its parts; None where undefined.

    n_f: of two classes, the pairs of fold f; of more, its examples. Folds without an AUC are left
    out, as in `runs/folds.py`. Of the N_c examples of class c, N_fc of them in fold f, one that
    contributes v to AUC_f (`_auc`) has

        value = m_c + N_c/N_fc · n_f/Σ_f n_f · (v - m_c),   m_c = Σ_f n_f/Σ_f n_f · mean_fc v,

    and m_c where its fold has no AUC, so that the mean over the class is m_c. Measured from m_c and
    not from the mean of the fold, what sets folds apart, their models too, counts as spread: a fold
    may hold a single positive, and costs no degree of freedom. Where folds hold few examples this
    is too wide, at most twice the variance (folds of one pair each: that of the pairs, counted in
    both classes).
    """
    if not np.isfinite(outputs).all():  # or a fold that diverged would be left out
        return None
    found: dict[int, tuple[float, float, Parts]] = {}
    for fold in np.unique(folds):
        mine = folds == fold
        value = score("auc", task, outputs[mine], labels[mine])
        if value is not None:
            counts = np.bincount(labels[mine])
            size = float(counts.prod() if len(task.classes) == 2 else counts.sum())
            found[int(fold)] = (size, value, _auc(task, outputs[mine], labels[mine]))
    if not found:
        return None
    total = sum(size for size, _, _ in found.values())
    weights = next(iter(found.values()))[2][2]
    means = np.zeros(len(weights))
    for size, _, (values, strata, _) in found.values():
        means += size / total * np.bincount(strata, values) / np.bincount(strata)
    contributions, counts = means[labels], np.bincount(labels)
    for fold, (size, _, (values, strata, _)) in found.items():
        scale = size / total * (counts / np.bincount(strata))[strata]
        contributions[folds == fold] += scale * (values - means[strata])
    whole = sum(size / total * value for size, value, _ in found.values())
    return whole, (contributions, labels.astype(np.int64), weights)


def _jackknife(metric: str, labels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Pseudo-values N·θ - (N-1)·θ_(-j), turned so that higher is better, of θ = rmse or r2.

    θ_(-j) is θ without example j (Efron, The Jackknife, the Bootstrap and Other Resampling Plans,
    1982); the variance of the pseudo-values over N is the jackknife's of θ. Without a loop, with
    S = Σ e_j² of the errors e, and T = Σ (y_j - ȳ)² of the labels y:

        S_(-j) = S - e_j²,   T_(-j) = T - N/(N-1)·(y_j - ȳ)²
        rmse_(-j) = √(S_(-j)/(N-1)),   r2_(-j) = 1 - S_(-j)/T_(-j)

    nan where θ_(-j) is undefined: of a single example, or where the labels of all others are one.
    """
    count = len(labels)
    if count < 2:
        return np.full(count, np.nan)
    squares = errors**2
    left = np.maximum(squares.sum() - squares, 0.0)
    if metric == "rmse":
        whole, without = np.sqrt(squares.mean()), np.sqrt(left / (count - 1))
    else:
        spread = (labels - labels.mean()) ** 2
        others = spread.sum() - count / (count - 1) * spread
        others[others <= 1e-12 * spread.sum()] = np.nan  # 0, but for rounding
        whole, without = 1 - squares.sum() / spread.sum(), 1 - left / others
    sign = 1 if TABLE[metric].higher_is_better else -1
    pseudo: np.ndarray = sign * (count * whole - (count - 1) * without)
    return pseudo
