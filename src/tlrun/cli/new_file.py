"""A file that a subcommand is asked to write: a new one, or one that it has written itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.store.files import write_whole


def check_place(flag: str, command: str, place: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise UserError where a file cannot be written, or one is there that `command` has not made.

    flag: that names the place. is_ours: whether a file that is there is of the command.
    """
    try:
        if place.exists() and not (place.is_file() and is_ours(place)):
            found = f"{place}, which tl-run {command} has not made"
            raise UserError(Mistake(flag, "a new place", found, "name another, or take it away"))
        if not place.absolute().parent.is_dir():
            found = f"no folder {place.parent}"
            raise UserError(Mistake(flag, "a file in a folder that is there", found))
    except OSError as error:
        raise _unwritten(flag, error) from None


def write(flag: str, place: Path, content: bytes) -> None:
    """Write a file, whole or not at all. Raises UserError, naming the flag, where it cannot be."""
    try:
        write_whole(place, content)
    except OSError as error:
        raise _unwritten(flag, error) from None


def _unwritten(flag: str, error: OSError) -> UserError:
    found = f"{error.filename}: {error.strerror}"
    return UserError(Mistake(flag, "a place that can be written", found))
