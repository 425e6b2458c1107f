"""Entries: folders of files named by their content, each of them whole or counted as absent.

    <home>/<key>/
      manifest.json   sha256 of every other file, of which key they are, and its own sha256
      …               the files

The digests prove that an entry is whole, and the key that it was made for this place: one that was
moved or copied to the place of another is noticed. It is written aside and renamed, so that a crash
at any moment leaves none, or a whole one. What it holds can be made again: one that is damaged, as
a loss of power may leave one that is not synced, is replaced.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tlrun.core.notes import Note, Waiting
from tlrun.core.paths import open_file
from tlrun.store.digests import digest_of, digest_of_json
from tlrun.store.files import read_json, remove, whole_folder, write_json, write_whole
from tlrun.store.locks import is_held, locked

MANIFEST = "manifest.json"


class Damaged(ValueError):
    """An entry is there and is not whole. The message names the file and says what is wrong."""


@dataclass(frozen=True)
class Entry:
    """One folder, there or not yet. path: of the folder.

    lock: the file that the process which makes the entry holds a lock on. place: what the manifest
    says that it is, such as .stages/<key>; the folder's name where empty.
    """

    path: Path
    lock: Path
    place: str = ""

    def read(self) -> dict[str, bytes] | None:
        """The content of every file by its name, proved by its digest; None without an entry.

        It counts as being used: `used` is now. Raises Damaged where the entry is not whole.
        """
        if not self.path.exists():
            return None
        files = {}
        for name, digest in self._digests().items():
            try:
                with open_file(self.path / name) as file:
                    files[name] = file.read()
            except OSError as error:
                raise Damaged(f"{name} cannot be read ({error.strerror})") from None
            _check(name, hashlib.sha256(files[name]).hexdigest(), digest)
        self._mark_used()
        return files

    def prove(self) -> bool:
        """Whether there is an entry, every file of it proved by its digest and none kept in memory.

        It counts as being used. Raises Damaged where the entry is not whole.
        """
        if not self.path.exists():
            return False
        self.check()
        self._mark_used()
        return True

    def check(self) -> None:
        """Raise Damaged where the entry is not whole. That does not count as being used."""
        for name, digest in self._digests().items():
            try:
                found = digest_of(self.path / name)
            except OSError as error:
                raise Damaged(f"{name} cannot be read ({error.strerror})") from None
            _check(name, found, digest)

    def write(self, files: Mapping[str, bytes], synced: bool = False) -> None:
        """Put the entry there, whole, in place of what was there. files: content by name.

        synced: as of `fill`. Raises OSError as `fill` does.
        """

        def write(folder: Path) -> dict[str, str]:
            for name, content in files.items():
                write_whole(folder / name, content, synced=False)
            return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

        self.fill(write, synced)

    def fill(self, write: Callable[[Path], Mapping[str, str]], synced: bool = False) -> None:
        """Put the entry there, whole, in place of what was there.

        write: writes the files into a folder, and gives the sha256 of each by name. synced: whether
        the entry outlasts a loss of power. Raises OSError where that cannot be done.
        """
        with whole_folder(self.path, synced) as aside:
            content = {"entry": self._place, "files": dict(write(aside))}
            manifest = {**content, "manifest": digest_of_json(content)}
            write_json(aside / MANIFEST, manifest, synced=False)

    @property
    def _place(self) -> str:
        return self.place or self.path.name

    def _digests(self) -> dict[str, str]:
        """The sha256 of every file by its name.

        Raises Damaged where the manifest is not whole, or is that of another place.
        """
        try:
            manifest = read_json(self.path / MANIFEST)
            digest = manifest.pop("manifest")
            digests = dict(manifest["files"])
            older = digest == digest_of_json(manifest["files"])
            # a name that is a path would lead elsewhere
            whole = digest == digest_of_json(manifest) and all(Path(n).name == n for n in digests)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            older = whole = False
        if older:
            raise Damaged("it is of an older tl-run, which did not say whose it is")
        if not whole:
            raise Damaged(f"{MANIFEST} is missing or damaged")
        place = manifest.get("entry")
        if place != self._place:
            raise Damaged(f"{MANIFEST} is that of {place}, which was moved or copied here")
        return digests

    def _mark_used(self) -> None:
        with suppress(OSError):  # on a disk that is only read, it is used all the same
            os.utime(self.path / MANIFEST)

    def remove(self) -> None:
        """Take it away, if it is there."""
        remove(self.path)

    def locked(self, note: Callable[[Note], None], doing: str) -> AbstractContextManager[None]:
        """Hold the entry for this process alone; where another has it, say so, and wait.

        note: is told of that once. doing: what another process that has the entry is doing.
        """
        return locked(self.lock, lambda who: note(Waiting(path=self.path, who=who, doing=doing)))

    @property
    def held(self) -> bool:
        """Whether a process is making it now."""
        return is_held(self.lock)

    @property
    def used(self) -> float:
        """When it was last read or written, in seconds since 1970.

        Raises FileNotFoundError where it is not there.
        """
        with suppress(OSError):
            return (self.path / MANIFEST).stat().st_mtime
        return self.path.stat().st_mtime


def _check(name: str, found: str, digest: str) -> None:
    """Raise Damaged where the digest that was found is not the one that a file should have."""
    if found != digest:
        raise Damaged(f"{name} is damaged: it does not match its digest")


def entry(runs_dir: Path, home: str, key: str) -> Entry:
    """The entry of a `key`, there or not yet. home: its folder in `runs_dir`, such as .stages."""
    kind = home.strip(".").replace("/", "-")
    lock = runs_dir / ".locks" / f"{kind}-{key}.lock"
    return Entry(runs_dir / home / key, lock, f"{home}/{key}")


def entries(runs_dir: Path, home: str) -> Iterator[Entry]:
    """Every entry of `home`, a folder in `runs_dir`, by name; damaged ones too.

    What processes that were killed left half-written is among them.
    """
    folder = runs_dir / home
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            # .<key>.<process> is half-written, under the key's lock
            key = path.name.lstrip(".").partition(".")[0]
            yield replace(entry(runs_dir, home, key), path=path)
