"""The load report: what was loaded of each domain, as strict JSON, and in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlrun.core.problem import Domain, Split, Task, known

if TYPE_CHECKING:
    import numpy as np

FEW = 6  # domains, tasks or classes that are named one by one

Row = Mapping[str, Any]  # what the report says of one task in one split of one domain


def load_report(
    domains: Mapping[str, Domain],
    test: Mapping[str, Split],
    duplicates: Mapping[str, int],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What data.json holds.

    splits: a row for each domain, split and task. duplicates: per domain, how many test examples
    stand in a training set too. notes: lines for the user.
    """
    rows: list[Row] = []
    for name, domain in domains.items():
        rows += _rows(domain, test[name])
    return {"splits": rows, "duplicates": dict(duplicates), "notes": list(notes)}


def summary(report: Mapping[str, Any]) -> list[str]:
    """The report in a few lines: a line a domain (or one for all, if they are many), then the
    notes.
    """
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
    return [*lines, *report.get("notes", ())]


def few(names: Sequence[str]) -> str:
    """The first FEW of some names, and how many more there are."""
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more


def _rows(domain: Domain, test: Split) -> Iterator[Row]:
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
    """`source: 719 train, 180 test; digit: 10 classes, 719 labels`; tasks that read alike share
    their words.
    """
    examples = {row["split"]: row["examples"] for row in rows}
    kinds = {row["task"]: _kind(row) for row in rows}
    labelled = _labelled(rows)
    words: dict[str, list[str]] = {}
    for task, labels in labelled.items():
        words.setdefault(f"{kinds[task]}, {labels} labels", []).append(task)
    tasks = [f"{', '.join(names)}: {what}" for what, names in words.items()]
    if len(labelled) > FEW:
        tasks = [f"{len(labelled)} tasks, {_range(labelled.values())} labels each"]
    splits = ", ".join(f"{count} {split}" for split, count in examples.items())
    return "; ".join([f"{rows[0]['domain']}: {splits}", *tasks])


def _kind(row: Row) -> str:
    return "numbers" if row["kind"] == "regression" else f"{len(row['classes'])} classes"


def _line_of_all(domains: Sequence[Sequence[Row]]) -> str:
    examples = [{row["split"]: row["examples"] for row in rows} for rows in domains]
    labels = _range(sum(_labelled(rows).values()) for rows in domains)
    train = _range(counts["train"] for counts in examples)
    tested = sum(counts["test"] for counts in examples)
    each = f"{train} train and {labels} labels each"
    return f"{len(domains)} domains: {each}, {tested} test in all"


def _labelled(rows: Iterable[Row]) -> dict[str, int]:
    """Labels for training and validation together, per task."""
    labels: dict[str, int] = {}
    for row in rows:
        counted = 0 if row["split"] == "test" else row["labels"]
        labels[row["task"]] = labels.get(row["task"], 0) + counted
    return labels


def _range(numbers: Iterable[int]) -> str:
    found = sorted(numbers)
    return f"{found[0]}" if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def _line_of_missing(which: str, rows: Sequence[Row]) -> Iterator[str]:
    """How many labels are missing, per task over all domains; of many tasks, together."""
    totals: dict[str, list[int]] = {}
    many = len({row["task"] for row in rows if row["missing"]}) > FEW
    for row in rows:
        total = totals.setdefault("all tasks" if many else row["task"], [0, 0])
        total[0] += row["missing"]
        total[1] += row["examples"]
    some = []
    for task, (missing, labels) in totals.items():
        if missing:
            some.append(f"{task} {missing} of {labels}")
    if some:
        yield f"{which} labels missing: {', '.join(some)}"
