"""Jobs: what reads finished runs, after one of their files was damaged."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.cli.main import run
from tlrun.core.errors import UserError
from tlrun.store.digests import DECISIVE

from reliability import harness_mutants
from reliability.harness_crashes import SCRATCH
from reliability.harness_damage import Base, Damage, do

# No model is answered from where one of these is not what it was.
DECIDES = (*DECISIVE, "run.json", "result.json")


def numbers(base: Base) -> frozenset[str]:
    """What a report may say once a run is damaged: that of all runs, or of all but one."""
    whole = Path(base.folder)
    found = _cells(_said("report", whole))
    for each in whole.glob("[!.]*/*/*"):
        with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
            ignored = shutil.ignore_patterns(each.name, ".*")
            left = shutil.copytree(whole, Path(home, "runs"), ignore=ignored)
            found |= _cells(_said("report", left))
    return frozenset(found)


def misread(
    base: Base, known: frozenset[str], damage: Damage, mutants: Sequence[str] = ()
) -> list[str]:
    """What is wrong with how report, predict and load_model take a damage to a base.

    known: its `numbers`.
    """
    for name in mutants:
        harness_mutants.MUTANTS[name]()
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        shutil.copytree(base.folder, runs_dir)
        if not do(damage, runs_dir):
            return []
        found = list(_misanswered(base, damage, runs_dir))
        said = _said("report", runs_dir)
        if said.startswith("Traceback"):
            found.append(f"report: {said}")
        elif others := _cells(said) - known:
            found.append(f"report says {', '.join(sorted(others))}")
        return [f"{damage.how} {damage.path} {damage.other}: {what}" for what in found]


def _misanswered(base: Base, damage: Damage, runs_dir: Path) -> Iterator[str]:
    """Models that answer although a file that decides is another, or that fall."""
    from tlrun.runs.trained_model import load_model

    for name in filter(None, (damage.path, damage.other)):
        folder, before = (runs_dir / name).parent, Path(base.folder, name)
        if not before.is_file() or not (before.parent / "run.json").is_file():
            continue  # a whole folder: it answers wherever it stands
        decides = any(fnmatchcase(before.name, each) for each in DECIDES)
        if before.name == "run.json" and _same_json(before, runs_dir / name):
            decides = False
        new = runs_dir.with_name("new.npy")
        inputs = json.loads((before.parent / "data.json").read_text())["inputs"]
        np.save(new, np.zeros((2, *inputs["shape"]), inputs.get("dtype", "float32")))
        for what, said in (
            ("predict", _said("predict", folder, new)),
            ("load_model", _refusal(load_model, folder, ValueError, FileNotFoundError)),
        ):
            if said.startswith("Traceback") or (decides and not said.startswith("refused")):
                yield f"{what}: {said or 'it answers'}"


def _said(name: str, *words: str | Path) -> str:
    """What a subcommand prints, of a report as CSV; how it is refused; or its traceback."""
    more = ("--csv", "-") if name == "report" else ()
    with redirect_stdout(io.StringIO()) as out:
        refusal = _refusal(run, [name, *map(str, words), *more], UserError)
    return refusal or out.getvalue()


def _refusal(function: Callable[[Any], object], argument: Any, *errors: type[Exception]) -> str:
    """Why a function refuses what it is given, or its traceback; empty where it does neither.

    errors: by which it may refuse it.
    """
    try:
        function(argument)
    except errors as error:
        return f"refused: {error}"
    except BaseException:  # noqa: BLE001  # that is what is looked for
        return traceback.format_exc()
    return ""


def _cells(table: str) -> set[str]:
    """What stands in the cells of a report as CSV, but for what a refusal says."""
    return set() if table.startswith("refused") else set(table.replace("\n", ",").split(","))


def _same_json(one: Path, other: Path) -> bool:
    try:
        return bool(json.loads(one.read_bytes()) == json.loads(other.read_bytes()))
    except (OSError, ValueError):
        return False
