"""A loss of power: what was not synced may be gone, and is made again with the same bits."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reliability.conftest import Of
from reliability.harness_crashes import Reference, after_power_loss, outlasting, power_lost
from reliability.harness_disk import WAYS, Disk, State, states
from reliability.harness_server import Job, Server


def problems(server: Server, of: Reference, left: list[State]) -> list[str]:
    jobs: list[Job] = [(power_lost, (of.words, of.picture, of.results, state)) for state in left]
    return [what for found in server.run(jobs) for what in found]


def every(of: Reference) -> list[State]:
    """What a loss of power may leave at any moment, in every way of the model."""
    found: list[State] = []
    for number, way in enumerate(WAYS):
        found += states(of.operations, of.root, way, 1000 * number)
    return found


def test_a_loss_of_power_at_some_moments(server: Server, reference_of: Of) -> None:
    of = reference_of("parameter_transfer")
    left = every(of)

    assert len(left) > 100
    assert problems(server, of, random.Random(5).sample(left, 12)) == []


def test_a_finished_run_outlasts_a_loss_of_power(reference_of: Of) -> None:
    of = reference_of("parameter_transfer")

    assert outlasting(of.operations, of.root) == of.results


@pytest.mark.parametrize(
    "strategy",
    [
        "parameter_transfer",
        *(pytest.param(s, marks=pytest.mark.slow) for s in ("unshared", "folds")),
    ],
)
def test_a_checkpoint_outlasts_a_loss_of_power_and_so_does_the_stage_that_follows_it(
    server: Server, reference_of: Of, strategy: str
) -> None:
    """Of a stage that runs share, and of the run's own."""
    of = reference_of(strategy)
    disk, said, left = Disk(of.root), "", []
    for operation in of.operations:
        if said and operation.name == "mkdir":  # the next thing that is begun
            left.append((said, disk.state("lost")))
            said = ""
        disk.do(operation)
        to = Path(operation.to)
        if operation.name == "rename" and to.name.startswith("step-"):
            said = f"goes on from step {int(to.name.removeprefix('step-'))} of"
        elif operation.name == "rename" and to.parent.name == ".stages":
            said = f"found in {Path('.stages', to.name)}"
    jobs: list[Job] = [(after_power_loss, (of.words, state)) for _, state in left]

    assert len(left) > 3
    for (line, _), screen in zip(left, server.run(jobs), strict=True):
        assert line.split("/")[-1] in screen, (line, screen)


@pytest.mark.slow
def test_a_loss_of_power_at_more_moments(server: Server, reference_of: Of) -> None:
    of = reference_of("structure_transfer")

    assert problems(server, of, random.Random(6).sample(every(of), 60)) == []


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["parameter_transfer", "task_relation"])
def test_a_loss_of_power_at_any_moment(server: Server, reference_of: Of, strategy: str) -> None:
    of = reference_of(strategy)

    assert problems(server, of, every(of)) == []
