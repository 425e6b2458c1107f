"""What a run decides: scores, the headline, and what they cost.

Here, and only here, the test examples are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from tlrun.core.metrics import headline_of, metric_of, primary
from tlrun.core.notes import StatisticsPooled
from tlrun.core.objective import Relation
from tlrun.core.problem import Domain, Problem, Split, known
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import as_tensor
from tlrun.models.structure import size
from tlrun.runs.disagreement import disagreement
from tlrun.strategies.base import Stage
from tlrun.training.evaluation import Scores, Watch, outputs_of, scored
from tlrun.training.finite import check_answers

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model


Outputs = Callable[[str, Sequence[Task], Split], Mapping[str, "Tensor"]]


def evaluate_test(
    problem: Problem,
    stages: Sequence[Stage],
    batch_size: int,
    model: Model,
    learnt: Relation | None = None,
    together: bool = False,
    encode: Callable[[str, Split], Split] = lambda _, split: split,
    watch: Callable[[str, Split], Watch] = lambda _, __: iter,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The scores of a run's last `model`: result.json, and what predictions.safetensors holds.

    problem: its test set is opened. stages: of the run, in order. batch_size: the examples that an
    update draws of each domain. learnt: what an equation has found out about its tasks. together:
    whether the last stage was trained for all its tasks (`Stage.trained_for`), a source's too.
    encode: gives the examples of a domain as features, where φ was held fixed. watch: gives, of a
    domain and a split, what is handed the parts that are computed.

    Scores are given for the tasks that the last stage had, on every domain that has them. Raises
    RunFailed where an answer is not finite.
    """

    def outputs(domain: str, tasks: Sequence[Task], split: Split) -> dict[str, Tensor]:
        return outputs_of(model, domain, tasks, encode(domain, split), watch(domain, split))

    test = problem.test.open()
    answered = [key for key in problem.task_keys if model.has_head(key)]
    result, predictions = scores_of(problem, test, answered, outputs, together=together)
    name, domain = next(iter(problem.domains.items()))
    cost = size(model, as_tensor(domain.train.inputs[:1], model.device), name)
    result |= spent(problem, stages, batch_size)
    result["size"] = asdict(cost)
    if learnt is not None:
        result["relation"] = asdict(learnt)
    differing = disagreement(model, problem, test, encode)
    if differing is not None:
        result["disagreement"] = differing
    return result, predictions


def evaluate_estimators(
    problem: Problem, answered: Collection[TaskKey], outputs: Outputs, fitted_on: Collection[str]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The same of estimators, which have no validation score, take no steps and are no network.

    problem: its test set is opened. answered: the tasks that they answer for. outputs: what they
    say, as a head would. fitted_on: the domains whose labels they have seen.
    """
    test = problem.test.open()
    together = not problem.named("target")
    result, predictions = scores_of(
        problem, test, answered, outputs, together=together, validated=False
    )
    labels = {}
    for name, domain in problem.domains.items():
        labels[name] = _labels(domain) if name in fitted_on else 0
    return result | {"labels": labels, "steps": 0, "examples": 0, "size": None}, predictions


def scores_of(
    problem: Problem,
    test: Mapping[str, Split],
    answered: Collection[TaskKey],
    outputs: Outputs,
    *,
    together: bool,
    validated: bool = True,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Headline, scores and counts for result.json; and what predictions.safetensors holds.

    test: the test split of every domain. answered: the tasks that are scored. outputs: gives, of a
    domain, some of its tasks and a split, the outputs [N, k] of each by name. together: as of
    `evaluate_test`. validated: whether validation examples are scored too.

    The predictions are, of every test example of a task, the outputs [N, k] as "domain/task", the
    label [N] as "domain/task/labels", and its row in the data set [N] as "domain/task/index"; where
    the data set has groups, which of them it is of, int64 [N], as "domain/task/group".
    """
    scores: dict[str, Scores] = {"val": {}, "test": {}}
    predictions: dict[str, Tensor] = {}
    for name, domain in problem.domains.items():
        tasks = [task for task in domain.tasks if TaskKey(name, task.name) in answered]
        if validated and domain.val is not None:
            scores["val"] |= scored(name, tasks, outputs(name, tasks, domain.val), domain.val)[0]
        of_test, answers = scored(name, tasks, outputs(name, tasks, test[name]), test[name])
        check_answers(name, tasks, test[name], answers, of_test)
        scores["test"] |= of_test
        for task in tasks:
            key = TaskKey(name, task.name)
            predictions[str(key)] = answers[task.name]
            predictions[f"{key}/labels"] = torch.from_numpy(test[name].labels[task.name])
            predictions[f"{key}/index"] = torch.from_numpy(test[name].index.copy())
            groups = test[name].groups
            if groups is not None:
                predictions[f"{key}/group"] = torch.from_numpy(groups.copy())
    result = {
        "headline": headline(problem, scores, together),
        "metrics": scores,
        "tested": tested(problem, test, scores["test"]),
    }
    return result, predictions


def tested(
    problem: Problem, test: Mapping[str, Split], scored: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """How many labelled test examples each task in `scored` has, in all and of each class.

    test: the test split of every domain. scored: task keys, as in result.json.
    """
    counts: dict[str, dict[str, Any]] = {}
    for key, task in problem.task_keys.items():
        if str(key) in scored:
            labels = test[key.domain].labels[task.name]
            counts[str(key)] = {"labels": int(known(labels).sum())}
            if task.classes:
                each = [int((labels == label).sum()) for label in range(len(task.classes))]
                counts[str(key)]["classes"] = dict(zip(task.classes, each, strict=True))
    return counts


def headline(
    problem: Problem, scores: Mapping[str, Scores], together: bool = False
) -> dict[str, Any]:
    """The mean primary metric over what the problem is about, and the tasks that are compared.

    The problem is about the target's tasks, or all of them without a target. scores: of the splits
    val and test, by task key. together: whether all tasks were learnt for their own sake.

    name: of the metric. val, test: its mean, None where a task has no such score, or where the
    scores of the tasks have no mean (`metrics.headline_name`). tasks: each task whose gain is of
    interest, with its metric: what the problem is about, or, learnt `together`, all that were.
    val_loss: the mean validation loss over what the problem is about, by which λ is
    chosen.
    """
    about = problem.only("target") if problem.named("target") else problem
    # the metric of each task that the problem is about
    wanted = {str(key): primary(task) for key, task in about.task_keys.items()}
    name = headline_of(problem)
    summary: dict[str, Any] = {"name": name}
    for split, of_split in scores.items():
        summary[split] = None
        if metric_of(name) is not None:
            summary[split] = _mean(of_split.get(key, {}).get(wanted[key]) for key in wanted)
    compared = wanted
    if together:
        compared = {}
        for key, task in problem.task_keys.items():
            if str(key) in scores["test"]:
                compared[str(key)] = primary(task)
    summary["tasks"] = compared
    summary["val_loss"] = _mean(scores["val"].get(key, {}).get("loss") for key in wanted)
    return summary


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of `values`; None where one of them is missing."""
    present: list[float] = []
    for value in values:
        if value is None:
            return None
        present.append(value)
    return sum(present) / len(present)


def statistics_pooled(run: str, problem: Problem, model: Model) -> StatisticsPooled | None:
    """The note that `evaluate_test` scores domains with statistics pooled over several others.

    None where it does not. run: what the screen calls it. problem: its domains have the tasks that
    the run's last `model` is scored on.
    """
    of: set[str] = set()
    domains: dict[str, None] = {}  # in order, each once
    for key in problem.task_keys:
        others = model.trunk_of(key).pooled_for(key.domain) if model.has_head(key) else set()
        if others:
            domains[key.domain] = None
            of |= others
    if not domains:
        return None
    known_to = tuple(name for name in problem.domains if name in of)
    return StatisticsPooled(run=run, domains=tuple(domains), of=known_to)


def spent(problem: Problem, stages: Sequence[Stage], batch_size: int) -> dict[str, Any]:
    """What a run has cost: labels of each domain drawn, updates made, and examples seen.

    Labels are those of training and validation together. batch_size: the examples that an update
    draws of each domain.
    """
    used = drawn(problem.domains, stages)
    labels: dict[str, int] = {}
    for name, domain in problem.domains.items():
        labels[name] = _labels(domain) if name in used else 0
    steps = sum(stage.steps for stage in stages)
    examples = batch_size * sum(stage.steps * len(stage.domains) for stage in stages)
    return {"labels": labels, "steps": steps, "examples": examples}


def drawn(domains: Iterable[str], stages: Sequence[Stage]) -> tuple[str, ...]:
    """Those of `domains` whose training examples are drawn in any stage."""
    names: set[str] = set()
    for stage in stages:
        names.update(stage.domains)
    return tuple(name for name in domains if name in names)


def _labels(domain: Domain) -> int:
    """How many labels training and validation have, of all tasks together."""
    total = 0
    for split in (domain.train, domain.val):
        if split is not None:
            total += sum(int(known(labels).sum()) for labels in split.labels.values())
    return total
