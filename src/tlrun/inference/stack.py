"""A delivered folder: several runs that answer together, each with its weight and temperature.

<folder>/delivered.json     what is delivered, and the sha256 of every file
<folder>/members/<name>/    a whole copy of a run's folder
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.core.task import TaskKey
from tlrun.inference.combined import Part
from tlrun.inference.kept_run import DAMAGED
from tlrun.inference.member import Member, members_of
from tlrun.inference.rows import Tell
from tlrun.store.delivered import DELIVERED, read_delivered
from tlrun.store.digests import check_digests, deciding

VERSION = 1  # of its form
COMBINE = ("probabilities", "numbers")
NEAR = 1e-6  # how far the sum of weights may be from 1


def parts_of(folder: Path, tell: Tell) -> tuple[dict[TaskKey, list[Part]], tuple[str, ...]]:
    """The models that answer each task of a delivered folder, and the domains that it is for.

    tell: is told how far a long reading of new rows has come. Raises UserError, in one line, where
    a file is missing, changed, new or outside the folder, or the numbers are none that combine.
    """
    try:
        kept = read_delivered(folder)
        if kept["version"] != VERSION:
            raise _wrong(folder, f"version {VERSION}", repr(kept["version"]))
        tasks = {TaskKey.parse(key): dict(of) for key, of in kept["tasks"].items()}
        places = [str(each["folder"]) for of in tasks.values() for each in of["members"]]
        _check_files(folder, list(dict.fromkeys(places)), dict(kept["digests"]))
        members = {name: members_of(folder / name, tell) for name in dict.fromkeys(places)}
        parts = {key: list(_parts(folder, key, of, members)) for key, of in tasks.items()}
    except UserError:
        raise
    except DAMAGED as error:
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise _wrong(folder, "what was delivered", found) from None
    if not parts:
        raise _wrong(folder, "a task", "none")
    return parts, tuple(dict.fromkeys(key.domain for key in parts))


def _check_files(folder: Path, members: list[str], digests: Mapping[str, str]) -> None:
    """Raise UserError where a file is outside, is not what it was, or was put there later."""
    for name in (*members, *digests):
        _check_inside(folder, name)
    for member in members:
        for name in ("run.json", *deciding(folder / member)):
            if f"{member}/{name}" not in digests:
                raise _wrong(folder, f"the digest of {member}/{name}", "none")
    try:
        check_digests(folder, digests)
    except ValueError as error:
        raise UserError(Mistake("load", found=str(error))) from None


def _check_inside(folder: Path, name: str) -> None:
    """Raise UserError where a path leads out of the folder, by its words or by a link."""
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    if inside and "\\" not in name and ":" not in name:
        real = folder.resolve()
        if (folder / name).resolve() == real / name:
            return
    raise _wrong(folder, "paths inside the folder, without links", repr(name))


def _parts(
    folder: Path, key: TaskKey, of: Mapping[str, Any], members: Mapping[str, list[Member]]
) -> Iterator[Part]:
    """The models of a task. A run in folds shares its weight among the models of its folds."""
    classes = None
    total = 0.0
    for each in of["members"]:
        weight, temperature = each["weight"], each["temperature"]
        for number, least in ((weight, 0.0), (temperature, math.ulp(0.0))):
            if type(number) not in (int, float) or not least <= number < math.inf:
                raise _wrong(folder, "weights from 0 on and temperatures above 0", repr(number))
        total += weight
        models = members[str(each["folder"])]
        for model in models:
            if key not in model.tasks:
                raise _wrong(folder, f"a model that answers {key}", f"none in {each['folder']}")
            task = model.tasks[key]
            combine = COMBINE[0] if task.classes else COMBINE[1]
            if of["combine"] != combine or task.classes != (classes or task.classes):
                raise _wrong(folder, f"members of {key} with one kind of answer", "several")
            classes = task.classes
            yield Part(model, weight / len(models), temperature)
    if abs(total - 1) > NEAR:
        raise _wrong(folder, f"weights of {key} that add up to 1", f"{total:g}")


def _wrong(folder: Path, expected: str, found: str) -> UserError:
    return UserError(Mistake(str(folder / DELIVERED), expected, found))
