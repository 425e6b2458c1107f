"""What stands in the place of a folder of runs and is none: all below it is found by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tlrun.cli.clean_items import HOMES
from tlrun.core.paths import no_folder
from tlrun.store import delivered, openings, stages, studydir, sweepdir
from tlrun.store.rundir import CHECKPOINTS, FOLDS, SUPERSEDED

OURS = (
    *HOMES.values(), ".cache", ".locks", studydir.HOME, sweepdir.SWEEPS, openings.HOME,
    delivered.HOME, FOLDS, SUPERSEDED,
)  # fmt: skip
INNER = (
    f"{stages.HOME}/.*.checkpoints", f"[!.]*/[!.]*/*/{CHECKPOINTS}",
    f"{FOLDS}/*/*/*/{CHECKPOINTS}",
)  # fmt: skip
NO_FOLDER = "put the folder back, or move away what stands there"


def no_folders(runs_dir: Path) -> Iterator[tuple[Path, str]]:
    """Each such path, `runs_dir` itself or below it, and what it is in words.

    Among what is not hidden, where a file may be anybody's, these are the links that lead nowhere,
    and what stands in the place of a run's checkpoints.
    """
    inner = (path for pattern in INNER for path in sorted(runs_dir.glob(pattern)))
    for path in (runs_dir, *(runs_dir / home for home in OURS), *inner):
        if found := no_folder(path):
            yield path, found
    for home in (runs_dir, runs_dir / FOLDS):
        for pattern in ("[!.]*", "[!.]*/[!.]*", "[!.]*/[!.]*/*"):
            for path in sorted(home.glob(pattern)):
                if path.is_symlink() and not path.exists():
                    yield path, no_folder(path)
