"""From domains to a problem: checked, digested and reported.

No test example is one that training may see, and no class is tested that was never learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Inputs
from tlrun.core.metrics import METRICS, TABLE, primary
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split, digest, known
from tlrun.core.task import Task
from tlrun.data.examples import row_hashes
from tlrun.data.load_report import FEW, few, load_report

if TYPE_CHECKING:
    import numpy as np

Duplicates = Literal["drop", "keep", "seen to"]


@dataclass(frozen=True)
class Part:
    """One domain with its test examples.

    domain: its tasks, and what this seed trains and validates on. test: its test examples.
    pool: inputs [M, …] of every example that some seed may train or validate on.
    examples: a digest that all seeds share, of pool and test examples together with their labels
        (`examples_digest`); empty: of their inputs alone.

    Raises ValueError where pool and test examples differ in dtype or shape, so that they could
    never be equal byte for byte.
    """

    domain: Domain
    test: Split
    pool: Inputs
    examples: str = ""

    def __post_init__(self) -> None:
        pool, test = self.pool, self.test.inputs
        if (pool.dtype, pool.shape[1:]) != (test.dtype, test.shape[1:]):
            raise ValueError(
                f"{self.domain.name}: expected a pool like the test inputs, "
                f"{test.dtype} {test.shape[1:]}, found {pool.dtype} {pool.shape[1:]}"
            )


def assemble(
    parts: Sequence[Part],
    notes: Sequence[str] = (),
    duplicates: Duplicates = "drop",
    *,
    fold: bool = False,
) -> Problem:
    """The problem of some domains, checked and digested, with its load report.

    parts: the domains, in the order they are to have. notes: lines for the user, in the report.
    duplicates: what to do with test examples whose inputs stand, byte for byte, in the pool or
        among the training or validation examples of any domain: drop them from the test set, keep
        them and only report them, or nothing, as the caller has seen to them. The pools decide, not
        what a seed drew of them, so the test set is one for all seeds.
    fold: whether these are one fold of several, which together test enough (`data/folds.py`).

    Raises UserError, a mistake for each task without a training or test label in a domain, each
    domain without a test example, each task of a domain that tests a class which no training label
    of any domain has, and each whose test labels leave its metric undefined.
    """
    domains, test = {}, {}
    for part in parts:
        domains[part.domain.name] = part.domain
        test[part.domain.name] = part.test
    counts = dict.fromkeys(domains, 0)
    if duplicates != "seen to":
        for name, twice in _duplicates(parts).items():
            counts[name] = int(twice.sum())
            if duplicates == "drop" and counts[name]:
                test[name] = test[name].select(~twice)
    mistakes = [*_unlearnable(domains), *_unseen(domains, test)]
    if not fold:
        mistakes += cannot_test(domains, test, counts)
    if mistakes:
        raise UserError(*mistakes)
    report = load_report(domains, test, counts, [*_duplicates_note(counts, duplicates), *notes])
    arrays = arrays_digest(domains, test)
    return Problem(domains, HeldOutTest(test), arrays, report, _examples_of(parts))


def arrays_digest(domains: Mapping[str, Domain], test: Mapping[str, Split]) -> str:
    """sha256, in hex, of every array of a problem. test: the test examples of each domain."""
    splits: list[Split | None] = []
    for domain in domains.values():
        splits += [domain.train, domain.val]
    return digest([*splits, *test.values()])


def cannot_test(
    domains: Mapping[str, Domain], test: Mapping[str, Split], duplicates: Mapping[str, int]
) -> list[Mistake]:
    """Why the test examples of `domains` are not enough for a score; empty where they are."""
    return [*_untestable(domains, test, duplicates), *_undefined(domains, test)]


def _examples_of(parts: Sequence[Part]) -> str:
    """A digest of what all domains hold, whatever a seed draws of it."""
    total = sha256()
    for part in parts:
        of_domain = part.examples
        if not of_domain:
            hashes = sorted([*row_hashes(part.pool), *row_hashes(part.test.inputs)])
            of_domain = sha256(b"".join(hashes)).hexdigest()
        total.update(f"{part.domain.name} {of_domain} ".encode())
    return total.hexdigest()


def _duplicates(parts: Sequence[Part]) -> dict[str, np.ndarray]:
    """Per domain, which of its test examples stand in a training set too, bool [N]."""
    import numpy as np

    tests = {part.domain.name: list(row_hashes(part.test.inputs)) for part in parts}
    wanted = set[bytes]().union(*tests.values())
    seen: set[bytes] = set()
    for part in parts:
        seen |= wanted.intersection(row_hashes(part.pool))
        for split in (part.domain.train, part.domain.val):
            if split is not None and split.inputs is not part.pool:
                seen |= wanted.intersection(row_hashes(split.inputs))
    duplicates = {}
    for name, hashes in tests.items():
        duplicates[name] = np.array([one in seen for one in hashes], bool)
    return duplicates


def _duplicates_note(counts: Mapping[str, int], duplicates: Duplicates) -> Iterator[str]:
    """One line for the user, where there are any."""
    some = [f"{count} of {name}" for name, count in counts.items() if count]
    if some:
        where = ", ".join(some)
        if len(some) > FEW:
            where = f"{sum(counts.values())} of {len(some)} domains"
        done = "dropped" if duplicates == "drop" else "kept"
        yield f"test examples that stand in a training set too, {done}: {where}"


def _unlearnable(domains: Mapping[str, Domain]) -> Iterator[Mistake]:
    """One mistake a domain and task without a training label."""
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
    """One mistake a domain without a test example, else one a task without a test label there."""
    for name, domain in domains.items():
        if not len(test[name]):
            found = "none"
            if duplicates[name]:
                found = f"none ({duplicates[name]} stand in a training set too)"
            expected = f"test examples in domain {name}"
            yield Mistake("dataset", expected, found, "test on other examples")
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
    """One mistake a domain and task that tests a class which no training label anywhere has."""
    seen: dict[str, set[int]] = {}
    for domain in domains.values():
        for task in domain.tasks:
            seen.setdefault(task.name, set()).update(_known_labels(domain.train, task))
    for name, domain in domains.items():
        for task in domain.tasks:
            # a task without any training label is reported already
            if task.kind == "regression" or not seen[task.name]:
                continue
            never = sorted(set(_known_labels(test[name], task)) - seen[task.name])
            if never:
                yield Mistake(
                    "dataset",
                    expected=f"a training label of every class of task {task.name} that domain "
                    f"{name} tests",
                    found=f"none of {few([repr(task.classes[k]) for k in never])}",
                    hint="label more training examples (dataset.labels, labels_per_class), or "
                    "leave the class out",
                )


def _undefined(domains: Mapping[str, Domain], test: Mapping[str, Split]) -> Iterator[Mistake]:
    """One mistake a domain and task that is judged by what its test labels leave undefined."""
    for domain in judged(domains):
        for task in domain.tasks:
            labels = _known_labels(test[domain.name], task)
            metric = TABLE[primary(task)]
            # a domain without any test label is reported already
            if not labels or len(set(labels)) >= metric.needed(task):
                continue
            only = f"{labels[0]:g}"
            if task.classes:
                only = few([repr(task.classes[k]) for k in sorted(set(labels))])
            others = [name for name in METRICS[task.kind] if TABLE[name].needs == 1]
            instead = f"dataset.metric={others[0]}, " if others else ""
            yield Mistake(
                "dataset",
                expected=f"{metric.needed(task)} different test labels of task {task.name} in "
                f"domain {domain.name}, for {metric.name} is undefined with fewer",
                found=f"only {only}, {len(labels)} times",
                hint=f"try {instead}another dataset.split_seed or more test examples, or leave the "
                "domain out",
            )


def judged(domains: Mapping[str, Domain]) -> list[Domain]:
    """The domains whose test scores a run is about: the target, or all."""
    targets = [domain for domain in domains.values() if domain.role == "target"]
    return targets or list(domains.values())


def _known_labels(split: Split, task: Task) -> list[int]:
    labels = split.labels[task.name]
    present: list[int] = labels[known(labels)].tolist()
    return present
