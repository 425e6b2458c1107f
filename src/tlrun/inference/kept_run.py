"""The folder of a finished run as data, proved by the digests that it was kept with.

Nothing in it is executed: it is JSON, YAML of plain values, and safetensors. What a config names is
looked up among the names that tl-run and installed plug-ins have registered, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlrun.config.build import node_object
from tlrun.config.registry import find, names
from tlrun.core.errors import SMALLER_LR, Mistake, UserError
from tlrun.core.task import Task, TaskKey
from tlrun.runs.has_diverged import has_diverged, how_far
from tlrun.runs.trained_model import config_of
from tlrun.store.digests import check_deciding, check_file, check_sealed
from tlrun.store.files import read_json

# What a file that somebody else has written may raise where it is read.
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError)
MOST_THREADS = 1024


@dataclass(frozen=True)
class KeptRun:
    """A finished run.

    record, result, data, config: what its run.json, result.json, data.json and config.yaml hold.

    forms: what preprocessing.json says of how rows were read, one a fold, or one; empty mappings
    where there is no such file. folds: whether they are of folds.
    """

    folder: Path
    record: Mapping[str, Any]
    result: Mapping[str, Any]
    data: Mapping[str, Any]
    config: Mapping[str, Any]
    forms: tuple[Mapping[str, Any], ...]
    folds: bool

    @property
    def threads(self) -> int:
        """With how many it was computed. Raises UserError where run.json says no such number."""
        threads = self.record.get("fingerprint", {}).get("threads", 1)
        if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
            found = f"{threads!r} threads in run.json"
            raise UserError(Mistake(str(self.folder), "a whole number of threads", found))
        return threads

    @property
    def roles(self) -> dict[str, Any]:
        """The role of every domain, by its name, in order."""
        return {row["domain"]: row["role"] for row in self.data["splits"]}

    @property
    def about(self) -> tuple[str, ...]:
        """The domains that it was learnt for: the targets, or all where there is none."""
        roles = self.roles
        return tuple(name for name, role in roles.items() if role == "target") or tuple(roles)

    @property
    def spoilt(self) -> tuple[str, ...]:
        """A line for each thing that whoever asks it for answers has to know of its training."""
        said, name = [], self.folder.name
        if has_diverged(self.record, self.result):
            said.append(f"{name} has diverged: {how_far(self.record) or SMALLER_LR}")
        if inexact := self.record.get("inexact"):
            said.append(f"{name} is inexact, gone on with under another fingerprint: {inexact}")
        return tuple(said)

    def tasks(self, form: Mapping[str, Any]) -> dict[TaskKey, Task]:
        """Every task by its key, as `form` scales it."""
        scales = _scales(form)
        tasks = {}
        for row in self.data["splits"]:
            name, kind = row["task"], row["kind"]
            classes = () if kind == "regression" else tuple(row["classes"])
            scale = scales.get(name, (0.0, 1.0))
            tasks[TaskKey(row["domain"], name)] = Task(name, kind, classes, None, *scale)
        return tasks

    def without_unit(self, form: Mapping[str, Any]) -> set[str]:
        """Names of tasks of numbers whose unit stands nowhere, as in runs of an older tl-run."""
        numbers = {row["task"] for row in self.data["splits"] if row["kind"] == "regression"}
        return numbers - _scales(form).keys()

    def node(self, group: str) -> Any:
        """The object of a group of its config; what its strategy ignored has its defaults.

        Raises UserError where the config names what is not registered.
        """
        if group not in self.config:
            return find(group, names(group)[0])()
        return node_object(group, self.config[group])


def open_run(folder: Path) -> KeptRun:
    """The run in a folder. Raises UserError, naming the file, where it is not whole or changed."""
    try:
        record = read_json(folder / "run.json")
    except OSError:
        hint = "name a run's folder: tl-run ls lists them"
        raise UserError(Mistake(str(folder), "a finished run", "no run.json", hint)) from None
    except ValueError as error:
        raise _damaged(folder / "run.json", error) from None
    if record.get("status") != "finished":
        raise UserError(Mistake(str(folder), "a finished run", str(record.get("status"))))
    try:
        check_sealed(record)
        check_deciding(folder, record)
        check_file(folder, "result.json", record)
    except ValueError as error:
        raise UserError(Mistake(str(folder), found=str(error))) from None
    try:
        result = read_json(folder / "result.json")
        data = read_json(folder / "data.json")
        config = config_of(folder)
        forms: Any = [{}]
        if (folder / "preprocessing.json").exists():
            kept = read_json(folder / "preprocessing.json")
            forms = kept.get("folds", [kept])
        folds = bool(forms) and "folds" in result
        run = KeptRun(folder, record, result, data, dict(config), tuple(map(dict, forms)), folds)
        _ = run.roles, run.threads, run.config["strategy"], *map(run.tasks, run.forms)
    except UserError:
        raise
    except DAMAGED as error:
        raise _damaged(folder, error) from None
    return run


def _scales(form: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Where the numbers of each task are centred, and by what they are divided."""
    return {task["name"]: (task["location"], task["scale"]) for task in form.get("tasks", ())}


def _damaged(place: Path, error: Exception) -> UserError:
    """One line about what cannot be read."""
    words = " ".join(str(error).split())[:200]
    found = f"{type(error).__name__}: {words}"
    return UserError(Mistake(str(place), "the files of a finished run", found))
