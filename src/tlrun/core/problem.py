"""What is to be learnt: tasks, domains, and the problem they make up.

Shapes: N examples in a split, k outputs of a head. No torch, and no numpy at import.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tlrun.core.inputs import Inputs, InputSpec, digest_of, selected, spec_of
from tlrun.core.task import Task, TaskKey, tasks_by_key

if TYPE_CHECKING:
    import numpy as np

# peer: neither, one of several domains that are learnt for their own sake
Role = Literal["source", "target", "peer"]


@dataclass(frozen=True)
class Split:
    """Some examples of one domain.

    inputs: float32 [N, …], or uint8 [N, C, H, W] of images, in memory or mapped (`core/inputs.py`),
        or tokens of texts (`core/tokens.py`).
    passed: how many modules of φ they have been through; of all, they are features z [N, d].
    labels: by task name, int64 [N] with -1, or numbers in their unit, float32 or float64 [N] with
        nan, where the label is missing.
    index: int64 [N], each example's row in the data set, by which runs are paired.
    lengths: int64 [N], how long each input is where they differ, or was, before φ made features of
        it: the order in which examples are drawn depends on it. As the inputs have it.
    groups: int64 [N], which group each example is of, such as all rows of one patient, in all
        domains alike; None where the data set has none. They are not in the digest.
    """

    inputs: Inputs
    labels: Mapping[str, np.ndarray]
    index: np.ndarray
    passed: int = 0
    lengths: np.ndarray | None = None
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.lengths is None:
            object.__setattr__(self, "lengths", getattr(self.inputs, "lengths", None))

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def array(self) -> np.ndarray:
        """All inputs [N, …]; those in a file are read."""
        return self.inputs[:]

    def select(self, chosen: np.ndarray) -> Split:
        """The examples in `chosen`: positions, int64, or bool [N]; from a file nothing is read."""
        return replace(
            self,
            inputs=selected(self.inputs, chosen),
            labels={task: values[chosen] for task, values in self.labels.items()},
            index=self.index[chosen],
            lengths=None if self.lengths is None else self.lengths[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )


def known(labels: np.ndarray) -> np.ndarray:
    """Which labels [N] are present, bool [N]: those that are neither -1 nor nan."""
    whole = labels.dtype.kind == "i"
    return labels >= 0 if whole else labels == labels  # noqa: PLR0124  # nan is not


def digest(splits: Iterable[Split | None]) -> str:
    """sha256, in hex, of every array of the splits, with its name, type and shape."""
    import numpy as np

    total = hashlib.sha256()
    for split in splits:
        if split is None:
            total.update(b"none")
            continue
        labels = sorted(split.labels.items())
        total.update(f"inputs {digest_of(split.inputs)} ".encode())
        for name, array in [*labels, ("index", split.index)]:
            total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


@dataclass(frozen=True)
class Domain:
    """Where inputs come from; its tasks share them. The labels of `val` are of `train`'s budget."""

    name: str
    role: Role
    tasks: tuple[Task, ...]
    train: Split
    val: Split | None = None

    @cached_property
    def digest(self) -> str:
        """sha256 of training and validation examples: all that a stage can see of the domain."""
        return digest((self.train, self.val))

    @cached_property
    def inputs(self) -> InputSpec:
        """What one input is."""
        return spec_of(self.train.inputs)

    @property
    def bought(self) -> tuple[Split, ...]:
        """Training and validation examples, where there are any: all whose labels are paid for."""
        return (self.train,) if self.val is None else (self.train, self.val)

    @cached_property
    def validated(self) -> tuple[str, ...]:
        """The names of the tasks that have a validation label here."""
        labels = self.val.labels.items() if self.val else ()
        return tuple(name for name, values in labels if known(values).any())


class HeldOutTest:
    """The test examples of a problem: opened once, after the last stage.

    splits: by domain. opened: how often they have been handed out.
    """

    def __init__(self, splits: Mapping[str, Split]) -> None:
        self._splits = splits
        self.opened = 0

    def open(self) -> Mapping[str, Split]:
        """Hand out the test splits, by domain, and count it."""
        self.opened += 1
        return self._splits

    def unopened(self) -> HeldOutTest:
        """The same examples, not opened yet: for another run on the same problem."""
        return type(self)(self._splits)


@dataclass(frozen=True)
class Problem:
    """The domains and tasks of one experiment.

    digest: sha256 of every array in it. examples: a digest that all seeds share, of every example
        that some seed trains, validates or tests on, with its labels; empty where only the options
        of the data set tell.
    report: what was loaded, as strict JSON: examples, labels and classes by split, and notes for
        the user. preprocessing: how it was read, as strict JSON, so that new examples can be read
        alike; empty where they are used as they are.
    copies: whether test examples with equal inputs are copies, and not equal by chance.
    folds: where every example is to test once, the same problem with other examples held out, each
        time; a run then learns and tests once in each. `domains` are those of the first, and `test`
        holds the test examples of all.

    Raises ValueError where two different tasks have one name (a head belongs to one label space),
    or the name of a domain or task holds a dot or a slash, which stand between names.
    """

    domains: Mapping[str, Domain]
    test: HeldOutTest
    digest: str
    report: Mapping[str, Any] = field(default_factory=dict)
    examples: str = ""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    folds: tuple[Problem, ...] = ()
    copies: bool = True

    def __post_init__(self) -> None:
        for name in (*self.domains, *self.tasks):
            if not name or set(name) & set("./"):
                expected = "the name of a domain or task without a dot or slash"
                raise ValueError(f"{name!r}: expected {expected}")
        for domain in self.domains.values():
            for task in domain.tasks:
                if task != self.tasks[task.name]:
                    raise ValueError(f"task {task.name}: expected one label space, found two")

    @property
    def identity(self) -> str:
        """All that tells it from another problem: every array, and every name.

        The names decide too: a domain's name is part of the stream that orders its examples.
        """
        return f"{self.digest} {self.names}"

    @property
    def names(self) -> list[Any]:
        """Each domain as (name, role, tasks), each of its tasks as (name, kind, classes)."""
        described = []
        for name, domain in self.domains.items():
            # "task" is what a peer was called when the first ids were made, which are to stay
            role = "task" if domain.role == "peer" else domain.role
            tasks = [(task.name, task.kind, task.classes) for task in domain.tasks]
            described.append((name, role, tasks))
        return described

    @property
    def parts(self) -> tuple[Problem, ...]:
        """The problems that a run learns and tests, one after another: the folds, or itself."""
        return self.folds or (self,)

    def unopened(self) -> Problem:
        """The same problem, its test examples not opened yet: for another run on it."""
        folds = tuple(fold.unopened() for fold in self.folds)
        return replace(self, test=self.test.unopened(), folds=folds)

    def named(self, role: Role) -> tuple[str, ...]:
        """The names of the domains that play `role`."""
        return tuple(name for name, domain in self.domains.items() if domain.role == role)

    @property
    def inputs(self) -> InputSpec:
        """What one input is, in every domain."""
        return next(iter(self.domains.values())).inputs

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.inputs.shape

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Every task, once, in the order of the domains."""
        return {task.name: task for task in self.task_keys.values()}

    @property
    def tasks_by_domain(self) -> dict[str, tuple[Task, ...]]:
        """The tasks of every domain, by its name."""
        return {name: domain.tasks for name, domain in self.domains.items()}

    @property
    def task_keys(self) -> dict[TaskKey, Task]:
        """Every task of every domain, by key: the tasks of multi-task learning."""
        return tasks_by_key(self.tasks_by_domain)

    def only(self, role: Role) -> Problem:
        """The problem of the domains that play `role`."""
        return replace(self, domains={name: self.domains[name] for name in self.named(role)})

    @property
    def one_label_space(self) -> bool:
        """Whether the source is labelled for every task of the target: a head serves both."""
        return self.only("target").tasks.keys() <= self.only("source").tasks.keys()
