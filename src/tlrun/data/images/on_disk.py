"""Where the files of an image set are, found without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import own_path
from tlrun.data.images.image_sets import IDX, SETS
from tlrun.store.downloads import described


def under(root: str) -> Path:
    """The folder that `dataset.root` names. Raises UserError for a path that none can have."""
    return own_path(root, "dataset.root", "a folder", "try a whole path").absolute()


def no_set(expected: str, found: str, hint: str) -> UserError:
    """The files under `dataset.root` are no set that can be read."""
    return UserError(Mistake("dataset.root", expected, found, hint))


def folder_of(name: str, base: Path) -> Path | None:
    """The folder under `base` that has every file of the set; None where there is none."""
    for folder in SETS[name].folders:
        if not _missing(name, base / folder):
            return base / folder
    return None


def files_of(name: str, folder: Path) -> Sequence[Path]:
    """Every file of the set in the folder that has them all."""
    return [on_disk(folder / file) or folder / file for file in SETS[name].files]


def _missing(name: str, folder: Path) -> list[str]:
    return [file for file in SETS[name].files if on_disk(folder / file) is None]


def on_disk(path: Path) -> Path | None:
    """The file itself, or, of idx files, the .gz that they are published as; None: neither."""
    packed = path.with_name(f"{path.name}.gz")
    try:
        if path.is_file():
            return path
        return packed if path.name in IDX and packed.is_file() else None
    except OSError as error:
        found = f"{path.parent}: {described(error)}"
        raise no_set("a folder that can be read", found, "try another folder") from None


def wanted(name: str, base: Path) -> tuple[str, str]:
    """What was expected where, and what of it is missing."""
    kind = SETS[name]
    packed = " (each also as .gz)" if kind.files == IDX else ""
    folders = " or ".join(f"{base / folder}" for folder in kind.folders)
    missing = _missing(name, base / kind.folders[0])
    found = f"no {', '.join(missing)}"
    if len(missing) == len(kind.files):
        found = "none of them"
    return f"{name} as {', '.join(kind.files)}{packed} in {folders}", found
