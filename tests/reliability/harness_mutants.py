"""Faults put into tl-run on purpose; the harness must notice every one."""

from __future__ import annotations

from collections.abc import Callable

MUTANTS: dict[str, Callable[[], None]] = {}
