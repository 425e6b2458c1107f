"""The winner of a study as a folder of its own: what is inside answers together, as fixed weights.

    <runs_dir>/.delivered/<id>/
      delivered.json   the members of each task with weight and temperature, and sha256 of all files
      card.json card.md   what it is, what it scored, and what can be promised
      members/<run>/   the runs, whole

The weights are written before any test example is read.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tlrun.core.errors import RunFailed
from tlrun.core.scores import predicted_class
from tlrun.core.task import Task, TaskKey
from tlrun.runs.identity import digest_of
from tlrun.runs.outcome import Outcome
from tlrun.selection.arms import Arms
from tlrun.selection.gate import Gate, gate
from tlrun.selection.held_out import HeldOut
from tlrun.selection.stack import Stack, alone, best_single, cross_fitted, fit
from tlrun.store.delivered import DELIVERED, HOME
from tlrun.store.digests import digests_of, sealed
from tlrun.store.files import whole_folder, write_json

VERSION = 1  # of the form of delivered.json
Method = Literal["stack", "best", "gate"]
METHODS: tuple[Method, ...] = ("stack", "best", "gate")


@dataclass(frozen=True)
class Choice:
    """How one task is answered, fixed by held-out rows alone.

    stack: the arms' weights and temperatures. said: what it says of the held-out rows, by weights
    that were fitted without them [n, k]. best: the single arm that they choose. gate: of
    method=gate.
    """

    stack: Stack
    said: np.ndarray
    best: int
    gate: Gate | None = None


def choose(
    arms: Arms, held: Mapping[TaskKey, HeldOut], method: Method, prior: float
) -> dict[TaskKey, Choice]:
    """How each task is answered. held: what the arms say of held-out rows."""
    cost = [float(arm.outcome.result["examples"]) for arm in arms.every]
    return {
        key: _choose(task, held[key], arms.safe, cost, method, prior)
        for key, task in arms.tasks.items()
    }


def _choose(
    task: Task, held: HeldOut, safe: int, cost: Sequence[float], method: Method, prior: float
) -> Choice:
    count, best = len(held.outputs), best_single(task, held, safe, cost)
    if method == "best":
        return Choice(alone(count, best), _best_elsewhere(task, held, safe, cost), best)
    said = cross_fitted(task, held, safe, prior)
    stack = fit(task, held, safe, prior)
    if method == "stack":
        return Choice(stack, said, best)
    found = gate(_right(task, said, held), _right(task, held.outputs[safe], held))
    if not found.opens:
        stack, said = alone(count, safe), held.outputs[safe]
    return Choice(stack, said, best, found)


def _best_elsewhere(task: Task, held: HeldOut, safe: int, cost: Sequence[float]) -> np.ndarray:
    """What the arm says of each row that the other parts choose [n, k]."""
    said = np.empty_like(held.outputs[0], dtype=np.float64)
    for fold in np.unique(held.fold):
        mine = held.fold == fold
        said[mine] = held.outputs[best_single(task, held.select(~mine), safe, cost)][mine]
    return said


def _right(task: Task, outputs: np.ndarray, held: HeldOut) -> np.ndarray:
    """Whether each row is answered rightly, bool [n]: numbers within half the labels' spread."""
    if task.kind == "regression":
        close: np.ndarray = abs(outputs[:, 0] - held.labels) < held.labels.std() / 2
        return close
    right: np.ndarray = predicted_class(task, outputs) == held.labels
    return right


def write(
    runs_dir: Path, arms: Arms, choices: Mapping[TaskKey, Choice], procedure: Mapping[str, object]
) -> Path:
    """Put the members and their weights in a folder, whole or not at all. Returns the folder.

    procedure: method, prior and folds; with the arms it names the folder. No test score is in it
    yet (`card`). Raises RunFailed where a member is not what it was, OSError where it cannot be
    written.
    """
    names = [_name(arm.outcome.path) for arm in arms.every]
    folder = runs_dir / HOME / digest_of([sorted(names), dict(procedure)])
    used = sorted({int(arm) for choice in choices.values() for arm in choice.stack.used})
    with whole_folder(folder) as aside:
        for arm in used:
            kept = shutil.ignore_patterns("final.*", ".*")
            member = aside / "members" / names[arm]
            shutil.copytree(arms.every[arm].outcome.path, member, ignore=kept)
        every = [path.relative_to(aside).as_posix() for path in (aside / "members").rglob("*")]
        digests = digests_of(aside, [name for name in every if (aside / name).is_file()])
        for arm in used:
            _check_copied(arms.every[arm].outcome, f"members/{names[arm]}", digests)
        about = {"version": VERSION, "problem": arms.problem, "seed": arms.seed, **procedure}
        tasks = {str(key): _told(arms, key, choice, names) for key, choice in choices.items()}
        write_json(aside / DELIVERED, sealed({**about, "tasks": tasks, "digests": digests}))
    return folder


def _told(arms: Arms, key: TaskKey, choice: Choice, names: Sequence[str]) -> dict[str, object]:
    """What delivered.json says of a task. names: of the members' folders."""
    return {
        "combine": "numbers" if arms.tasks[key].kind == "regression" else "probabilities",
        "members": [
            {
                "folder": f"members/{names[arm]}",
                "name": arms.every[arm].name,
                "weight": float(choice.stack.weights[arm]),
                "temperature": float(choice.stack.temperatures[arm]),
            }
            for arm in choice.stack.used.tolist()
        ],
    }


def _check_copied(outcome: Outcome, member: str, digests: Mapping[str, str]) -> None:
    """Raise RunFailed where a file was copied that is not what the run was finished with.

    member: the folder that it was copied to. digests: of what is in that now.
    """
    for name, digest in outcome.digests.items():
        if digests.get(f"{member}/{name}") != digest:
            why = f"{name} is damaged: it does not match its digest; give the sweep again"
            raise RunFailed(why, outcome.path)


def _name(path: Path) -> str:
    """What a member's folder is called: its strategy and the run's own name."""
    return f"{path.parent.name}_{path.name}"
