"""What tells, before a transfer is trained, how much of a source will be of use to a target.

The likelihood of the target's labels under the source's model, untouched, where both have one label
space; else how far apart the means of their inputs are. Neither sees a test row.
Shapes: N examples, d numbers of an input, V tokens of a vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import torch

from tlrun.core.inputs import AT_ONCE
from tlrun.core.problem import Domain, Problem, known
from tlrun.core.task import Task
from tlrun.training.evaluation import outputs_of
from tlrun.training.losses import task_loss

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model


def log_likelihood(model: Model, problem: Problem, scales: Mapping[str, Task]) -> float:
    """The mean over the target's tasks i of -L_i on its labels, for training and validation.

    L_i is the loss of `training/losses.py`, the mean over labelled examples b, so that
        classes   -L_i = mean_b log p(y_b | x_b)
        numbers   -L_i = -mean_b ((ŷ_b - y_b)/s_i)²,
    which up to a factor and a constant is the log-likelihood under a normal error of one width.

    model: trained on the source alone. scales: the tasks by name, whose scale s_i is one for all
    sources that are compared; a task that is not among them has its own.

    Raises ValueError where the target has no label.
    """
    targets = [problem.domains[name] for name in problem.named("target")]
    return -fmean(
        _loss(model, domain, task, scales.get(task.name, task))
        for domain in targets
        for task in domain.tasks
    )


def _loss(model: Model, domain: Domain, task: Task, judged: Task) -> float:
    """L_i over the labels of training and validation. judged: the task, in the common scale."""
    total, count = 0.0, 0
    for split in domain.bought:
        labels = torch.from_numpy(split.labels[task.name])
        labelled = int(known(split.labels[task.name]).sum())
        if not labelled:
            continue
        outputs = outputs_of(model, domain.name, [task], split)[task.name]
        share = labelled / len(labels)
        loss = task_loss(judged, _rescaled(outputs, task, judged), labels, share)
        total, count = total + labelled * float(loss), count + labelled
    if not count:
        raise ValueError(f"expected labels of task {task.name} in domain {domain.name}, found none")
    return total / count


def _rescaled(outputs: Tensor, task: Task, judged: Task) -> Tensor:
    """The outputs of a head of `task` as those of `judged`, which is scaled otherwise."""
    if task.kind != "regression":
        return outputs
    in_unit = task.location + task.scale * outputs.double()
    return (in_unit - judged.location) / judged.scale


def distance(one: Domain, other: Domain) -> float:
    """How far apart the means of the inputs of two domains are, over training and validation.

        numbers   sqrt(mean_j (m_j - m'_j)²),  m [d] the mean input, as φ is given it: a table's
                  columns standardised, an image's pixels in [0, 1]
        texts     sqrt(1 - Σ_v sqrt(p_v p'_v)), p [V] the share of each token among all of a
                  domain's: Hellinger's distance, from 0 to 1

    Both are read by one problem, so that they have one scale and one vocabulary.
    """
    if one.inputs.kind == "tokens":
        shares = _token_shares(one), _token_shares(other)
        return math.sqrt(max(0.0, 1.0 - float(np.sqrt(shares[0] * shares[1]).sum())))
    between = _mean_input(one) - _mean_input(other)
    return math.sqrt(float((between**2).mean()))


def _mean_input(domain: Domain) -> np.ndarray:
    """float64 [d]."""
    total = np.zeros(math.prod(domain.inputs.shape))
    count = 0
    for inputs in _parts(domain):
        total += inputs.reshape(len(inputs), -1).sum(axis=0, dtype=np.float64)
        count += len(inputs)
    return total / count / (255.0 if domain.inputs.dtype == "uint8" else 1.0)


def _token_shares(domain: Domain) -> np.ndarray:
    """float64 [V]; padding, token 0, is none."""
    counts = np.zeros(domain.inputs.vocabulary)
    for inputs in _parts(domain):
        counts += np.bincount(inputs.ravel(), minlength=len(counts))
    counts[0] = 0.0
    shares: np.ndarray = counts / max(1.0, counts.sum())
    return shares


def _parts(domain: Domain) -> Iterator[np.ndarray]:
    """The inputs of training and validation, as many at once as are held in memory."""
    each = max(1, math.prod(domain.inputs.shape) * np.dtype(domain.inputs.dtype).itemsize)
    step = max(1, AT_ONCE // each)
    for split in domain.bought:
        for start in range(0, len(split), step):
            yield split.inputs[start : start + step]
