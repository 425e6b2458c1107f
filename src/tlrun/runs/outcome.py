"""One finished run, as tables, notebooks and pages read it: from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlrun.core.paths import own_path
from tlrun.runs.has_diverged import has_diverged, how_far
from tlrun.store.digests import check_deciding, check_file, of_files
from tlrun.store.files import read_json
from tlrun.store.found import runs
from tlrun.store.rundir import RunDir

FACTS = (
    "strategy", "seed", "problem", "setting", "family", "lam", "lam_label", "controls", "optimizer",
    "test_examples", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One finished run.

    name: THIS, or what it is called as the control of another. strategy, seed: as in its config.
    problem, setting, family: ids that runs share (`runs/identity.py`). lam: λ as a number; None
    where λ decides nothing, or a schedule moves it. lam_label: how λ is written; empty where it
    decides nothing. controls: the setting of each of its controls, by name. optimizer: its node in
    the config. test_examples: a digest of which examples tested. path: its folder. result:
    result.json. seconds: of the training, whenever that was. found: whether it was there already.
    differs: how the fingerprint it was made under differs from today's, and how those do that it
    was trained under, where they were two; empty if none does.
    digests: sha256 of each file of the folder, by name; none in a run of an older tl-run.
    inexact: how the fingerprints differ that it was trained under; empty where there is one.
    diverged: whether it has (`has_diverged`); how_far: as a clause, where that is known.
    """

    name: str
    strategy: str
    seed: int
    problem: str
    setting: str
    family: str
    lam: float | None
    lam_label: str
    controls: Mapping[str, str]
    optimizer: Mapping[str, Any]
    test_examples: str
    path: Path
    result: Mapping[str, Any]
    seconds: float
    found: bool = False
    differs: str = ""
    inexact: str = ""
    diverged: bool = False
    how_far: str = ""
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)

    def check(self, name: str) -> None:
        """Raise ValueError, naming it, where a file of the folder is not what it was."""
        check_file(self.path, name, {"digests": self.digests})

    def check_deciding(self) -> None:
        """The same of each file that its answers follow from, or where one was put there later."""
        check_deciding(self.path, {"digests": self.digests})

    def json(self, name: str) -> dict[str, Any]:
        """What a JSON file of the folder holds.

        Raises OSError or ValueError where it cannot be read, or is not what it was.
        """
        self.check(name)
        return read_json(self.path / name)


def read_outcome(
    run_dir: RunDir,
    name: str,
    found: bool = True,
    differs: str = "",
    record: Mapping[str, Any] | None = None,
    *,
    moved: bool = False,
) -> Outcome:
    """The finished run in a folder.

    name, found, differs: as in Outcome. record: what run.json says; None: it is read. moved:
    whether the folder may stand elsewhere than where it was made. Raises OSError or ValueError
    where it is not all there, or run.json or result.json is not what it was.
    """
    if record is None:
        record = run_dir.record() or {}
    missing = [key for key in FACTS if key not in record]
    if missing:
        raise ValueError(f"run.json lacks {', '.join(missing)}")
    lam, inexact = record["lam"], str(record.get("inexact") or "")
    result = run_dir.result(record, moved=moved)
    return Outcome(
        name=name,
        strategy=record["strategy"],
        seed=record["seed"],
        problem=record["problem"],
        setting=record["setting"],
        family=record["family"],
        lam=None if lam is None else float(lam),  # ∞ is the text inf in strict JSON
        lam_label=record["lam_label"],
        controls=record["controls"],
        optimizer=record["optimizer"],
        test_examples=record["test_examples"],
        path=run_dir.path,
        result=result,
        seconds=record["seconds"],
        found=found,
        differs="; ".join(filter(None, (inexact, differs))),
        digests=of_files(record),
        inexact=inexact,
        diverged=has_diverged(record, result),
        how_far=how_far(record),
    )


def load_run(path: str | Path) -> Outcome:
    """The finished run in the folder `path`, named by its strategy, wherever that was moved to.

    Raises FileNotFoundError where there is none, ValueError where it is not finished or not whole.
    """
    run_dir = RunDir.at(own_path(path, "load_run", "a folder").resolve())
    record = run_dir.record()
    if record is None:
        raise FileNotFoundError(f"{path}: expected the folder of a run, found no run.json in it")
    if record.get("status") != "finished":
        raise ValueError(f"{path}: expected a finished run, found {record.get('status')}")
    return read_outcome(run_dir, str(record.get("strategy", "")), record=record, moved=True)


def load_runs(runs_dir: str | Path = "runs") -> list[Outcome]:
    """Every finished and whole run below `runs_dir`, the oldest first, named by its strategy."""
    outcomes: list[Outcome] = []
    for run in runs(own_path(runs_dir, "load_runs", "a folder")):
        if run.record.get("status") == "finished":
            try:
                outcomes.append(
                    read_outcome(
                        run.run_dir, str(run.record.get("strategy", "")), record=run.record
                    )
                )
            except (OSError, ValueError):  # of an older tl-run, or damaged: `tl-run ls` shows it
                continue
    return outcomes
