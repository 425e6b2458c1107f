import dataclasses
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.core.problem import Domain, Problem, Split, digest
from tlrun.core.task import Task
from tlrun.data.assembly import Part, assemble
from tlrun.data.load_report import summary

COLOUR = Task("colour", "multiclass", ("red", "green", "blue"))
ROUND = Task("round", "binary", ("no", "yes"))
WEIGHT = Task("weight", "regression")
TASKS = (COLOUR, ROUND, WEIGHT)
ALL: dict[str, Sequence[float]] = {
    "colour": [0, 1, 2, 0, 1, 2],
    "round": [0, 1, 0, 1, 0, 1],
    "weight": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
}


def images(*numbers: float) -> np.ndarray:
    """One image a number, and different numbers give different images."""
    return np.array(numbers, dtype=np.float32)[:, None, None, None] * np.ones(
        (1, 1, 2, 2), dtype=np.float32
    )


def split(start: int, labels: Mapping[str, Sequence[float]] = ALL) -> Split:
    """Examples start, start + 1, …, each with the image of its number."""
    n = len(next(iter(labels.values())))
    found = {
        name: np.array(values, np.float32 if name == "weight" else np.int64)
        for name, values in labels.items()
    }
    return Split(images(*range(start, start + n)), found, np.arange(start, start + n))


def part(
    name: str = "box", train: Split | None = None, test: Split | None = None, **changes: Any
) -> Part:
    """A domain with training examples 0-5 and test examples 10-15."""
    train, test = train or split(0), test or split(10)
    tasks = tuple(task for task in TASKS if task.name in train.labels)
    domain = dataclasses.replace(Domain(name, "peer", tasks, train), **changes)
    return Part(domain, test, train.inputs)


def opened(problem: Problem, name: str = "box") -> Split:
    return problem.test.open()[name]


def test_a_clean_problem_is_what_was_given() -> None:
    given_part = part(val=split(20))
    problem = assemble([given_part], notes=["a note"])

    assert problem.domains == {"box": given_part.domain}
    assert opened(problem) is given_part.test
    assert problem.digest == digest(
        [given_part.domain.train, given_part.domain.val, given_part.test]
    )
    assert problem.report["duplicates"] == {"box": 0}
    assert problem.report["notes"] == ["a note"]


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=9), st.lists(st.integers(0, 12), max_size=9)
)
def test_exactly_the_test_examples_that_stand_in_a_pool_are_dropped(
    tested: list[int], pooled: list[int]
) -> None:
    colours = Split(
        images(*tested), {"colour": np.zeros(len(tested), np.int64)}, np.arange(len(tested))
    )
    one = part(train=split(100, {"colour": [0, 1, 2]}), test=colours)
    two = part("bag", train=split(200, {"colour": [0, 1, 2]}), test=split(300, {"colour": [0]}))
    pool = np.concatenate([two.pool, images(*pooled)]) if pooled else two.pool
    left = [row for row, number in enumerate(tested) if number not in pooled]
    # the duplicates stand in the other domain's pool
    parts = [one, Part(two.domain, two.test, pool)]

    if left:
        problem = assemble(parts)
        assert opened(problem).index.tolist() == left
        assert np.array_equal(opened(problem).array, colours.array[left])
        assert len(opened(problem).labels["colour"]) == len(left)
        assert problem.report["duplicates"] == {"box": len(tested) - len(left), "bag": 0}
    else:
        with pytest.raises(UserError, match="box"):
            assemble(parts)


@pytest.mark.parametrize("where", ["pool", "train", "val"])
def test_a_duplicate_is_found_wherever_training_could_see_it(where: str) -> None:
    seen = {
        "pool": Part(part().domain, part().test, images(10.0)),
        "train": Part(part(train=split(5)).domain, part().test, images(99.0)),
        "val": part(val=split(15)),
    }[where]

    assert len(opened(assemble([seen]))) == 5


def test_kept_duplicates_are_counted_and_stay() -> None:
    double = part(test=split(4))
    dropped, kept = assemble([double]), assemble([double], duplicates="keep")

    assert opened(kept) is double.test
    assert kept.report["duplicates"] == dropped.report["duplicates"] == {"box": 2}
    assert (
        summary(kept.report)[-1] == "test examples that stand in a training set too, kept: 2 of box"
    )
    assert (
        summary(dropped.report)[-1]
        == "test examples that stand in a training set too, dropped: 2 of box"
    )
    assert kept.digest != dropped.digest


def test_the_digest_sees_every_split() -> None:
    plain = part(val=split(20))
    others = [
        part(train=split(1), val=split(20)),
        part(val=split(21)),
        part(test=split(11), val=split(20)),
        part(),
    ]

    assert len({assemble([one]).digest for one in [plain, *others]}) == 5


def test_a_pool_that_could_never_match_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="box: expected a pool like the test inputs"):
        Part(part().domain, part().test, part().pool[:].astype(np.float64))
    with pytest.raises(ValueError, match="box: expected a pool like the test inputs"):
        Part(part().domain, part().test, part().pool[:].reshape(-1, 4))


NONE: dict[str, Sequence[float]] = {"colour": [-1] * 6, "round": [-1] * 6, "weight": [np.nan] * 6}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_without_a_label_is_refused(task: Task) -> None:
    without = ALL | {task.name: NONE[task.name]}

    with pytest.raises(UserError) as training:
        assemble([part(train=split(0, without)), part("bag", train=split(20), test=split(30))])
    with pytest.raises(UserError) as testing:
        assemble([part(test=split(10, without))])

    assert training.value.lines[0].startswith(
        f"dataset: expected a training label of task {task.name} in domain box"
    )
    assert testing.value.lines[0].startswith(
        f"dataset: expected a test label of task {task.name} in domain box"
    )
    assert len(training.value.lines) == len(testing.value.lines) == 1


def test_a_domain_without_test_examples_is_refused() -> None:
    with pytest.raises(
        UserError,
        match=r"test examples in domain box, found none \(6 stand in a training set too\);",
    ):
        assemble([part(test=split(0))])


def test_a_class_that_is_tested_must_be_trained_somewhere() -> None:
    red, green = {"colour": [0, 0]}, {"colour": [1, 1]}
    other = part("bag", train=split(20, green), test=split(30, red))

    with pytest.raises(UserError) as error:
        assemble([part(train=split(0, red), test=split(10, {"colour": [0, 1, 2]}))])

    assert len(error.value.lines) == 1
    assert (
        "every class of task colour that domain box tests, found none of 'green', 'blue'; label"
        in error.value.lines[0]
    )
    # the bag has the green ones
    assemble([part(train=split(0, red), test=split(10, {"colour": [0, 1, -1]})), other])


def test_what_is_seen_in_validation_alone_is_not_trained() -> None:
    with pytest.raises(UserError, match="found none of 'yes'; label"):
        assemble(
            [
                part(
                    train=split(0, {"round": [0, 0]}),
                    test=split(10, {"round": [1]}),
                    val=split(5, {"round": [1]}),
                )
            ]
        )


def test_all_mistakes_are_told_at_once_one_line_each() -> None:
    bad = ALL | {"weight": NONE["weight"], "round": [0] * 6}

    with pytest.raises(UserError) as error:
        assemble([part(train=split(0, bad)), part("bag", train=split(20), test=split(20))])

    assert len(error.value.lines) == 2
    assert all("\n" not in line and line.count(";") == 1 for line in error.value.lines)


DIGITS = ("digits", "digits_tasks", "digits_binary", "digits_domains")


def test_importing_it_is_cheap() -> None:
    modules = ["assembly", *(f"datasets.{name}" for name in DIGITS)]
    program = f"""
import importlib, sys
for module in {modules}:
    importlib.import_module("tlrun.data." + module)
print(sorted({{"torch", "sklearn", "scipy", "numpy"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
