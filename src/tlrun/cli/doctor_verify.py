"""tl-run doctor --verify: every file of finished runs and of what is kept, read and proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlrun.cli.clean_items import HOMES
from tlrun.cli.ls_stages import command, size_of
from tlrun.core.errors import printable, say
from tlrun.data.progress import Progress
from tlrun.report.amounts import counted, size
from tlrun.runs.attempts import OVER, own_checkpoints, own_stage
from tlrun.store.checkpoints import Checkpoints
from tlrun.store.delivered import DELIVERED, is_of_older, prove
from tlrun.store.delivered import HOME as STACKS
from tlrun.store.digests import is_sealed
from tlrun.store.entries import entries
from tlrun.store.found import FoundRun, runs
from tlrun.store.rundir import CHECKPOINTS, FOLDS, RunDir
from tlrun.store.stages import HOME as STAGES


@dataclass(frozen=True)
class Kept:
    """Something that digests prove. kind: run, entry, checkpoint or stack.

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
    older_stacks = sum(is_of_older(stack.path) for stack in stacks)
    progress = Progress("verifying", len(every), say, "runs and entries")
    damaged = 0
    for done, kept in enumerate(every):
        progress.at(done)
        if problem := _problem(kept):
            damaged += 1
            print(printable(f"✗ {kept.path}: {problem}"))
            print(printable(f"  → {kept.fix}"))
    counts = [counted(sum(kept.kind == "run" for kept in every), "run")]
    counts.append(counted(sum(kept.kind == "entry" for kept in every), "entr", "y", "ies"))
    if count := sum(kept.kind == "checkpoint" for kept in every):
        counts.append(counted(count, "checkpoint"))
    if stacks:
        counts.append(counted(len(stacks), "delivered stack"))
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
        return " ".join(str(error).split()) if kept.path.exists() else ""
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
        for path in sorted((run.path / CHECKPOINTS).iterdir()):
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
