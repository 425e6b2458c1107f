"""The folder of a delivered stack as files: each proved by its digest, its list by its own.

<runs_dir>/.delivered/<id>/
delivered.json   the sha256 of each file of the members, and its own digest
card.json        its own digest too
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from tlrun.store.digests import OWN, check_digests, check_sealed
from tlrun.store.files import read_json

HOME = ".delivered"
DELIVERED, CARD = "delivered.json", "card.json"


def read_delivered(folder: Path) -> dict[str, Any]:
    """delivered.json of a folder. One of an older tl-run says no digest of its own.

    Raises OSError or ValueError where it cannot be read, or is not what it was.
    """
    kept = _read(folder / DELIVERED)
    check_sealed(kept, DELIVERED)
    return kept


def is_of_older(folder: Path) -> bool:
    """Whether delivered.json can be read, and says no digest of its own."""
    try:
        return OWN not in read_json(folder / DELIVERED)
    except (OSError, ValueError):
        return False


def prove(folder: Path) -> None:
    """Raise OSError or ValueError, naming the file, where one is missing or not what it was.

    A stack whose making was cut short has no card, which is no damage.
    """
    kept = read_delivered(folder)
    digests = kept.get("digests")
    if not isinstance(digests, dict) or not all(map(_is_inside, digests)):
        raise ValueError(f"{DELIVERED} is damaged: it holds no digests of files in its folder")
    check_digests(folder, digests)
    if OWN in kept and (folder / CARD).exists():
        card = _read(folder / CARD)
        if OWN not in card:
            raise ValueError(f"{CARD} is damaged: it has lost its own digest")
        check_sealed(card, CARD)


def _read(file: Path) -> dict[str, Any]:
    """As `read_json`, but that what is no JSON is named."""
    try:
        return read_json(file)
    except ValueError:
        raise ValueError(f"{file.name} holds no JSON object") from None


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not {"\\", ":"} & set(name)
