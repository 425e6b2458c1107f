"""Entries: folders of files named by their content, each of them whole or counted as absent.

    <home>/<key>/
      manifest.json   sha256 of every other file, and of itself
      …               the files

The digests prove that an entry is whole. It is written aside and renamed, so that a crash at any
moment leaves none, or a whole one. What it holds can be made again: one that is damaged, as a loss
of power may leave it, for it is not synced, is replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from tlrun.core.notes import Note, Waiting
from tlrun.core.signals import raised
from tlrun.store.files import read_json, write_json, write_whole
from tlrun.store.locks import is_held, locked

MANIFEST = "manifest.json"


class Damaged(ValueError):
    """An entry is there and is not whole. The message names the file and says what is wrong."""


@dataclass(frozen=True)
class Entry:
    """One folder, there or not yet. path: of the folder.

    lock: the file that the process which makes the entry holds a lock on.
    """

    path: Path
    lock: Path

    def read(self) -> dict[str, bytes] | None:
        """The content of every file by its name, proved by its digest; None without an entry.

        It counts as being used: `used` is now. Raises Damaged where the entry is not whole.
        """
        if not self.path.exists():
            return None
        files = {}
        for name, digest in self._digests().items():
            try:
                files[name] = (self.path / name).read_bytes()
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
        for name, digest in self._digests().items():
            try:
                with (self.path / name).open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise Damaged(f"{name} cannot be read ({error.strerror})") from None
            _check(name, found, digest)
        self._mark_used()
        return True

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put the entry there, whole, in place of what was there. files: content by name.

        Raises OSError as `fill` does.
        """

        def write(folder: Path) -> dict[str, str]:
            for name, content in files.items():
                write_whole(folder / name, content, synced=False)
            return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

        self.fill(write)

    @raised()
    def fill(self, write: Callable[[Path], Mapping[str, str]]) -> None:
        """Put the entry there, whole, in place of what was there.

        write: writes the files into a folder, and gives the sha256 of each by name. Raises OSError
        where that cannot be done, and then takes away what it has written so far: a full disk is
        not filled further.
        """
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True)
            digests = dict(write(aside))
            manifest = {"files": digests, "manifest": _digest_of(digests)}
            write_json(aside / MANIFEST, manifest, synced=False)
            self.remove()
            aside.rename(self.path)
        except BaseException:  # a signal too
            shutil.rmtree(aside, ignore_errors=True)
            raise

    def _digests(self) -> dict[str, str]:
        """The sha256 of every file by its name. Raises Damaged where the manifest is not whole."""
        try:
            manifest = read_json(self.path / MANIFEST)
            digests = manifest["files"]
            whole = isinstance(digests, dict) and manifest["manifest"] == _digest_of(digests)
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise Damaged(f"{MANIFEST} is missing or damaged")
        return dict(digests)

    def _mark_used(self) -> None:
        with suppress(OSError):  # on a disk that is only read, it is used all the same
            os.utime(self.path / MANIFEST)

    def remove(self) -> None:
        """Take away what is at `path`, if anything: a folder, a file or a link."""
        if self.path.is_file() or self.path.is_symlink():
            self.path.unlink()
        shutil.rmtree(self.path, ignore_errors=True)

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
    return Entry(runs_dir / home / key, runs_dir / ".locks" / f"{kind}-{key}.lock")


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
            yield Entry(path, entry(runs_dir, home, key).lock)


def _digest_of(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
