"""Jobs: files that are damaged on purpose, and the command that must notice."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reliability.harness_compare import (
    Picture,
    differences,
    files_below,
    is_checkpoint,
    leftovers,
    refused,
)
from reliability.harness_crashes import SCRATCH, shown
from reliability.harness_trial import Ended, command

HOWS = ("flip", "truncate", "zero", "empty", "delete", "swap")
UNREAD = (".locks", ".superseded")  # folders whose files say nothing
# A memory of data files that is read anew where it is in doubt: nothing was lost, nothing is said.
SILENT = (".cache/problems",)


@dataclass(frozen=True)
class Base:
    """A folder of runs to damage.

    folder: it. words: the command that is given then. wanted: what there has to be after it.
    results: what may be shown. used: the files that the command reads, so that damage is reported.
    """

    folder: str
    words: tuple[str, ...]
    wanted: Picture
    results: dict[str, str]
    used: tuple[str, ...]


@dataclass(frozen=True)
class Damage:
    """What is done to a file of a base. other: what it is swapped with."""

    how: str
    path: str
    other: str = ""
    seed: int = 0


def damages(base: Base, number: int, seed: int) -> list[Damage]:
    """So many damages, by chance, over every kind of file alike."""
    chance = random.Random(seed)
    folder = Path(base.folder)
    kinds: dict[str, list[str]] = {}
    every = [str(path.relative_to(folder)) for path in files_below(folder)]
    every = [path for path in every if not path.startswith(UNREAD)]
    for path in every:
        kinds.setdefault(_kind(path), []).append(path)
    found: list[Damage] = []
    while len(found) < number:
        paths = kinds[chance.choice(sorted(kinds))]
        path = chance.choice(paths)
        how = chance.choice(HOWS)
        others = [
            other
            for other in paths
            if other != path and _content(folder, other) != _content(folder, path)
        ]
        if how != "swap":
            found.append(Damage(how, path, seed=chance.randrange(10**6)))
        elif others:
            other = chance.choice(others)
            if chance.random() < 0.5:  # the whole folders
                path, other = str(Path(path).parent), str(Path(other).parent)
            if path != other:
                found.append(Damage(how, path, other))
    return found


def _kind(path: str) -> str:
    """What kind of file one is: its name, and what its folder is a folder of."""
    parts = Path(path).parts
    return (
        f"{parts[0] if parts[0].startswith('.') else 'run'} {is_checkpoint(Path(path))} {parts[-1]}"
    )


def _content(folder: Path, path: str) -> bytes:
    return (folder / path).read_bytes()


def do(damage: Damage, folder: Path) -> bool:
    """Damage a file. Whether that has changed anything."""
    path, chance = folder / damage.path, random.Random(damage.seed)
    if damage.how == "swap":
        other, aside = folder / damage.other, folder / "aside"
        path.rename(aside)
        other.rename(path)
        aside.rename(other)
        return True
    if damage.how == "delete":
        path.unlink()
        return True
    before = path.read_bytes()
    content = bytearray(before)
    place = chance.randrange(len(content)) if content else 0
    match damage.how:
        case "flip" if content:
            content[place] ^= 1 << chance.randrange(8)
        case "truncate":
            del content[place:]
        case "zero":
            content[place : place + 64] = bytes(len(content[place : place + 64]))
        case "empty":
            content.clear()
    path.write_bytes(content)
    return bytes(content) != before


def damaged(base: Base, damage: Damage, mutants: Sequence[str] = ()) -> list[str]:
    """What is wrong after a damage and the command: a wrong result, or one that nobody is told."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        shutil.copytree(base.folder, runs_dir)  # with the times of its files
        if not do(damage, runs_dir):
            return []
        ended = command(base.words, runs_dir, mutants=mutants)
        found = _wrong(base, ended, runs_dir)
        if _is_used(base, damage) and not _is_told(damage, ended):
            found.append("nobody is told")
        return [f"{damage.how} {damage.path} {damage.other}: {what}" for what in found]


def _wrong(base: Base, ended: Ended, runs_dir: Path) -> list[str]:
    if ended.code:
        found = refused(ended)
    else:
        asked = dict(base.wanted)
        found = [
            line for line in differences(asked, runs_dir, stores=False) if "too much" not in line
        ]
    for path, result in shown(runs_dir).items():
        if path in base.results and base.results[path] != result:
            found.append(f"{path} is shown with another result")
    return found + [f"{path} was left" for path in leftovers(runs_dir)]


def _is_used(base: Base, damage: Damage) -> bool:
    """Whether the command reads what is damaged; of a study that is gone nothing is left."""
    if damage.how == "delete" and damage.path.startswith(".studies"):
        return False
    for path in (damage.path, damage.other):
        of_folder = damage.how == "swap" and any(each.startswith(f"{path}/") for each in base.used)
        if path and (path in base.used or of_folder) and not path.startswith(SILENT):
            return True
    return False


def _is_told(damage: Damage, ended: Ended) -> bool:
    """Whether the screen names the file, or the folder that is another's."""
    names = {Path(path).name for path in (damage.path, damage.other) if path}
    return any(name in _notes(ended) for name in names)


def _notes(ended: Ended) -> str:
    """What a command says that a plain one does not: all of it but the table at the end."""
    lines = []
    for line in ended.screen.splitlines():
        if line.startswith("Run folders:"):
            break
        lines.append(line)
    return "".join(lines)
