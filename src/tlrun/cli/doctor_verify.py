"""tl-run doctor --verify: every file of finished runs and of what is kept, read and proved."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlrun.cli.clean_items import HOMES
from tlrun.cli.doctor_folders import NO_FOLDER, no_folders
from tlrun.cli.ls_stages import command, size_of
from tlrun.core.errors import UserError, printable, say
from tlrun.data.progress import Progress
from tlrun.report.amounts import counted, size
from tlrun.runs.attempts import OVER, own_checkpoints, own_stage
from tlrun.store.checkpoints import Checkpoints
from tlrun.store.delivered import DELIVERED, is_of_older, prove
from tlrun.store.delivered import HOME as STACKS
from tlrun.store.digests import is_sealed
from tlrun.store.entries import entries
from tlrun.store.files import read_json
from tlrun.store.found import FoundRun, runs
from tlrun.store.openings import HOME as OPENINGS
from tlrun.store.openings import read_opening
from tlrun.store.rundir import CHECKPOINTS, FOLDS, RunDir
from tlrun.store.shapes import SWEEP, checked
from tlrun.store.stages import HOME as STAGES
from tlrun.store.studydir import HOME as STUDIES
from tlrun.store.studydir import TO_MEND, read_study
from tlrun.store.sweepdir import SWEEPS

# What each kind is called where it is counted.
COUNTED = {
    "run": ("run",), "entry": ("entr", "y", "ies"), "checkpoint": ("checkpoint",),
    "stack": ("delivered stack",), "study": ("stud", "y", "ies"), "sweep": ("sweep",),
    "opening": ("opening",),
}  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """Something that digests prove, or a shape. kind: of COUNTED, or folder, which is none.

    fix: what to do where it is damaged. prove: raises OSError or ValueError, saying what is wrong,
    where it is not what it was.
    """

    kind: str
    path: Path
    fix: str
    prove: Callable[[], None]


def verify(runs_dir: Path) -> int:
    """Read all that is kept below `runs_dir`, and name what is damaged. Returns 1 where any is."""
    begun = time.monotonic()
    every, older = list(_entries(runs_dir)), 0
    for run in (*runs(runs_dir), *runs(runs_dir, FOLDS)):
        if not run.record or is_sealed(run.record):
            every.append(_of_run(run))
        elif run.record.get("status") == "finished":
            older += 1
    every += _without_record(runs_dir)
    every += (stacks := list(_stacks(runs_dir)))
    every += _records(runs_dir)
    every += _no_folders(runs_dir)
    older_stacks = sum(is_of_older(stack.path) for stack in stacks)
    progress = Progress("verifying", len(every), say, "runs and entries")
    damaged = 0
    for done, kept in enumerate(every):
        progress.at(done)
        if problem := _problem(kept):
            damaged += 1
            print(printable(f"✗ {kept.path}: {problem}"))
            print(printable(f"  → {kept.fix}"))
    kinds = Counter(kept.kind for kept in every)
    counts = [counted(kinds[k], *COUNTED[k]) for k in COUNTED if kinds[k] or k in ("run", "entry")]
    read = size(sum(size_of(kept.path) for kept in every))
    print(f"{', '.join(counts)}, {read} verified in {time.monotonic() - begun:.1f} s", end="")
    print(f"; {damaged} damaged." if damaged else "; nothing is damaged.")
    if older:
        said = f"{counted(older, 'finished run')} of an older tl-run"
        print(f"{said} without digests, so not verified")
    if older_stacks:
        said = f"{counted(older_stacks, 'delivered stack')} of an older tl-run"
        print(f"{said} without a digest of {DELIVERED}, of which weights are not verified")
    return 1 if damaged else 0


def _problem(kept: Kept) -> str:
    """What is wrong with something; empty where nothing is, or where it has gone."""
    try:
        kept.prove()
    except (OSError, ValueError) as error:
        return " ".join(str(error).split()) if os.path.lexists(kept.path) else ""
    return ""


def _of_run(run: FoundRun) -> Kept:
    """A run that has finished, or whose run.json says nothing."""

    def prove() -> None:
        if not run.record:
            raise ValueError("run.json cannot be read")
        run.run_dir.result(run.record)
        run.run_dir.prove(run.record, deep=True)

    shown = command(f"show {run.run_dir.name[-12:]}", run.run_dir.runs_dir)
    fix = f"give its command again, which makes it anew ({shown})"
    return Kept("run", run.run_dir.path, fix, prove)


def _without_record(runs_dir: Path) -> Iterator[Kept]:
    """Folders of runs whose run.json has gone."""

    def prove() -> None:
        raise ValueError("run.json is missing")

    for home in (runs_dir, runs_dir / FOLDS):
        for file in sorted(home.glob("[!.]*/[!.]*/*/result.json")):
            if not file.with_name("run.json").exists():
                yield Kept("run", file.parent, "give its command again, which makes it anew", prove)


def _entries(runs_dir: Path) -> Iterator[Kept]:
    """What runs share, and what is kept so that it need not be made again."""
    for home in HOMES.values():
        with suppress(OSError):  # a folder that cannot be read is none that runs read
            for entry in entries(runs_dir, home):
                if not entry.path.name.startswith("."):  # half-written, and read by nobody
                    fix = "it is made anew where a run needs it"
                    yield Kept("entry", entry.path, fix, entry.check)
    fix = "the one before it counts, or the stage is trained from its beginning"
    for checkpoints in _checkpoints(runs_dir):
        for entry in checkpoints.each():
            yield Kept("checkpoint", entry.path, fix, entry.check)
    for run in _unfinished(runs_dir):
        for path in sorted((run.path / OVER).glob("[!.]*")):
            yield Kept("checkpoint", path, fix, own_stage(run, path.name).check)


def _checkpoints(runs_dir: Path) -> Iterator[Checkpoints]:
    """Those of every stage that is not finished, shared or of a run alone."""
    for path in sorted((runs_dir / STAGES).glob(".*.checkpoints")):
        yield Checkpoints(path, path.name[1:].removesuffix(".checkpoints"))
    for run in _unfinished(runs_dir):
        for path in sorted((run.path / CHECKPOINTS).glob("*")):
            yield own_checkpoints(run, path.name)


def _unfinished(runs_dir: Path) -> Iterator[RunDir]:
    """Runs that keep what they go on from."""
    for home in (runs_dir, runs_dir / FOLDS):
        for path in sorted(home.glob(f"[!.]*/[!.]*/*/{CHECKPOINTS}")):
            yield RunDir.at(path.parent)


def _stacks(runs_dir: Path) -> Iterator[Kept]:
    """Delivered stacks, each with the runs that are its members."""
    for path in sorted((runs_dir / STACKS).glob("[!.]*")):
        if path.is_dir():
            fix = "give its tl-run deliver again, which makes it anew"
            yield Kept("stack", path, fix, partial(prove, path))


def _records(runs_dir: Path) -> Iterator[Kept]:
    """Studies as they were declared, sweeps, and who has opened sealed rows."""
    opened = "some run has opened these rows: put the file back as it was"
    sweep = "move it away: the command of the sweep writes it anew"
    for kind, pattern, fix, read in (
        ("study", f"{STUDIES}/[!.]*.json", TO_MEND, read_study),
        ("sweep", f"{SWEEPS}/*/sweep.json", sweep, _read_sweep),
        ("opening", f"{OPENINGS}/[!.]*.json", opened, read_opening),
    ):
        for file in sorted(runs_dir.glob(pattern)):
            yield Kept(kind, file, fix, partial(_prove_record, read, file))


def _read_sweep(file: Path) -> object:
    return checked(read_json(file), SWEEP, file.name)


def _prove_record(read: Callable[[Path], object], file: Path) -> None:
    """Raise OSError or ValueError where a file cannot be read as what it is."""
    try:
        read(file)
    except UserError as error:
        (mistake,) = error.mistakes
        raise ValueError(f"expected {mistake.expected}, found {mistake.found}") from None


def _no_folders(runs_dir: Path) -> Iterator[Kept]:
    """Every path in the place of a folder that `no_folders` finds."""

    def prove(found: str) -> None:
        raise ValueError(f"expected a folder, found {found}")

    for path, found in no_folders(runs_dir):
        yield Kept("folder", path, NO_FOLDER, partial(prove, found))
