"""From domains to a problem: no test example that training may see, nothing tested unlearnt, and
all of it reported.

`summary` puts the report into a few lines for a terminal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split, Task, digest, known

if TYPE_CHECKING:
    import numpy as np

FEW = 6  # domains, tasks or classes that are told one by one


@dataclass(frozen=True)
class Part:
    """One domain with its test examples.

    pool: inputs [M, …] of every example that some seed may train or validate on. examples: a digest
    that all seeds share, of pool and test examples together with their labels (`examples_digest`);
    empty: of their inputs alone.

    Raises ValueError where pool and test examples could never be equal byte for byte.
    """

    domain: Domain
    test: Split
    pool: np.ndarray
    examples: str = ""

    def __post_init__(self) -> None:
        pool, test = self.pool, self.test.inputs
        if (pool.dtype, pool.shape[1:]) != (test.dtype, test.shape[1:]):
            raise ValueError(
                f"{self.domain.name}: expected a pool like the test inputs, {test.dtype} {test.shape[1:]}, "
                f"found {pool.dtype} {pool.shape[1:]}"
            )


def assemble(
    parts: Sequence[Part],
    notes: Sequence[str] = (),
    duplicates: Literal["drop", "keep", "seen to"] = "drop",
) -> Problem:
    """The problem of some domains: exact duplicates dropped from test, checked, digested, with its
    load report.

    A duplicate is a test example whose inputs stand, byte for byte, in the pool or among the
    training or validation examples of any domain. The pools decide, not what a seed drew of them,
    so the test set is one for all seeds. duplicates=seen to: the caller has looked for them.

    Raises UserError, one mistake each: a task without a training or test label in a domain, a domain
    without a test example, a class that is tested and in no training label of any domain.
    """
    domains = {part.domain.name: part.domain for part in parts}
    test = {part.domain.name: part.test for part in parts}
    twice = _duplicates(parts) if duplicates != "seen to" else {}
    if duplicates == "drop":
        test = {
            name: _rows(split, ~twice[name]) if twice[name].any() else split
            for name, split in test.items()
        }
    counts = dict.fromkeys(domains, 0) | {name: int(found.sum()) for name, found in twice.items()}
    if mistakes := [
        *_unlearnable(domains),
        *_untestable(domains, test, counts),
        *_unseen(domains, test),
    ]:
        raise UserError(*mistakes)
    report = {
        "splits": [
            row for domain in domains.values() for row in _reported(domain, test[domain.name])
        ],
        "duplicates": counts,
        "notes": [*_duplicates_told(counts, duplicates), *notes],
    }
    learning = [split for domain in domains.values() for split in (domain.train, domain.val)]
    arrays = digest([*learning, *test.values()])
    return Problem(domains, HeldOutTest(test), arrays, report, _examples_of(parts))


def examples_digest(inputs: np.ndarray, *labels: np.ndarray) -> str:
    """sha256 over examples [N] in no order: each one's inputs [N, …], and its labels [N]."""
    hashes = []
    for row in range(len(inputs)):
        one = blake2b(inputs[row].tobytes(), digest_size=16)
        for values in labels:
            one.update(values[row].tobytes())
        hashes.append(one.digest())
    return sha256(f"{inputs.dtype} {inputs.shape}".encode() + b"".join(sorted(hashes))).hexdigest()


def _examples_of(parts: Sequence[Part]) -> str:
    """What all domains hold, whatever a seed draws of it."""
    total = sha256()
    for part in parts:
        known_by = part.examples
        if not known_by:
            hashes = sorted([*_hashes(part.pool), *_hashes(part.test.inputs)])
            known_by = sha256(b"".join(hashes)).hexdigest()
        total.update(f"{part.domain.name} {known_by} ".encode())
    return total.hexdigest()


def summary(report: Mapping[str, Any]) -> list[str]:
    """The report of a problem in a few lines: a line a domain (or one for all, if they are many),
    then the notes.
    """
    domains: dict[str, list[Mapping[str, Any]]] = {}
    for row in report.get("splits", ()):
        domains.setdefault(row["domain"], []).append(row)
    lines = (
        [_all_told(list(domains.values()))]
        if len(domains) > FEW
        else list(map(_domain_told, domains.values()))
    )
    rows = [row for found in domains.values() for row in found]
    lines += _missing_told("training", [row for row in rows if row["split"] != "test"])
    lines += _missing_told("test", [row for row in rows if row["split"] == "test"])
    return [*lines, *report.get("notes", ())]


def _duplicates(parts: Sequence[Part]) -> dict[str, np.ndarray]:
    """Per domain, which of its test examples [N] stand in a training set too."""
    import numpy as np

    tests = {part.domain.name: list(_hashes(part.test.inputs)) for part in parts}
    wanted = {one for hashes in tests.values() for one in hashes}
    seen: set[bytes] = set()
    for part in parts:
        learning = [
            split.inputs for split in (part.domain.train, part.domain.val) if split is not None
        ]
        for inputs in (part.pool, *(each for each in learning if each is not part.pool)):
            seen.update(wanted.intersection(_hashes(inputs)))
    return {
        name: np.array([one in seen for one in hashes], dtype=bool)
        for name, hashes in tests.items()
    }


def _hashes(inputs: np.ndarray) -> Iterator[bytes]:
    """One an example: 16 bytes instead of thousands, and no copy of all the examples."""
    return (blake2b(row.tobytes(), digest_size=16).digest() for row in inputs)


def _rows(split: Split, chosen: np.ndarray) -> Split:
    labels = {task: values[chosen] for task, values in split.labels.items()}
    return dataclasses.replace(
        split, inputs=split.inputs[chosen], labels=labels, index=split.index[chosen]
    )


def _unlearnable(domains: Mapping[str, Domain]) -> Iterator[Mistake]:
    for domain in domains.values():
        for task in domain.tasks:
            if not known(domain.train.labels[task.name]).any():
                yield Mistake(
                    "dataset",
                    expected=f"a training label of task {task.name} in domain {domain.name}",
                    found="none",
                    hint="label more training examples, or leave the task out",
                )


def _untestable(
    domains: Mapping[str, Domain], test: Mapping[str, Split], duplicates: Mapping[str, int]
) -> Iterator[Mistake]:
    for name, domain in domains.items():
        if not len(test[name]):
            same = f" ({duplicates[name]} stand in a training set too)" if duplicates[name] else ""
            yield Mistake(
                "dataset",
                expected=f"test examples in domain {name}",
                found=f"none{same}",
                hint="test on other examples",
            )
            continue
        for task in domain.tasks:
            if not known(test[name].labels[task.name]).any():
                yield Mistake(
                    "dataset",
                    expected=f"a test label of task {task.name} in domain {name}",
                    found="none",
                    hint="label more test examples, or leave the task out",
                )


def _unseen(domains: Mapping[str, Domain], test: Mapping[str, Split]) -> Iterator[Mistake]:
    """One a domain and task that tests a class which no training label, of whichever domain,
    shows.
    """
    seen: dict[str, set[int]] = {}
    for domain in domains.values():
        for task in domain.tasks:
            seen.setdefault(task.name, set()).update(_known_labels(domain.train, task))
    for name, domain in domains.items():
        for task in domain.tasks:
            tested = set(_known_labels(test[name], task))
            # a task without any training label is reported already
            if (
                task.kind != "regression"
                and seen[task.name]
                and (never := sorted(tested - seen[task.name]))
            ):
                yield Mistake(
                    "dataset",
                    expected=f"a training label of every class of task {task.name} that domain "
                    f"{name} tests",
                    found=f"none of {_few([repr(task.classes[k]) for k in never])}",
                    hint="label more training examples (dataset.labels, labels_per_class), or "
                    "leave the class out",
                )


def _known_labels(split: Split, task: Task) -> list[int]:
    labels = split.labels[task.name]
    found: list[int] = labels[known(labels)].tolist()
    return found


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more


def _reported(domain: Domain, test: Split) -> Iterator[dict[str, Any]]:
    """A row a split and task, as strict JSON."""
    for which, split in (("train", domain.train), ("val", domain.val), ("test", test)):
        if split is None:
            continue
        for task in domain.tasks:
            labels = split.labels[task.name]
            labels = labels[known(labels)]
            where = {
                "domain": domain.name,
                "role": domain.role,
                "split": which,
                "task": task.name,
                "kind": task.kind,
            }
            counts = {
                "examples": len(split),
                "labels": len(labels),
                "missing": len(split) - len(labels),
            }
            yield where | counts | {"classes": _spread(task, labels)}


def _spread(task: Task, labels: np.ndarray) -> dict[str, Any]:
    """How many labels each class has; of numbers, mean and sd (None where they have none)."""
    import numpy as np

    if task.kind != "regression":
        counts = np.bincount(labels, minlength=len(task.classes)).tolist()
        return dict(zip(task.classes, counts, strict=True))
    numbers = labels.astype(np.float64)
    if not len(numbers) or not np.isfinite(numbers).all():
        return {"mean": None, "sd": None}
    return {"mean": float(numbers.mean()), "sd": float(numbers.std())}


def _duplicates_told(counts: Mapping[str, int], duplicates: str) -> Iterator[str]:
    some = [f"{count} of {name}" for name, count in counts.items() if count]
    if some:
        where = (
            ", ".join(some)
            if len(some) <= FEW
            else f"{sum(counts.values())} of {len(some)} domains"
        )
        done = "dropped" if duplicates == "drop" else "kept"
        yield f"test examples that stand in a training set too, {done}: {where}"


def _domain_told(rows: Sequence[Mapping[str, Any]]) -> str:
    """`source: 719 train, 180 test; digit: 10 classes, 719 labels`; tasks that read alike share
    their words.
    """
    examples = {row["split"]: row["examples"] for row in rows}
    words: dict[str, list[str]] = {}
    bought = _bought(rows)
    for task, labels in bought.items():
        row = next(row for row in rows if row["task"] == task)
        kind = "numbers" if row["kind"] == "regression" else f"{len(row['classes'])} classes"
        words.setdefault(f"{kind}, {labels} labels", []).append(task)
    tasks = [f"{', '.join(names)}: {what}" for what, names in words.items()]
    if len(bought) > FEW:
        tasks = [f"{len(bought)} tasks, {_range(bought.values())} labels each"]
    return "; ".join(
        [
            f"{rows[0]['domain']}: {', '.join(f'{n} {split}' for split, n in examples.items())}",
            *tasks,
        ]
    )


def _all_told(domains: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    examples = [{row["split"]: row["examples"] for row in rows} for rows in domains]
    labels = [sum(_bought(rows).values()) for rows in domains]
    tested = sum(found["test"] for found in examples)
    train = _range(found["train"] for found in examples)
    return f"{len(domains)} domains: {train} train and {_range(labels)} labels each, {tested} test in all"


def _bought(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Labels for training and validation together, per task."""
    labels: dict[str, int] = {}
    for row in rows:
        labels[row["task"]] = labels.get(row["task"], 0) + (
            row["labels"] if row["split"] != "test" else 0
        )
    return labels


def _range(numbers: Iterable[int]) -> str:
    found = sorted(numbers)
    return f"{found[0]}" if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def _missing_told(which: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How many labels are missing, per task over all domains; of many tasks, together."""
    totals: dict[str, list[int]] = {}
    many = len({row["task"] for row in rows if row["missing"]}) > FEW
    for row in rows:
        total = totals.setdefault("all tasks" if many else row["task"], [0, 0])
        total[0] += row["missing"]
        total[1] += row["examples"]
    if some := [
        f"{task} {missing} of {labels}" for task, (missing, labels) in totals.items() if missing
    ]:
        yield f"{which} labels missing: {', '.join(some)}"
