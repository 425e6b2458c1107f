import math

import pytest

from tlrun.core.errors import UserError
from tlrun.core.objective import Schedule
from tlrun.core.task import Task, TaskKey, tasks_by_key
from tlrun.strategies.checks import describe_tasks, finite, one_label_space, one_shape, several
from tlrun.strategies.schedules import Constant, Cosine, Linear

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
