"""What is in each of many files, by sha256; a file that has not changed is not read for it again.

    <cache>/files/<digest of the folder's path>.json    by path: the state of the file, its contents

A state is size, times of writing and of change, inode and device. It counts where it had settled
when the file was read (`store/problems.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from tlrun.core.errors import Mistake, UserError, say
from tlrun.core.json_text import parsed
from tlrun.data.images.decoding import is_colour, quiet, rule
from tlrun.data.progress import Progress
from tlrun.store.downloads import described
from tlrun.store.files import write_whole
from tlrun.store.problems import settled

THREADS = min(2, os.cpu_count() or 1)
MOST_BYTES = 2**30  # of an image file
AT_ONCE = 64  # files that are handed to the threads together


class Content(NamedTuple):
    """sha256, in hex, of a file's bytes, and whether they are an image in colour."""

    digest: str
    colour: bool


def contents(
    root: Path, paths: Sequence[Path], cache: Path, tell: Callable[[str], None] = say
) -> list[Content]:
    """The content of every file of `paths`, which are below the folder `root`.

    cache: the folder of what is kept. tell: of the progress, where it takes long. Raises UserError
    for a file that cannot be read.
    """
    # what is in colour is Pillow's to say
    name = sha256(os.fsencode(root) + rule().encode()).hexdigest()[:16]
    index = cache / "files" / f"{name}.json"
    kept = _kept(index)
    states = {path: _state(path) for path in paths}
    found: dict[Path, Content] = {}
    for path, state in states.items():
        known = kept.get(str(path))
        if known is not None and known[0] == state:
            found[path] = Content(*known[1])
    new = [path for path in paths if path not in found]
    progress = Progress(f"reading {root}", len(new), tell)
    with quiet(), threads() as pool:
        for start in range(0, len(new), AT_ONCE):
            batch = new[start : start + AT_ONCE]
            found.update(zip(batch, pool.map(_content, batch), strict=True))
            progress.at(start + len(batch))
    if new:
        _keep(index, states, found)
    return [found[path] for path in paths]


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """A few threads; whatever ends the work early, what they have not begun is not begun."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read(path: Path) -> bytes:
    """The bytes of a file. Raises UserError where it cannot be read, or is no photo by its size."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            expected = f"images of at most {MOST_BYTES:,} bytes"
            raise UserError(
                Mistake("dataset.path", expected, f"{size:,} in {path}", "move it away")
            )
        return path.read_bytes()
    except OSError as error:
        raise _no_file(path, error) from None


def _content(path: Path) -> Content:
    content = read(path)
    return Content(sha256(content).hexdigest(), is_colour(content, path.suffix.lower()))


def _state(path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError as error:
        raise _no_file(path, error) from None
    times = [status.st_mtime_ns, status.st_ctime_ns]
    return [status.st_size, *times, status.st_ino, status.st_dev]


def _kept(index: Path) -> dict[str, Any]:
    """What is kept of files, by their paths; nothing where that is in doubt."""
    if os.name != "posix":  # elsewhere the time of change is another thing
        return {}
    try:
        kept = parsed(index.read_bytes())
        whole = kept.pop("digest") == _digest(kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return kept if whole else {}


def _keep(index: Path, states: dict[Path, list[Any]], found: dict[Path, Content]) -> None:
    """Write down what may be trusted later, where it can be written."""
    kept = {}
    for path, state in states.items():
        if settled([[str(path), *state]]):
            kept[str(path)] = [state, list(found[path])]
    with suppress(OSError, ValueError):
        index.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**kept, "digest": _digest(kept)})
        write_whole(index, text.encode(), synced=False)


def _digest(kept: dict[str, Any]) -> str:
    return sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _no_file(path: Path, error: OSError) -> UserError:
    expected = "files that can be read"
    return UserError(Mistake("dataset.path", expected, f"{path}: {described(error)}"))
