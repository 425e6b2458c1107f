"""Which run has opened which sealed test rows, and when: once, for one run, for good.

<runs_dir>/.sealed/<digest of the rows>.json     the run, the time, the rows
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.store.files import read_json, write_json
from tlrun.store.locks import locked
from tlrun.store.shapes import checked

HOME = ".sealed"
SHAPE = {
    "run": str, "opened": str, "examples": str, "rows": {...: [int]}, "controls": {...: str},
}  # fmt: skip


@dataclass(frozen=True)
class Opening:
    """One opening. run: its folder below `runs_dir`. opened: when, in ISO 8601.

    examples: what tells all examples of the data set from another's (`Problem.examples`). rows: the
    rows that were sealed, of each domain, by their places in the data set. controls: the folders of
    the runs that were compared.
    """

    run: str
    opened: str
    examples: str
    rows: Mapping[str, Sequence[int]]
    controls: Mapping[str, str]

    def shares(self, examples: str, rows: Mapping[str, Sequence[int]]) -> bool:
        """Whether any of some `rows` of the same examples were opened, whoever sealed them."""
        mine = {domain: set(places) for domain, places in self.rows.items()}
        same = examples == self.examples != ""
        return same and any(mine.get(domain, set()) & set(rows[domain]) for domain in rows)


def file_of(runs_dir: Path, digest: str) -> Path:
    """Where the opening of the rows with this digest is written down."""
    return runs_dir / HOME / f"{digest}.json"


def opening_of(runs_dir: Path, digest: str) -> Opening | None:
    """The opening of the rows with this digest; None where they are sealed.

    Raises UserError where there is something and it cannot be read: then they are not to be opened.
    """
    file = file_of(runs_dir, digest)
    return read_opening(file) if os.path.lexists(file) else None


def openings(runs_dir: Path) -> Iterator[Opening]:
    """All openings below `runs_dir`. Raises UserError as `opening_of` does."""
    yield from map(read_opening, sorted((runs_dir / HOME).glob("*.json")))


def write_down(runs_dir: Path, digest: str, opening: Opening) -> None:
    """Keep an opening, so that it outlasts a loss of power."""
    file = file_of(runs_dir, digest)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, asdict(opening))


def read_opening(file: Path) -> Opening:
    """The opening that a file holds. Raises UserError as `opening_of` does."""
    try:
        return Opening(**checked(read_json(file), SHAPE, file.name))
    except (OSError, ValueError, TypeError) as error:
        found = f"{file}: {type(error).__name__}"
        hint = "some run has opened these rows: mend the file"
        raise UserError(Mistake("final", "a record that can be read", found, hint)) from None


def alone(runs_dir: Path, digest: str, busy: Callable[[str], None]) -> AbstractContextManager[None]:
    """Hold the rows with this digest for this process. busy: as of `locked`."""
    return locked(runs_dir / ".locks" / f"sealed_{digest}.lock", busy)
