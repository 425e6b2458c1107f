"""Damaged and swapped files of every kind: never a wrong result, and the file is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from reliability.harness_bases import KINDS, base
from reliability.harness_damage import damaged, damages
from reliability.harness_readers import misread, numbers
from reliability.harness_server import Job, Server


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bases")


def problems(server: Server, home: Path, kind: str, number: int, seed: int) -> list[str]:
    """What is wrong after so many damages to a base, each alone."""
    (made,) = server.run([(base, (kind, home / f"{kind} {seed}"))])
    every = damages(made, number, seed)
    jobs: list[Job] = [(damaged, (made, each)) for each in every]
    if kind == "finished":  # of the others too little is finished
        (known,) = server.run([(numbers, (made,))])
        jobs += [(misread, (made, known, each)) for each in every]
    return [what for found in server.run(jobs) for what in found]


@pytest.mark.parametrize("kind", ["finished", "found stage"])
def test_some_damages(server: Server, home: Path, kind: str) -> None:
    assert problems(server, home, kind, 15, 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_more_damages(server: Server, home: Path, kind: str) -> None:
    assert problems(server, home, kind, 30, 2) == []


@pytest.mark.long
@pytest.mark.parametrize("kind", [*KINDS, "sweep"])
def test_hundreds_of_damages(server: Server, home: Path, kind: str) -> None:
    number = 20 if kind == "sweep" else 100  # a sweep starts processes of its own
    assert problems(server, home, kind, number, 3) == []
