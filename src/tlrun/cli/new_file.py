"""A file that a subcommand is asked to write: a new one, or one that it may write over.

Where a link stands, that is the file behind it: the link stays.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import ODD
from tlrun.store.files import write_whole


def check_place(flag: str, command: str, place: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise UserError where a file cannot be written, or one is there that `command` has not made.

    flag: that names the place. is_ours: whether a file that is there may be written over.
    """
    check_there(flag, command, place, is_ours)
    folder = Path(os.path.realpath(place)).parent
    if not folder.is_dir():
        found = f"no folder {folder}"
        raise UserError(Mistake(flag, "a file in a folder that is there", found))
    if not os.access(folder, os.W_OK):
        found = f"{folder}, a folder that cannot be written"
        raise UserError(Mistake(flag, "a place that can be written", found))


def check_there(flag: str, command: str, place: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise UserError where there is something at a place that may not be written over."""
    try:
        if place.is_dir():
            raise UserError(Mistake(flag, "a file to write to", f"the folder {place}"))
        if odd := ODD.get(stat.S_IFMT(place.stat().st_mode)):
            raise UserError(Mistake(flag, "a file to write to", f"{place}, {odd}"))
        if not is_ours(place):
            found = f"{place}, which tl-run {command} has not made"
            raise UserError(Mistake(flag, "a new place", found, "name another, or take it away"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritten(flag, place, error) from None


def write(flag: str, place: Path, content: bytes, synced: bool = True) -> None:
    """Write a file, whole or not at all. Raises UserError, naming the flag, where it cannot be.

    synced: as of `write_whole`.
    """
    try:
        write_whole(Path(os.path.realpath(place)), content, synced)
    except OSError as error:
        raise unwritten(flag, place, error) from None


def unwritten(flag: str, place: Path, error: OSError) -> UserError:
    """What to raise where a file cannot be written: of a full disk the error names none."""
    return UserError(Mistake(flag, "a place that can be written", f"{place}: {error.strerror}"))
