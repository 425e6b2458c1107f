"""Every test starts from the same global random state, and may not reach the network."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings

# No test rests on a time, so no example has a deadline: a machine may be as slow as it likes.
settings.register_profile(
    "tlrun", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tlrun")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and a command line that the test may set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tl-run"])
    return tmp_path


@pytest.fixture(autouse=True)
def _fixed_randomness() -> Iterator[None]:
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Under `nohup` or `&` SIGINT and SIGHUP are ignored, and so they would be in every process
    that a test starts; a signal that is caught here is none that is ignored there."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    def refuse(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX:  # how the processes of a sweep are reached
            return connect(self, address)
        raise AssertionError(f"a test tried to connect to {address}")

    connect = socket.socket.connect

    if "slow" not in request.keywords:
        monkeypatch.setattr(socket.socket, "connect", refuse)
