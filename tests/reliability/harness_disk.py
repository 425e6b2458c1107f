"""A disk after a loss of power: of what a process did, all that was not synced may be gone.

The model of LevelDB's fault injection: a file holds what its last fsync found in it, a folder the
names that its own last fsync found there. What a real disk leaves lies between that and all of it;
`state` gives the ends and what chance chooses between them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reliability.harness_operations import Operation

# lost: nothing that was not synced is there. kept path: as ext4 does it, a sync keeps the names on
# the way to what is synced. empty, zeros: every name is there, and what was not synced in a file is
# gone or zero. mixed: each name and each file as chance has it.
WAYS = ("lost", "kept path", "empty", "zeros", "mixed")
State = dict[str, bytes | None]  # content by path; None of a folder


@dataclass
class File:
    """now: what a process reads. kept: what a loss of power leaves."""

    now: bytearray = field(default_factory=bytearray)
    kept: bytes = b""


@dataclass
class Folder:
    """The same of a folder: what is in it by name."""

    now: dict[str, File | Folder] = field(default_factory=dict)
    kept: dict[str, File | Folder] = field(default_factory=dict)


class Disk:
    """What is below `root` while operations are done one by one. It begins empty."""

    def __init__(self, root: str, keeps_paths: bool = False) -> None:
        self._root, self._top, self._keeps_paths = root, Folder(), keeps_paths

    def do(self, operation: Operation) -> None:  # noqa: C901  # one case an operation
        """Take over an operation; one that fails changes nothing."""
        folder, name = self._find(operation.path)
        if folder is None:
            return
        there = folder.now.get(name) if name else folder
        match operation.name, there:
            case "mkdir", None:
                folder.now[name] = Folder()
            case "open", None:
                if not operation.folder:
                    folder.now[name] = File()
            case "open", File() if operation.empties:
                there.now.clear()
            case "write", File():
                end = operation.at + len(operation.content)
                there.now.extend(bytes(max(0, operation.at - len(there.now))))
                there.now[operation.at : end] = operation.content
            case "truncate", File():
                del there.now[operation.size :]
            case "fsync", File() | Folder():
                self._sync(operation.path, there)
            case ("unlink", File()) | ("rmdir", Folder(now={})):
                folder.now.pop(name, None)
            case "rename", File() | Folder():
                to, new = self._find(operation.to)
                if to is not None:
                    to.now[new] = folder.now.pop(name)

    def _find(self, path: str) -> tuple[Folder | None, str]:
        """The folder that a path is in, if it is there, and the name; none of the root itself."""
        inside = os.path.relpath(path, self._root)
        if inside == ".":
            return self._top, ""
        *above, name = inside.split("/")
        folder = self._top
        for part in above:
            below = folder.now.get(part)
            if not isinstance(below, Folder):
                return None, name
            folder = below
        return folder, name

    def _sync(self, path: str, node: File | Folder) -> None:
        if isinstance(node, File):
            node.kept = bytes(node.now)
        else:
            node.kept = dict(node.now)
        while self._keeps_paths and path != self._root:
            folder, name = self._find(path)
            assert folder is not None
            folder.kept[name] = folder.now[name]
            path = str(Path(path).parent)

    def state(self, way: str, seed: int = 0) -> State:
        """What a loss of power leaves now. seed: of chance."""
        found: State = {}
        _leave(self._top, "", way, random.Random(seed), found)
        return found


def _leave(folder: Folder, place: str, way: str, chance: random.Random, found: State) -> None:
    names = folder.now if way in {"empty", "zeros"} else folder.kept
    if way == "mixed":
        names = {}
        for name in sorted(folder.now.keys() | folder.kept.keys()):
            node = chance.choice((folder.now, folder.kept)).get(name)
            if node is not None:
                names[name] = node
    for name, node in names.items():
        path = f"{place}/{name}".lstrip("/")
        if isinstance(node, Folder):
            found[path] = None
            _leave(node, path, way, chance, found)
        else:
            found[path] = _content(node, way, chance)


def _content(file: File, way: str, chance: random.Random) -> bytes:
    if file.kept == file.now:
        return file.kept
    now = bytes(file.now)
    if way == "mixed":
        part = now[: chance.randint(0, len(now))]
        return chance.choice((file.kept, now, part, part.ljust(len(now), b"\0")))
    return bytes(len(now)) if way == "zeros" else file.kept


def states(operations: Sequence[Operation], root: str, way: str, seed: int) -> list[State]:
    """What a loss of power may leave before every operation and after the last, each once."""
    disk = Disk(root, way == "kept path")
    found = []
    for number, operation in enumerate([*operations, None]):
        state = disk.state(way, seed + number)
        if state not in found:
            found.append(state)
        if operation is not None:
            disk.do(operation)
    return found


def put(state: State, folder: Path) -> None:
    """Write a state into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in state.items():
        path = folder / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
