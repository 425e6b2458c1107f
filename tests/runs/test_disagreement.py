from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch

from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.task import Task, TaskKey
from tlrun.models.backbone import Backbone, TaskSpecific, TrainedPart
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.lstm import Lstm
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.runs.disagreement import disagreement
from tlrun.training import evaluation

from problems import SHAPE, as_features, split
from texts import reviews

BINARY = Task("yes", "binary", ("no", "yes"))
CLASSES = Task("class", "multiclass", ("a", "b", "c"))
NUMBER = Task("number", "regression")
OWN: tuple[TaskSpecific, ...] = ("heads", "towers", "biases")


def domains(
    tasks: Mapping[str, tuple[Task, ...]], test: Mapping[str, Split] | None = None
) -> Problem:
    """A domain for each name, with its tasks; the k-th has 10 (k + 1) test examples."""
    made = {
        name: Domain(name, "peer", its, split(k, 12, its))
        for k, (name, its) in enumerate(tasks.items())
    }
    sizes = {name: split(50 + k, 10 * (k + 1), its) for k, (name, its) in enumerate(tasks.items())}
    return Problem(made, HeldOutTest(test or sizes), "digest")


def drawn(
    problem: Problem, task_specific: TaskSpecific = "heads", backbone: Backbone | None = None
) -> Model:
    """Fresh weights; the heads of one label space are equal."""
    return draw_model(
        backbone or Mlp((8,)), problem.inputs, problem.tasks_by_domain, "target", 0, task_specific
    )


def apart(model: Model, problem: Problem) -> float | None:
    return disagreement(model, problem, problem.test.open())


@torch.no_grad()
def answer_otherwise(model: Model, key: TaskKey) -> None:
    """Turn the head of a task so that it never gives the answer that it gave before."""
    head = model.head_of(key)
    for parameter in (head.weight, head.bias):
        parameter.copy_(-parameter if len(parameter) == 1 else parameter.roll(1, 0))


@pytest.mark.parametrize("task", [BINARY, CLASSES], ids=lambda task: task.name)
@pytest.mark.parametrize("task_specific", OWN)
def test_tied_heads_and_equal_towers_are_not_apart(task_specific: TaskSpecific, task: Task) -> None:
    ours = domains({"a": (task,), "b": (task,), "c": (task,)})

    assert apart(drawn(ours, task_specific), ours) == 0.0


@pytest.mark.parametrize("task", [BINARY, CLASSES], ids=lambda task: task.name)
@pytest.mark.parametrize("task_specific", ["heads", "towers"])
def test_opposite_heads_are_as_far_apart_as_can_be(
    task_specific: Literal["heads", "towers"], task: Task
) -> None:
    ours = domains({"a": (task,), "b": (task,)})
    model = drawn(ours, task_specific)
    answer_otherwise(model, TaskKey("a", task.name))

    assert apart(model, ours) == 1.0


@pytest.mark.parametrize("task_specific", ["heads", "towers"])
def test_it_is_the_mean_over_pairs(task_specific: Literal["heads", "towers"]) -> None:
    """Of four, one answers otherwise: 3 of 6 pairs, however many examples each has."""
    ours = domains(dict.fromkeys("abcd", (BINARY,)))
    model = drawn(ours, task_specific)
    answer_otherwise(model, TaskKey("b", "yes"))

    assert apart(model, ours) == 0.5


def test_in_a_pair_every_test_example_of_both_domains_counts_once() -> None:
    """x > 0 against always yes: they differ on the 30 examples below 0, of 40."""
    inputs = {
        "a": np.full((10, *SHAPE), 1.0, np.float32),
        "b": np.full((30, *SHAPE), -1.0, np.float32),
    }
    test = {
        name: Split(x, {"yes": np.zeros(len(x), np.int64)}, np.arange(len(x)))
        for name, x in inputs.items()
    }
    ours = domains({"a": (BINARY,), "b": (BINARY,)}, test)
    model = drawn(ours, backbone=Identity())
    with torch.no_grad():
        for domain, weight, bias in (("a", 1.0, 0.0), ("b", 0.0, 1.0)):
            head = model.head_of(TaskKey(domain, "yes"))
            head.weight.fill_(weight)
            head.bias.fill_(bias)

    assert apart(model, ours) == 0.75


def test_it_is_symmetric_in_the_domains() -> None:
    one = domains({"a": (CLASSES,), "b": (CLASSES,)})
    model = drawn(one)
    with torch.no_grad():
        model.head_of(TaskKey("a", "class")).weight.normal_()
    turned = replace(one, domains={name: one.domains[name] for name in "ba"})

    assert 0.0 < (apart(model, one) or 0.0) < 1.0
    assert apart(model, one) == apart(model, turned)


@pytest.mark.parametrize("kept", ["all of them hidden", "none at all"])
def test_no_label_is_read(kept: str) -> None:
    ours = domains({"a": (BINARY,), "b": (BINARY,)})
    model = drawn(ours)
    with torch.no_grad():
        model.head_of(TaskKey("a", "yes")).weight.normal_()
    expected = apart(model, ours)
    blind = {
        name: replace(
            found, labels={"yes": np.full(len(found), -1)} if kept == "all of them hidden" else {}
        )
        for name, found in ours.test.open().items()
    }

    assert expected is not None
    assert disagreement(model, ours, blind) == expected


def test_neither_the_weights_nor_the_statistics_of_batchnorm_are_moved() -> None:
    ours = domains({"a": (BINARY,), "b": (BINARY,)})
    model = drawn(ours, backbone=Mlp((8,), norm="batch"))
    model.track(ours.domains)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    apart(model, ours)

    assert any("statistics" in name for name in before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "tasks",
    [
        {"a": (BINARY,), "b": (CLASSES,)},
        {"a": (BINARY, CLASSES)},
        {"a": (NUMBER,), "b": (NUMBER,)},
        {"a": (BINARY,)},
        {"a": (BINARY, NUMBER), "b": (CLASSES, NUMBER)},
    ],
    ids=["two label spaces", "one domain", "numbers", "one task", "nothing but numbers in common"],
)
def test_where_no_two_heads_can_be_compared_there_is_none(
    tasks: dict[str, tuple[Task, ...]],
) -> None:
    ours = domains(tasks)

    assert apart(drawn(ours), ours) is None


def test_one_head_for_all_domains_cannot_differ_from_itself() -> None:
    ours = domains({"a": (CLASSES,), "b": (CLASSES,)})

    assert apart(drawn(ours, "nothing"), ours) is None


def test_a_task_without_a_head_is_in_no_pair() -> None:
    ours = domains(dict.fromkeys("abc", (BINARY,)))
    some = {name: ours.tasks_by_domain[name] for name in "ab"}
    model = draw_model(Mlp((8,)), ours.inputs, some, "target", 0, "heads")
    answer_otherwise(model, TaskKey("a", "yes"))

    assert apart(model, ours) == 1.0


def test_only_tasks_of_one_label_space_are_compared() -> None:
    ours = domains({"a": (BINARY, CLASSES, NUMBER), "b": (CLASSES, NUMBER), "c": (CLASSES,)})
    model = drawn(ours)
    answer_otherwise(model, TaskKey("a", "yes"))

    assert apart(model, ours) == 0.0
    answer_otherwise(model, TaskKey("c", "class"))
    assert apart(model, ours) == pytest.approx(2 / 3)


@pytest.mark.parametrize("part", ["head", "last"])
@pytest.mark.parametrize("task_specific", OWN)
def test_features_answer_as_what_they_were_computed_of(
    task_specific: TaskSpecific, part: TrainedPart
) -> None:
    """Whether each task has a φ or there is one; and what is fixed of it is passed no more."""
    ours = domains({"a": (CLASSES,), "b": (CLASSES,)})
    model = drawn(ours, task_specific, Mlp((8, 7), norm="batch"))
    model.track(ours.domains)
    model.free(part)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    test = ours.test.open()
    held_out = {name: replace(d, train=test[name]) for name, d in ours.domains.items()}
    seen = as_features(replace(ours, domains=held_out), model, part)
    found = disagreement(model, ours, test, lambda name, _: seen.domains[name].train)

    assert found == disagreement(model, ours, test)
    assert found is not None
    assert 0 < found < 1
    assert all(domain.train.passed for domain in seen.domains.values())


def test_of_texts_no_more_is_computed_at_once_than_where_they_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = reviews("peer", "peer")
    model = drawn(ours, backbone=Lstm(6, 5))
    with torch.no_grad():  # heads that answer apart
        for parameter in model.heads.parameters():
            parameter.add_(torch.randn_like(parameter))
    sizes: list[int] = []
    phi = model.first_trunk("peer0").backbone
    phi.register_forward_pre_hook(lambda _, given: sizes.append(given[0].numel()))
    at_once = apart(model, ours)
    assert max(sizes) > 50

    sizes.clear()
    monkeypatch.setattr(evaluation, "EVALUATION_TOKENS", 50)
    assert apart(model, ours) == at_once
    assert max(sizes) <= 50
