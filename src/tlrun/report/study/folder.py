"""The runs that a report is asked about: those of a folder, finished or not, and its studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.store.found import FoundRun, runs


@dataclass(frozen=True)
class Folder:
    """What lies below one `runs_dir`.

    finished: every finished and whole run, the oldest first, named by its strategy. records: the
    run.json of each, by folder. unfinished: the other runs. chosen: folders within which a run has
    to lie so that its study is shown; all of `runs_dir` where that is what was asked for.
    """

    runs_dir: Path
    finished: Sequence[Outcome]
    records: Mapping[Path, Mapping[str, Any]]
    unfinished: Sequence[FoundRun]
    chosen: Sequence[Path]

    @cached_property
    def by_setting(self) -> Mapping[tuple[str, int], Outcome]:
        """Every finished run by its setting and seed; of two, the later."""
        return {(run.setting, run.seed): run for run in self.finished}

    def asked(self, path: Path) -> bool:
        """Whether the run in the folder `path` is among those that were asked about."""
        return any(path.is_relative_to(folder) for folder in self.chosen)


def read_folders(paths: Sequence[Path]) -> list[Folder]:
    """What lies below the folders of runs that `paths` are, or are in, each of these once.

    A path is a runs_dir, or within one the folder of a data set, of a strategy or of a run. Raises
    UserError where there is no run.
    """
    chosen: dict[Path, list[Path]] = {}
    for path in paths:
        chosen.setdefault(_runs_dir(path), []).append(path.resolve())
    return [_read(runs_dir, within) for runs_dir, within in chosen.items()]


def _runs_dir(path: Path) -> Path:
    """The folder of runs that `path` is, or lies in. Raises UserError where it holds no run."""
    if not path.is_dir():
        hint = "name a folder of runs; the first runs: tl-run -m strategy=feature_transfer seeds=10"
        raise UserError(Mistake("report", "a folder of runs", f"none at {path}", hint))
    above = [path, *path.resolve().parents]
    for depth in range(4):
        if any(path.glob("/".join(["[!.]*"] * (3 - depth) + ["run.json"]))):
            return above[depth] if depth else path
    hint = "the first: tl-run -m strategy=feature_transfer seeds=10"
    raise UserError(Mistake("report", "a folder with runs", f"none in {path}", hint))


def _read(runs_dir: Path, chosen: Sequence[Path]) -> Folder:
    finished: list[Outcome] = []
    unfinished: list[FoundRun] = []
    records: dict[Path, Mapping[str, Any]] = {}
    for run in runs(runs_dir.resolve()):
        outcome = _outcome(run) if run.record.get("status") == "finished" else None
        if outcome is None:
            unfinished.append(run)
        else:
            finished.append(outcome)
            records[outcome.path] = run.record
    return Folder(runs_dir, finished, records, unfinished, chosen)


def _outcome(run: FoundRun) -> Outcome | None:
    """A finished run; None where its files are damaged, or an older tl-run's."""
    try:
        name = str(run.record.get("strategy", ""))
        found = read_outcome(run.run_dir, name, record=run.record)
    except (OSError, ValueError, TypeError):
        return None
    return found if _whole(found) else None


def _whole(run: Outcome) -> bool:
    """Whether a run holds values of the types that a report counts on."""
    result, size = run.result, run.result["size"]
    texts = (run.strategy, run.problem, run.setting, run.family, run.lam_label, run.test_examples)
    nodes = (run.controls, run.optimizer, result["headline"], result["labels"], result["tested"])
    numbers = (run.seed, run.seconds, result["steps"], result["examples"])
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(node, Mapping) for node in nodes)
        and all(isinstance(number, int | float) for number in numbers)
        and isinstance(result["headline"].get("name"), str)
        and "test" in result["headline"]
        and "test" in result["metrics"]
        and (size is None or isinstance(size, Mapping))
    )
