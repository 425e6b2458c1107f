"""Folders of files as they lie on disk: read once, names in NFC, what is no image counted."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.data.images.decoding import CAMERA

PICTURES = frozenset({
    ".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".jfif", ".j2k", ".jp2", ".jpe", ".jpeg",
    ".jpg", ".jpx", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
})  # fmt: skip
BY_SYSTEMS = frozenset({"__MACOSX", "@eaDir"})  # folders that programs leave behind


@dataclass
class Folder:
    """A folder, read. images, folders: what is in it, by name, in the order of names."""

    images: dict[str, Path] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)

    def every(self) -> Iterator[tuple[str, Path]]:
        """Every image in it and below it, with its path below it."""
        yield from self.images.items()
        for name, folder in self.folders.items():
            for inside, path in folder.every():
                yield f"{name}/{inside}", path

    @property
    def empty(self) -> bool:
        """Whether there is no image in it or below it."""
        return next(self.every(), None) is None

    @property
    def deep(self) -> bool:
        """Whether a folder in it has an image."""
        return any(not folder.empty for folder in self.folders.values())


def read_tree(path: Path, left_out: Counter[str], key: str, chain: Sequence[str] = ()) -> Folder:
    """The folder at `path` with all folders in it; links are followed, but not in a circle.

    left_out: counts what is no image, by its ending. key: the option that names the folder.
    chain: the real paths of the folders that it lies in. Raises UserError where two names are one
    in NFC, or a name is no text, and OSError.
    """
    folder, here = Folder(), os.path.realpath(path)
    if here in chain:
        left_out["links in a circle"] += 1
        return folder
    for name, entry in _named(path, key):
        hidden = name.startswith(".") or name in BY_SYSTEMS
        ending, is_folder = _ending(name), entry.is_dir()
        picture = ending in PICTURES or ending in CAMERA
        if (is_folder or picture) and not hidden:
            _check_text(name, path, key)
        if is_folder:
            if not hidden:
                folder.folders[name] = read_tree(Path(entry.path), left_out, key, [*chain, here])
        elif hidden or not picture:
            left_out["hidden" if hidden else ending or "without ending"] += 1
        elif not entry.is_file():
            left_out["broken links"] += 1
        else:
            folder.images[name] = Path(entry.path)
    return folder


def _named(path: Path, key: str) -> list[tuple[str, os.DirEntry[str]]]:
    """What is in a folder by its name in NFC, in the order of names."""
    entries: dict[str, os.DirEntry[str]] = {}
    with os.scandir(path) as found:
        for entry in found:
            name = unicodedata.normalize("NFC", entry.name)
            if name in entries:
                two = f"{name} twice in {path}, written in two ways"
                raise UserError(
                    Mistake(key, "names that differ in Unicode's NFC", two, "rename one")
                )
            entries[name] = entry
    return sorted(entries.items())


def _ending(name: str) -> str:
    """The ending of a file's name, in small letters, as pathlib has it: .jpg; empty without one."""
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""


def _check_text(name: str, path: Path, key: str) -> None:
    """Raise UserError for a name that is no text: no file of ours could hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        found = f"{name!r} in {path}"
        raise UserError(
            Mistake(key, "names in the system's encoding", found, "rename it")
        ) from None
