"""Image files decoded once, and mapped into memory from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from tlrun.core.errors import Mistake, UserError, say
from tlrun.data.images import contents as reading
from tlrun.data.images.decoded_entry import Decoded, begin, finish, kept, key_of
from tlrun.data.images.decoded_job import Job
from tlrun.data.images.decoding import Form, Unreadable, decode, quiet
from tlrun.data.progress import Progress
from tlrun.store.downloads import described
from tlrun.store.locks import locked


def decoded(
    paths: Sequence[Path],
    digests: Sequence[str],
    form: Form,
    cache: Path,
    tell: Callable[[str], None] = say,
) -> Decoded:
    """The images of all files, decoded now or before.

    digests: sha256 of each file, in hex. cache: the folder where they are kept. tell: of what takes
    long. What an interruption leaves is gone on with.

    Raises UserError where there is no room, where nothing can be written, and where a file has
    changed since it was digested.
    """
    job = Job(paths, digests, form, cache, tell)
    found = kept(job)
    if found is not None:
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = cache / f".{job.name}.lock"
        with locked(lock, lambda who: tell(f"waiting: {who} decodes into {job.entry}")):
            found = kept(job)  # the other one has brought it by now
            if found is None:
                _make(job)
                found = kept(job)
    except OSError as error:
        expected = "a folder that decoded images can be kept in"
        raise UserError(
            Mistake("dataset.cache", expected, f"{cache}: {described(error)}", "try another folder")
        ) from None
    if found is None:
        expected = "images that stay as they were written"
        raise UserError(Mistake("dataset.cache", expected, f"others in {job.entry}"))
    return found


def _make(job: Job) -> None:
    """Decode what is not decoded yet, and give the entry its name."""
    images, keys, done = begin(job)
    unreadable: dict[int, str] = {}
    for row, result in _results(job, done):
        if isinstance(result, str):
            unreadable[row] = result
        else:
            images[row], keys[row] = result, key_of(result)
    del images, keys
    finish(job, unreadable)


def _results(job: Job, done: np.ndarray) -> Iterator[tuple[int, np.ndarray | str]]:
    """For each row that is not `done`, bool [N], in order, its image or why there is none."""
    todo = np.flatnonzero(~done).tolist()
    progress = Progress("decoding images", len(done), job.tell)
    progress.begin(int(done.sum()))

    def one(row: int) -> np.ndarray | str:
        path = job.paths[row]
        content = reading.read(path)
        if sha256(content).hexdigest() != job.digests[row]:
            expected = "files that stay as they are while they are read"
            raise UserError(Mistake("dataset.path", expected, f"{path} has changed"))
        try:
            return decode(content, path.suffix.lower(), job.form)
        except Unreadable as error:
            return str(error)

    with quiet(), reading.threads() as pool:
        for start in range(0, len(todo), reading.AT_ONCE):
            batch = todo[start : start + reading.AT_ONCE]
            yield from zip(batch, pool.map(one, batch), strict=True)
            progress.at(int(done.sum()) + start + len(batch))
