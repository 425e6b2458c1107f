"""Entries: folders of files named by their content. An entry is whole, as its digests prove, or it
counts as absent.

    <home>/<key>/
      manifest.json   sha256 of every other file, and of itself
      …               the files

An entry is written aside and renamed, so that a crash at any moment leaves none, or a whole one.
What it holds can be
made again: one that is damaged is replaced.
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
from tlrun.store.files import read_json, sync_folder, write_json, write_whole
from tlrun.store.locks import is_held, locked

MANIFEST = "manifest.json"


class Damaged(ValueError):
    """An entry is there and is not whole. The message names the file."""


@dataclass(frozen=True)
class Entry:
    """One folder at `path`; lock: the file that the process which makes it holds a lock on."""

    path: Path
    lock: Path

    def read(self) -> dict[str, bytes] | None:
        """Every file, proved by its digest; None where there is no entry. Raises Damaged, naming
        the file.

        It counts as being used: `used` is now.
        """
        if not self.path.exists():
            return None
        try:
            manifest = read_json(self.path / MANIFEST)
            digests = manifest["files"]
            whole = isinstance(digests, dict) and manifest["manifest"] == _digest_of(digests)
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise Damaged(f"{MANIFEST} is missing or damaged")
        files = {}
        for name, digest in digests.items():
            try:
                files[name] = (self.path / name).read_bytes()
            except OSError as error:
                raise Damaged(f"{name} cannot be read ({error.strerror})") from None
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise Damaged(f"{name} is damaged: it does not match its digest")
        with suppress(OSError):  # on a disk that is only read, it is used all the same
            os.utime(self.path / MANIFEST)
        return files

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put the entry there, whole, in place of what was there.

        Raises OSError where it cannot be written, and takes away what was: a full disk is not
        filled further.
        """
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        try:
            aside.mkdir(parents=True)
            for name, content in files.items():
                write_whole(aside / name, content)
            write_json(aside / MANIFEST, {"files": digests, "manifest": _digest_of(digests)})
            self.remove()
            aside.rename(self.path)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        sync_folder(self.path.parent)

    def remove(self) -> None:
        """Take it away, if it is there, whatever it is."""
        if self.path.is_file() or self.path.is_symlink():
            self.path.unlink()
        shutil.rmtree(self.path, ignore_errors=True)

    def locked(self, note: Callable[[Note], None], doing: str) -> AbstractContextManager[None]:
        """Hold the entry for this process alone; where another has it, say what that is `doing`,
        and wait.
        """
        return locked(self.lock, lambda: note(Waiting(path=self.path, doing=doing)))

    @property
    def held(self) -> bool:
        """Whether a process is making it now."""
        return is_held(self.lock)

    @property
    def used(self) -> float:
        """When it was last read or written, in seconds since 1970. Raises FileNotFoundError where
        it has gone.
        """
        with suppress(OSError):
            return (self.path / MANIFEST).stat().st_mtime
        return self.path.stat().st_mtime


def entry(runs_dir: Path, home: str, key: str) -> Entry:
    """The entry `key` of a home below `runs_dir`, such as .stages."""
    return Entry(
        runs_dir / home / key,
        runs_dir / ".locks" / f"{home.strip('.').replace('/', '-')}-{key}.lock",
    )


def entries(runs_dir: Path, home: str) -> Iterator[Entry]:
    """Every entry of a home, damaged ones too, and what processes that were killed left
    half-written.
    """
    folder = runs_dir / home
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            # .<key>.<process> is half-written, under the key's lock
            key = path.name.lstrip(".").partition(".")[0]
            yield Entry(path, entry(runs_dir, home, key).lock)


def _digest_of(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
