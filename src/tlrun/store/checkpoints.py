"""Checkpoints: where a stage stands while it is trained, kept so that it can go on from there.

    <folder>/step-000000600/
      state.json            the key of the stage, the step, and all numbers of the state
      tensors.safetensors   weights, moments of the optimizer, states of random generators, …
      metrics.jsonl         the rows logged so far
      manifest.json         digests, its own too

Each is written aside, synced and renamed: a process that is killed, or a machine that loses power,
leaves those before it whole. The newest two stay. One that is damaged is told by name, and the one
before it counts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.json_text import parsed
from tlrun.store.entries import Damaged, Entry
from tlrun.store.files import as_line
from tlrun.store.room import is_full

if TYPE_CHECKING:
    from torch import Tensor

NEWEST = 2  # are kept
STATE, TENSORS, ROWS = "state.json", "tensors.safetensors", "metrics.jsonl"
NAME = "step-{:09d}"


@dataclass(frozen=True)
class Checkpoint:
    """Where a stage stands.

    step: updates made. tensors: by name. numbers: the rest of the state, as strict JSON. rows:
    those of metrics.jsonl that the stage has logged, in order. seconds: of training so far.
    """

    step: int
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    seconds: float


@dataclass(frozen=True)
class Checkpoints:
    """Those of one stage. path: their folder, there or not yet. of: the key of the stage.

    ours: whether this process holds the lock of the stage, or of the run that it is part of. It
    does where they are written; others may only read them, and take none away.
    """

    path: Path
    of: str
    ours: bool = True

    def keep(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint beside those that are there, and take away all but the newest two.

        Where the disk is full, the older one goes first. Raises OSError where that does not help,
        or another thing is wrong; then nothing of it stays.
        """
        from safetensors.torch import save

        state = {
            "stage": self.of,
            "step": checkpoint.step,
            "seconds": checkpoint.seconds,
            "numbers": checkpoint.numbers,
        }
        files = {
            STATE: as_line(state).encode(),
            TENSORS: save(dict(checkpoint.tensors)),
            ROWS: "".join(map(as_line, checkpoint.rows)).encode(),
        }
        self._remove(self.path.glob(".step-*"))  # what killed processes have half-written
        entry = self._entry(self.of_step(checkpoint.step).name)
        try:
            entry.write(files, synced=True)
        except OSError as error:
            older = self._there()[1:]
            if not is_full(error) or not older:
                raise
            self._remove(older)
            entry.write(files, synced=True)
        self._remove(self._there()[NEWEST:])

    def whole(self, damaged: Callable[[Path, str], None]) -> Iterator[Checkpoint]:
        """Each that is whole, the newest first.

        damaged: is told of each that is not, and what is wrong with which file of it; these are
        taken away where they are `ours`.
        """
        for path in self._there():
            try:
                checkpoint = self._read(path)
            except (Damaged, OSError) as error:
                damaged(path, str(error))
                self.drop(path)
                continue
            yield checkpoint

    def remove(self) -> None:
        """Take all of them away, and what killed processes have left of others."""
        shutil.rmtree(self.path, ignore_errors=True)

    def of_step(self, step: int) -> Path:
        """Where the checkpoint after update number `step` is, or would be."""
        return self.path / NAME.format(step)

    def drop(self, path: Path) -> None:
        """Take away one that is of no use, where they are `ours`."""
        if self.ours:
            shutil.rmtree(path, ignore_errors=True)

    def each(self) -> list[Entry]:
        """Each of them, whole or not; nothing is taken away."""
        return [self._entry(path.name) for path in sorted(self.path.glob("step-*"))]

    def any(self) -> bool:
        """Whether there is one, whole or not."""
        return bool(self._there())

    def _there(self) -> list[Path]:
        """The folder of each, the newest first."""
        with suppress(OSError):
            return sorted(self.path.glob("step-*"), reverse=True)
        return []

    @staticmethod
    def _remove(folders: Iterable[Path]) -> None:
        for folder in list(folders):
            shutil.rmtree(folder, ignore_errors=True)

    def _entry(self, name: str) -> Entry:
        return Entry(self.path / name, self.path / f".{name}.lock", f"{self.of}/{name}")

    def _read(self, path: Path) -> Checkpoint:
        """One checkpoint. Raises Damaged where it is not whole, or of another stage or step."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        files = self._entry(path.name).read()
        if files is None:
            raise Damaged("it has gone")
        try:
            state = parsed(files[STATE])
            of, step, seconds = state["stage"], state["step"], float(state["seconds"])
            name = NAME.format(step)
            numbers = dict(state["numbers"])
            rows = [dict(parsed(line)) for line in files[ROWS].splitlines()]
            tensors = load(files[TENSORS])
        # whole, but not one of ours
        except (KeyError, ValueError, TypeError, RecursionError, SafetensorError) as error:
            raise Damaged(f"is no checkpoint ({type(error).__name__}: {error})") from None
        if (of, name) != (self.of, path.name):
            raise Damaged(f"{STATE} is of the stage {of}, step {step}")
        return Checkpoint(step, tensors, numbers, rows, seconds)
