"""The load report: what was loaded of each domain, as strict JSON and as lines for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlrun.core.problem import Domain, Split, known
from tlrun.core.task import Task

if TYPE_CHECKING:
    import numpy as np

ENOUGH = 10  # test examples of a class, below which a difference says little
FEW = 6  # domains, tasks or classes that are named one by one

Row = Mapping[str, Any]  # what the report says of one task in one split of one domain


def load_report(
    domains: Mapping[str, Domain],
    test: Mapping[str, Split],
    duplicates: Mapping[str, int],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What data.json holds, as strict JSON.

    domains: those of the problem, by name. test: the test examples of each.
    duplicates: per domain, how many test examples stand in a training set too.
    notes: lines for the user.

    The report has the same keys `duplicates` and `notes`, `inputs`, what one of them is, and
    `splits`: a row for each domain, split and task that counts its examples and labels.
    """
    rows: list[Row] = []
    for name, domain in domains.items():
        rows += _rows(domain, test[name])
    spec = next(iter(domains.values())).inputs
    inputs: dict[str, Any] = {"shape": list(spec.shape), "dtype": spec.dtype}
    if spec.vocabulary:
        inputs["vocabulary"] = spec.vocabulary
    return {
        "inputs": inputs,
        "splits": rows,
        "duplicates": dict(duplicates),
        "notes": list(notes),
    }


def summary(report: Mapping[str, Any]) -> list[str]:
    """The lines that sum up a report: one a domain, or one for all if they are many; then notes."""
    rows: Sequence[Row] = report.get("splits", ())
    domains: dict[str, list[Row]] = {}
    for row in rows:
        domains.setdefault(row["domain"], []).append(row)
    if len(domains) > FEW:
        lines = [_line_of_all(list(domains.values()))]
    else:
        lines = [_line_of(of_domain) for of_domain in domains.values()]
    lines += _line_of_missing("training", [row for row in rows if row["split"] != "test"])
    lines += _line_of_missing("test", [row for row in rows if row["split"] == "test"])
    lines += line_of_few(rows)
    lines += report.get("notes", ())
    return lines


def few(names: Sequence[str]) -> str:
    """The first FEW of some names, and how many more there are."""
    first = ", ".join(names[:FEW])
    if len(names) <= FEW:
        return first
    return f"{first} and {len(names) - FEW} more"


def _rows(domain: Domain, test: Split) -> Iterator[Row]:
    """A row for each split and task of a domain."""
    for which, split in (("train", domain.train), ("val", domain.val), ("test", test)):
        if split is None:
            continue
        for task in domain.tasks:
            labels = split.labels[task.name]
            present = labels[known(labels)]
            yield {
                "domain": domain.name,
                "role": domain.role,
                "split": which,
                "task": task.name,
                "kind": task.kind,
                "examples": len(split),
                "labels": len(present),
                "missing": len(split) - len(present),
                "classes": _distribution(task, present),
            }


def _distribution(task: Task, labels: np.ndarray) -> dict[str, Any]:
    """How many labels each class has; of numbers, mean and sd (None where they have none)."""
    import numpy as np

    if task.kind != "regression":
        counts = np.bincount(labels, minlength=len(task.classes)).tolist()
        return dict(zip(task.classes, counts, strict=True))
    numbers = labels.astype(np.float64)
    if not len(numbers) or not np.isfinite(numbers).all():
        return {"mean": None, "sd": None}
    return {"mean": float(numbers.mean()), "sd": float(numbers.std())}


def _line_of(rows: Sequence[Row]) -> str:
    """One domain, as `source: 719 train, 180 test; digit: 10 classes, 719 labels`.

    Tasks that read alike share their words.
    """
    splits = ", ".join(f"{count} {split}" for split, count in _examples(rows).items())
    labelled = _labelled(rows)
    if len(labelled) > FEW:
        tasks = [f"{len(labelled)} tasks, {_range(labelled.values())} labels each"]
    else:
        kinds = {row["task"]: _kind(row) for row in rows}
        names: dict[str, list[str]] = {}  # of the tasks, by what is said of them
        for task, labels in labelled.items():
            names.setdefault(f"{kinds[task]}, {labels} labels", []).append(task)
        tasks = [f"{', '.join(alike)}: {words}" for words, alike in names.items()]
    return "; ".join([f"{rows[0]['domain']}: {splits}", *tasks])


def _kind(row: Row) -> str:
    return "numbers" if row["kind"] == "regression" else f"{len(row['classes'])} classes"


def _line_of_all(domains: Sequence[Sequence[Row]]) -> str:
    """All domains together, where they are many."""
    train, labels, tested = [], [], 0
    for rows in domains:
        examples = _examples(rows)
        train.append(examples["train"])
        labels.append(sum(_labelled(rows).values()))
        tested += examples["test"]
    each = f"{_range(train)} train and {_range(labels)} labels each"
    return f"{len(domains)} domains: {each}, {tested} test in all"


def _examples(rows: Iterable[Row]) -> dict[str, int]:
    """How many examples each split of one domain has."""
    return {row["split"]: row["examples"] for row in rows}


def _labelled(rows: Iterable[Row]) -> dict[str, int]:
    """Labels for training and validation together, per task of one domain."""
    labels: dict[str, int] = {}
    for row in rows:
        labels.setdefault(row["task"], 0)
        if row["split"] != "test":
            labels[row["task"]] += row["labels"]
    return labels


def _range(numbers: Collection[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _line_of_missing(which: str, rows: Sequence[Row]) -> Iterator[str]:
    """How many labels are missing, per task over all domains; of many tasks, together."""
    totals: dict[str, list[int]] = {}
    many = len({row["task"] for row in rows if row["missing"]}) > FEW
    for row in rows:
        name = row["task"]
        if many:
            name = "all tasks"
        total = totals.setdefault(name, [0, 0])
        total[0] += row["missing"]
        total[1] += row["examples"]
    some = []
    for task, (missing, labels) in totals.items():
        if missing:
            some.append(f"{task} {missing} of {labels}")
    if some:
        yield f"{which} labels missing: {', '.join(some)}"


def line_of_few(rows: Sequence[Row]) -> Iterator[str]:
    """Which tasks have classes with too few test examples, and which these are.

    They are those of the target or, without one, of all domains.
    """
    tested = [row for row in rows if row["split"] == "test"]
    judged = [row for row in tested if row["role"] == "target"] or tested
    rare = []
    for row in judged:
        if row["kind"] == "regression":
            continue
        counts = {name: count for name, count in row["classes"].items() if count < ENOUGH}
        if counts:
            said = few([f"{count} of {name!r}" for name, count in counts.items()])
            rare.append(f"{row['task']} in {row['domain']} ({said})")
    if rare:
        say = f"fewer than {ENOUGH} test examples of a class, so that a gain is mostly chance"
        yield f"{say}: {few(rare)}"
