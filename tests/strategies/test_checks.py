import math

import pytest

from tlrun.core.errors import UserError
from tlrun.core.objective import Schedule
from tlrun.core.task import Task, TaskKey, tasks_by_key
from tlrun.models.backbone import Backbone, TrainedPart
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.minilm import Minilm
from tlrun.models.backbones.mlp import Mlp
from tlrun.strategies.base import Strategy
from tlrun.strategies.checks import (
    describe_tasks,
    finite,
    held_at_random,
    one_label_space,
    one_shape,
    several,
)
from tlrun.strategies.schedules import Constant, Cosine, Linear
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer

from problems import with_tasks

CLASS = Task("class", "multiclass", ("a", "b", "c"))
SHADE = Task("shade", "multiclass", ("x", "y", "z"))
ODD, PRIME = Task("odd", "binary", ("no", "yes")), Task("prime", "binary", ("no", "yes"))
VALUE = Task("value", "regression")


def test_every_task_of_every_domain_is_one() -> None:
    ours = with_tasks(d=(CLASS, ODD), e=(CLASS,))
    assert several(ours, "x") == {
        TaskKey("d", "class"): CLASS,
        TaskKey("d", "odd"): ODD,
        TaskKey("e", "class"): CLASS,
    }


def test_one_task_is_refused_by_the_name_of_the_strategy() -> None:
    with pytest.raises(
        UserError,
        match="strategy: expected two tasks or more for fancy, found one, d/class; "
        "try another data set, such as dataset=",
    ):
        several(with_tasks(d=(CLASS,)), "fancy")


@pytest.mark.parametrize(
    "lam", [Constant(math.inf), Linear(math.inf), Linear(1.0, math.inf), Cosine(math.inf)]
)
def test_lambda_that_is_infinite_at_any_time_is_refused_with_the_reason(lam: Schedule) -> None:
    with pytest.raises(UserError) as error:
        finite(lam, "because", "try {key}=1")
    told = f"lam.value: expected a finite λ, found {lam.label}: because; try lam.value=1"
    assert error.value.lines == (told,)


@pytest.mark.parametrize("lam", [Constant(0.0), Constant(1e300), Linear(5.0), Cosine(0.0, 3.0)])
def test_lambda_that_stays_finite_passes(lam: Schedule) -> None:
    finite(lam, "because", "try {key}=1")


@pytest.mark.parametrize(
    ("tasks", "shape", "space"),
    [
        ([CLASS, CLASS], True, True),
        ([CLASS, SHADE], True, False),
        ([ODD, PRIME], True, False),
        ([ODD, VALUE], False, False),  # one number each, but a logit is no number
        ([CLASS, ODD], False, False),
        ([CLASS, Task("more", "multiclass", tuple("abcd"))], False, False),
    ],
)
def test_heads_are_compared_by_shape_and_by_meaning(
    tasks: list[Task], shape: bool, space: bool
) -> None:
    by_key = tasks_by_key({f"d{k}": [task] for k, task in enumerate(tasks)})
    assert one_shape(by_key) == shape
    assert one_label_space(by_key) == space


def test_tasks_are_told_by_their_short_names_and_no_more_than_eight() -> None:
    assert (
        describe_tasks(with_tasks(d=(CLASS, ODD, VALUE)).task_keys)
        == "class (3 classes), odd (binary), value (regression)"
    )
    assert (
        describe_tasks(with_tasks(d=(CLASS,), e=(CLASS,)).task_keys)
        == "d (3 classes), e (3 classes)"
    )
    assert describe_tasks(with_tasks(d=(CLASS, ODD), e=(CLASS,)).task_keys).startswith(
        "d/class (3 classes), d/odd (binary)"
    )
    many = tasks_by_key({"d": [Task(f"t{k}", "binary", ("no", "yes")) for k in range(11)]})
    assert describe_tasks(many).endswith("t7 (binary) and 3 more")
    assert describe_tasks(dict(list(many.items())[:8])).endswith("t7 (binary)")


@pytest.mark.parametrize("of", [SharedParameters, SingleTask, TaskRelation, TaskTransfer])
@pytest.mark.parametrize(
    ("backbone", "part", "random"),
    [
        (Mlp(), "head", True),
        (Mlp(), "last", True),
        (Mlp(), "all", False),
        (Identity(), "head", False),
        (Minilm(), "head", False),
    ],
)
def test_what_is_held_fixed_and_has_learnt_nothing_is_said_to_be_random(
    of: type[Strategy], backbone: Backbone, part: TrainedPart, random: bool
) -> None:
    told = of(train=part).warnings(backbone)  # type: ignore[call-arg]  # of each of these an option

    line = (
        f"strategy.train={part}: backbone=mlp starts from no pretrained weights, so what is held "
        "fixed of φ is random"
    )
    assert (line in told) == random == bool(held_at_random(part, backbone))


@pytest.mark.parametrize("of", [TaskRelation, TaskTransfer])
def test_towers_of_which_nothing_is_trained_are_refused(of: type[Strategy]) -> None:
    with pytest.raises(UserError) as error:
        of(scope="towers", train="head")  # type: ignore[call-arg]  # options of both
    assert str(error.value) == (
        "strategy.scope: expected heads with train=head, found towers, which are one φ where φ is "
        "held fixed; try strategy.scope=heads, or strategy.train=last"
    )
    assert of(scope="towers", train="last")  # type: ignore[call-arg]  # options of both
