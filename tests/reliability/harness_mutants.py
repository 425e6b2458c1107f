"""Faults put into tl-run on purpose; the harness must notice every one.

Each changes this process alone, which is a trial's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

MUTANTS: dict[str, Callable[[], None]] = {}


def _mutant(make: Callable[[], None]) -> Callable[[], None]:
    MUTANTS[make.__name__] = make
    return make


def _put(owner: Any, name: str, value: Any) -> None:
    """Give a module or a class another thing of that name."""
    setattr(owner, name, value)


def _everywhere(function: Any, other: Any) -> None:
    """Put another function in the place of one, in every module that has imported it."""
    for module in [m for name, m in sys.modules.items() if name.startswith("tlrun.")]:
        for name, value in list(vars(module).items()):
            if value is function:
                setattr(module, name, other)


def _loading(change: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> None:
    """`change` what a TrainState takes over: it is given the state as it was, and what was kept."""
    from tlrun.training.state import TrainState

    real = TrainState.load_state_dict

    def load(self: TrainState, kept: Mapping[str, Any]) -> None:
        real(self, change(self, dict(kept)))

    _put(TrainState, "load_state_dict", load)


@_mutant
def in_place() -> None:
    """Files are written where they stand, not aside."""
    from tlrun.store import files

    def write(path: Path, content: bytes, synced: bool = True) -> None:
        with open(path, "wb") as file:
            file.write(content)

    _everywhere(files.write_whole, write)


@_mutant
def entries_in_place() -> None:
    """Entries are filled where they stand: the folder that is written aside is theirs."""
    from tlrun.store.entries import Entry

    real = Entry.fill

    def fill(self: Entry, *rest: Any, **more: Any) -> None:
        def ours(path: Path, name: str) -> Path:
            return path if name.startswith(f".{path.name}.") else path.parent / name

        with (
            patch.object(Path, "with_name", ours),
            patch.object(Path, "rename", lambda *_: None),
            patch("tlrun.store.files.remove", lambda _: None),
        ):
            real(self, *rest, **more)

    _put(Entry, "fill", fill)


@_mutant
def no_digests() -> None:
    """No entry is compared with its digests."""
    from tlrun.store import entries

    _put(entries, "_check", lambda *_: None)


@_mutant
def no_proof() -> None:
    """No file of a run is compared with its digest."""
    from tlrun.store import digests

    _everywhere(digests.check_file, lambda *_, **__: None)


@_mutant
def no_lock() -> None:
    """Every process may have every run and stage."""
    from tlrun.store import locks

    @contextmanager
    def locked(*_: object, **__: object) -> Iterator[None]:
        yield

    _everywhere(locks.locked, locked)


@_mutant
def no_sync() -> None:
    """Nothing is ever synced: as fast as it is wrong."""
    from tlrun.store import files

    real = files.write_whole
    _everywhere(files.write_whole, lambda path, content, synced=True: real(path, content, False))
    _everywhere(files.sync_files, lambda _: None)
    _everywhere(files.sync_folder, lambda _: None)


@_mutant
def no_generators() -> None:
    """Random generators are not put back."""
    _loading(lambda state, kept: kept | {"generators": state.generators})


@_mutant
def no_positions() -> None:
    """Batches begin anew."""
    _loading(
        lambda state, kept: (
            kept | {"positions": {name: each.position for name, each in state.batches.items()}}
        )
    )


@_mutant
def no_moments() -> None:
    """The optimizer begins anew, where it stood in its schedule."""
    _loading(
        lambda state, kept: (
            kept | {"updates": state.updates.state_dict() | {"made": kept["updates"]["made"]}}
        )
    )


@_mutant
def no_schedule() -> None:
    """The schedule begins anew."""
    _loading(lambda _, kept: kept | {"updates": kept["updates"] | {"made": 0}})


@_mutant
def no_best() -> None:
    """The best step so far is forgotten."""
    _loading(lambda _, kept: kept | {"best_loss": {}, "best_weights": {}})


@_mutant
def no_weights() -> None:
    """The model begins anew."""
    _put(import_module("tlrun.training.saved"), "restore", lambda model, _: model)


@_mutant
def swallowed() -> None:
    """The state cannot be taken over, and nobody hears of it."""
    from tlrun.training.state import TrainState

    _put(TrainState, "load_state_dict", lambda *_: None)


@_mutant
def rows_stay() -> None:
    """metrics.jsonl keeps what was logged after the checkpoint."""
    of_folder = import_module("tlrun.store.rundir").RunDir
    real = of_folder._clear

    def clear(self: Any, but: tuple[str, ...]) -> None:
        real(self, but=(*but, "metrics.jsonl"))

    _put(of_folder, "_clear", clear)


@_mutant
def silent_fallback() -> None:
    """A damaged checkpoint is passed over without a word."""
    _put(import_module("tlrun.runs.resuming").Resuming, "damaged", lambda *_: None)
