"""What a run decides: scores, the headline, and what they cost. Here, and only here, the test
examples are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from tlrun.core.metrics import headline_name, primary
from tlrun.core.objective import Relation
from tlrun.core.problem import Domain, Problem, Split, TaskKey, known
from tlrun.data.batches import as_batch
from tlrun.models.structure import size
from tlrun.runs.disagreement import disagreement
from tlrun.strategies.base import Stage
from tlrun.training.evaluation import Scores, evaluate

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model


def evaluate_test(
    problem: Problem,
    stages: Sequence[Stage],
    batch_size: int,
    model: Model,
    learnt: Relation | None = None,
    together: bool = False,
    encode: Callable[[str, Split], Split] = lambda _, split: split,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """result.json, and for predictions.safetensors every test example's outputs, labels and row in
    the data set.

    Scores are given for the tasks that the last stage had, on every domain that has them. learnt:
    what an equation has found out about its tasks. together: whether the last stage was trained for
    all its tasks (`Stage.trained_for`), those of a source too. encode: gives the features of a domain's examples, where they are known.
    """
    scores: dict[str, Scores] = {"val": {}, "test": {}}
    predictions: dict[str, Tensor] = {}
    test = problem.test.open()
    for name, domain in problem.domains.items():
        tasks = [task for task in domain.tasks if model.has_head(TaskKey(name, task.name))]
        if domain.val is not None:
            scores["val"] |= evaluate(model, name, tasks, encode(name, domain.val))[0]
        found, outputs = evaluate(model, name, tasks, encode(name, test[name]))
        scores["test"] |= found
        for task in tasks:
            key = TaskKey(name, task.name)
            predictions[str(key)] = outputs[task.name]
            predictions[f"{key}/labels"] = torch.from_numpy(test[name].labels[task.name])
            predictions[f"{key}/index"] = torch.from_numpy(test[name].index.copy())
    name, domain = next(iter(problem.domains.items()))
    cost = size(model, as_batch(domain.train, model.device).inputs[:1], name)
    spending = spent(problem, stages, batch_size)
    result = {
        "headline": headline(problem, scores, together),
        "metrics": scores,
        **spending,
        "size": asdict(cost),
    }
    if learnt is not None:
        result["relation"] = asdict(learnt)
    if (apart := disagreement(model, problem, test)) is not None:
        result["disagreement"] = apart
    return result, predictions


def headline(
    problem: Problem, scores: Mapping[str, Scores], together: bool = False
) -> dict[str, Any]:
    """The mean primary metric over what the problem is about: the target's tasks, or all of them
    without a target.

    With it the mean validation loss over the same tasks; and each task whose gain is of interest,
    with its metric: those, or, learnt `together`, all that were.
    """
    about = problem.named("target") or tuple(problem.domains)
    wanted = [
        (str(TaskKey(name, task.name)), primary(task))
        for name in about
        for task in problem.domains[name].tasks
    ]
    metrics = {metric for _, metric in wanted}
    told: dict[str, Any] = {"name": headline_name(metrics, bool(problem.named("target")))}
    for part, found in scores.items():
        values = [found.get(key, {}).get(metric) for key, metric in wanted]
        present = [value for value in values if value is not None]
        told[part] = sum(present) / len(present) if len(present) == len(values) else None
    losses = [scores["val"].get(key, {}).get("loss") for key, _ in wanted]
    defined = [loss for loss in losses if loss is not None]
    every = {str(key): primary(task) for key, task in problem.task_keys.items()}
    scored = {key: metric for key, metric in every.items() if key in scores["test"]}
    told["tasks"] = scored if together else dict(wanted)
    # what a λ is chosen by
    told["val_loss"] = sum(defined) / len(defined) if len(defined) == len(losses) else None
    return told


def spent(problem: Problem, stages: Sequence[Stage], batch_size: int) -> dict[str, Any]:
    """Labels bought (for training and validation) in each domain, updates made, and examples
    seen.
    """
    used = drawn(problem.domains, stages)
    labels = {
        name: _labels(domain) if name in used else 0 for name, domain in problem.domains.items()
    }
    steps = sum(stage.steps for stage in stages)
    examples = batch_size * sum(stage.steps * len(stage.domains) for stage in stages)
    return {"labels": labels, "steps": steps, "examples": examples}


def drawn(domains: Iterable[str], stages: Sequence[Stage]) -> tuple[str, ...]:
    """The domains whose training examples are drawn in any stage."""
    return tuple(name for name in domains if any(name in stage.domains for stage in stages))


def _labels(domain: Domain) -> int:
    splits = [split for split in (domain.train, domain.val) if split is not None]
    return sum(int(known(found).sum()) for split in splits for found in split.labels.values())
