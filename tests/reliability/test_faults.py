"""A disk that is full, over quota or broken: one line, nothing left behind, the same bits later."""

from __future__ import annotations

import errno
import random

import pytest

from reliability.conftest import Of
from reliability.harness_crashes import Reference, failing_at
from reliability.harness_hooks import FILLING
from reliability.harness_server import Job, Server

WAYS = [
    (errno.ENOSPC, "once"),
    (errno.ENOSPC, "stays"),
    (errno.ENOSPC, "short"),
    (errno.EDQUOT, "once"),
    (errno.EIO, "once"),
    (errno.EIO, "stays"),
]
Fault = tuple[int, int, str]


def faults(of: Reference, ways: list[tuple[int, str]]) -> list[Fault]:
    """Every operation that a disk can fail, in every way: number, error, way."""
    found = []
    for number, operation in enumerate(of.operations):
        if operation.name in FILLING:
            for error, way in ways:
                if way != "short" or operation.name == "write":
                    found.append((number, error, way))
    return found


def problems(server: Server, of: Reference, which: list[Fault]) -> list[str]:
    jobs: list[Job] = [(failing_at, (of.words, of.picture, *fault)) for fault in which]
    return [what for found in server.run(jobs) for what in found]


def test_a_disk_that_fails_at_some_operations(server: Server, reference_of: Of) -> None:
    of = reference_of("parameter_transfer")

    assert problems(server, of, random.Random(3).sample(faults(of, WAYS), 12)) == []


@pytest.mark.slow
def test_a_disk_that_fails_at_more_operations(server: Server, reference_of: Of) -> None:
    of = reference_of("feature_transfer")

    assert problems(server, of, random.Random(4).sample(faults(of, WAYS), 60)) == []


@pytest.mark.long
@pytest.mark.parametrize(("error", "way"), [way for way in WAYS if way[0] != errno.EDQUOT])
def test_a_disk_that_fails_at_any_operation(
    server: Server, reference_of: Of, error: int, way: str
) -> None:
    of = reference_of("parameter_transfer")

    assert problems(server, of, faults(of, [(error, way)])) == []


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["structure_transfer", "task_relation"])
def test_a_disk_that_is_full_from_any_operation_on(
    server: Server, reference_of: Of, strategy: str
) -> None:
    of = reference_of(strategy)

    assert problems(server, of, faults(of, [(errno.ENOSPC, "stays")])) == []
