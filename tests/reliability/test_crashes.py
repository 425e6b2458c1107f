"""SIGKILL before every durable operation; then the same command gives the same bits."""

from __future__ import annotations

import random

import pytest

from reliability.conftest import Of
from reliability.harness_commands import STRATEGIES
from reliability.harness_crashes import Reference, killed_at
from reliability.harness_server import Job, Server


def points(of: Reference) -> list[tuple[int, bool]]:
    """Every operation to be killed before; a write also when half of it is done."""
    found = []
    for number, operation in enumerate(of.operations):
        found.append((number, False))
        if operation.name == "write":
            found.append((number, True))
    return found


def problems(server: Server, of: Reference, at: list[tuple[int, bool]]) -> list[str]:
    jobs: list[Job] = [(killed_at, (of.words, of.picture, *point)) for point in at]
    return [what for found in server.run(jobs) for what in found]


def test_a_run_killed_at_some_operations_is_the_same_in_the_end(
    server: Server, reference_of: Of
) -> None:
    of = reference_of("parameter_transfer")
    some = random.Random(1).sample(points(of), 14)

    assert len(points(of)) > 100
    assert problems(server, of, some) == []


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "parameter_transfer"])
def test_a_run_of_every_kind_killed_at_some_operations(
    server: Server, reference_of: Of, strategy: str
) -> None:
    of = reference_of(strategy)

    assert problems(server, of, random.Random(2).sample(points(of), 8)) == []


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["parameter_transfer", "structure_transfer", "texts"])
def test_a_run_killed_at_any_operation_is_the_same_in_the_end(
    server: Server, reference_of: Of, strategy: str
) -> None:
    of = reference_of(strategy)

    assert problems(server, of, points(of)) == []
