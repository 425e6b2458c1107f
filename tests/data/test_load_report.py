import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tlrun.core.problem import Domain, Split
from tlrun.core.task import Task
from tlrun.data.assembly import Part, assemble
from tlrun.data.load_report import summary

COLOUR = Task("colour", "multiclass", ("red", "green", "blue"))


ROUND = Task("round", "binary", ("no", "yes"))


WEIGHT = Task("weight", "regression")


TASKS = (COLOUR, ROUND, WEIGHT)


FEW_OF_BOTH = (
    "colour in box (2 of 'red', 2 of 'green', 2 of 'blue'), round in box (3 of 'no', 3 of 'yes'), "
    "colour in bag (1 of 'red', 0 of 'green', 0 of 'blue'), round in bag (1 of 'no', 1 of 'yes')"
)
FEWER = "fewer than 10 test examples of a class, so that a gain is mostly chance"
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


NONE: dict[str, Sequence[float]] = {"colour": [-1] * 6, "round": [-1] * 6, "weight": [np.nan] * 6}


def test_the_report_counts_examples_labels_and_classes() -> None:
    some: dict[str, Sequence[float]] = {
        "colour": [0, 0, 1, 2, -1],
        "round": [-1, -1, 0, 1, 1],
        "weight": [1.0, 3.0, np.nan, np.nan, np.nan],
    }
    report = assemble([part(train=split(0, some), val=split(20, NONE))]).report
    rows = {(row["split"], row["task"]): row for row in report["splits"]}

    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert rows["train", "colour"] == {
        "domain": "box", "role": "peer", "split": "train", "task": "colour", "kind": "multiclass",
        "examples": 5, "labels": 4, "missing": 1, "classes": {"red": 2, "green": 1, "blue": 1},
    }  # fmt: skip
    assert rows["train", "round"]["classes"] == {"no": 1, "yes": 2}
    assert rows["train", "weight"]["classes"] == {"mean": 2.0, "sd": 1.0}
    assert rows["val", "weight"] | {"labels": 0, "missing": 6} == rows["val", "weight"]
    assert rows["val", "weight"]["classes"] == {"mean": None, "sd": None}
    assert rows["test", "colour"]["classes"] == {"red": 2, "green": 2, "blue": 2}


def test_a_domain_is_told_in_a_line() -> None:
    alike = part(
        "bag",
        train=split(30, {"colour": [0, 1, 2], "round": [0, 1, -1]}),
        test=split(40, {"colour": [0, -1], "round": [0, 1]}),
    )

    first, *others = summary(
        assemble([part(val=split(20)), alike], notes=["sorted by hand"]).report
    )

    assert first.startswith(
        "box: 6 train, 6 val, 6 test; colour: 3 classes, 12 labels; round: 2 classes, 12 labels; "
    )
    assert first.endswith("; weight: numbers, 12 labels")
    assert others == [
        "bag: 3 train, 2 test; colour: 3 classes, 3 labels; round: 2 classes, 2 labels",
        "training labels missing: round 1 of 15",
        "test labels missing: colour 1 of 8",
        f"{FEWER}: {FEW_OF_BOTH}",
        "sorted by hand",
    ]


def test_tasks_that_read_alike_share_their_words_and_many_are_told_together() -> None:
    def binary(n: int) -> Part:
        tasks = tuple(Task(f"t{k}", "binary", ("no", "yes")) for k in range(n))
        found = {task.name: [0, 1, -1] if task.name == "t0" else [0, 1, 1] for task in tasks}
        return part(train=split(0, found), test=split(10, found), tasks=tasks)

    assert summary(assemble([binary(3)]).report)[0] == (
        "box: 3 train, 3 test; t0: 2 classes, 2 labels; t1, t2: 2 classes, 3 labels"
    )
    assert (
        summary(assemble([binary(9)]).report)[0]
        == "box: 3 train, 3 test; 9 tasks, 2 to 3 labels each"
    )


def test_many_domains_and_many_tasks_are_told_in_few_lines() -> None:
    parts = [
        part(
            f"box{k}",
            train=split(100 * k, {f"t{k}": [0, 1, -1, *[0] * k]}),
            test=split(100 * k, {f"t{k}": [0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0]}),
            tasks=(Task(f"t{k}", "binary", ("no", "yes")),),
        )
        for k in range(8)
    ]

    found = summary(assemble(parts).report)
    assert found.pop(2).startswith("fewer than 10 test examples of a class, so that a gain is mo")
    assert found == [
        "8 domains: 3 to 10 train and 2 to 9 labels each, 52 test in all",
        "training labels missing: all tasks 8 of 52",
        "test examples that stand in a training set too, dropped: 52 of 8 domains",
    ]


def test_nothing_is_told_of_a_problem_without_a_report() -> None:
    assert summary({}) == []
