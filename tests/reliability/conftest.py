"""One fork server for all tests of a process, and what uninterrupted commands leave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from reliability.harness_commands import STRATEGIES
from reliability.harness_crashes import Reference, reference
from reliability.harness_server import Server

if sys.platform != "linux":  # it reads /proc
    collect_ignore_glob = ["test_*.py"]

Of = Callable[[str], Reference]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Two jobs at a time at least: some wait for each other."""
    started = Server()
    yield started
    started.close()


@pytest.fixture(scope="session")
def reference_of(server: Server) -> Of:
    """What a strategy's command leaves, and the operations it takes; carried out once."""
    known: dict[str, Reference] = {}

    def of(strategy: str) -> Reference:
        if strategy not in known:
            (known[strategy],) = server.run([(reference, (STRATEGIES[strategy],))])
        return known[strategy]

    return of
