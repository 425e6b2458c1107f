"""kill -9 at random times until a run is through, and every signal on the command line."""

from __future__ import annotations

import random

import pytest

from reliability.conftest import Of
from reliability.harness_commands import STRATEGIES
from reliability.harness_crashes import reference
from reliability.harness_server import Job, Server
from reliability.harness_signals import SIGNALS, Killing, killed_until_done, signalled

LONGEST = 0.2  # seconds until a kill, at most: of a run that takes about as long
AT_ONCE = 4


def problems(server: Server, reference_of: Of, strategy: str, kills: int, seed: int) -> list[str]:
    """Kill runs, each until it is through, until so many processes are killed; what is wrong."""
    of = reference_of(strategy)
    found: list[str] = []
    done, longest = 0, LONGEST
    while done < kills:
        seeds = range(seed, seed + AT_ONCE)
        jobs: list[Job] = [(killed_until_done, (of.words, of.picture, longest, s)) for s in seeds]
        results: list[Killing] = server.run(jobs)
        found += [what for result in results for what in result.problems]
        done += sum(result.kills for result in results)
        seed, longest = seed + AT_ONCE, longest * 0.95  # on a machine that is too fast for it
    return found


def test_kills_at_random_times(server: Server, reference_of: Of) -> None:
    assert problems(server, reference_of, "structure_transfer", 4, 0) == []


@pytest.mark.slow
def test_fifty_kills_at_random_times(server: Server, reference_of: Of) -> None:
    assert problems(server, reference_of, "parameter_transfer", 50, 10) == []


@pytest.mark.slow
def test_kills_of_a_sweep(server: Server) -> None:
    """Of the process that launches it: those of its runs are on their own then."""
    words = ("-m", *STRATEGIES["parameter_transfer"][:-1], "lam.value=0,1")
    (of,) = server.run([(reference, (words,))])
    jobs: list[Job] = [(killed_until_done, (words, of.picture, 2.0, seed, 4)) for seed in range(2)]
    results: list[Killing] = server.run(jobs)

    assert [what for result in results for what in result.problems] == []
    assert sum(result.kills for result in results) >= 2


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["feature_transfer", "structure_transfer", "task_relation"])
def test_hundreds_of_kills_at_random_times(server: Server, reference_of: Of, strategy: str) -> None:
    assert problems(server, reference_of, strategy, 100, 100) == []


def signals(server: Server, reference_of: Of, number: int, seed: int) -> list[str]:
    """Signals from the start of the process on, as many of each kind; what is wrong."""
    chance, of = random.Random(seed), reference_of("parameter_transfer")
    jobs: list[Job] = []
    for which in range(number):
        by = int(SIGNALS[which % len(SIGNALS)])
        after = chance.uniform(0, (0.3, 2, 5)[chance.randrange(3)])
        jobs.append((signalled, (of.words, of.picture, by, after)))
    return [what for found in server.run(jobs) for what in found]


@pytest.mark.slow
def test_signals_from_the_first_moment_on(server: Server, reference_of: Of) -> None:
    assert signals(server, reference_of, 8, 1) == []


@pytest.mark.long
def test_many_signals_from_the_first_moment_on(server: Server, reference_of: Of) -> None:
    assert signals(server, reference_of, 60, 2) == []
