"""The end of runs: all that came out of them, kept in their folders, and valid from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlrun.core.errors import RunBusy
from tlrun.core.signals import held_back
from tlrun.store.digests import kept_facts
from tlrun.store.files import sync_files, sync_folder, write_json, write_whole
from tlrun.store.room import is_full
from tlrun.store.rundir import CHECKPOINTS, RunDir

if TYPE_CHECKING:
    from torch import Tensor

TENSORS, RESULT = ("model.safetensors", "predictions.safetensors"), "result.json"
WAITING = 8  # threads that wait for the disk: what is asked at once, it does in one go


@dataclass(frozen=True)
class Finished:
    """What came out of a run, to be kept in its folder.

    result: of result.json. weights, predictions: tensors by name; a run without weights keeps no
    model.safetensors. record: what run.json says beside what it said, which files there are, the
    sha256 of each, and how and when the run ended.
    """

    run_dir: RunDir
    result: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    predictions: Mapping[str, Tensor]
    record: Mapping[str, Any]


def finish(several: Sequence[Finished]) -> None:
    """Keep what came out of runs; the status of each, written last, makes it valid.

    All their files are written before any is synced: a disk then has all of it to do at once.
    """
    try:
        for each in several:
            _write(each)
    except OSError:  # of files that nobody reads a full disk is not to be full
        for each in several:
            for name in (*TENSORS, RESULT):
                (each.run_dir.path / name).unlink(missing_ok=True)
        raise
    # a signal finds all of them running, or finished
    with held_back(), ThreadPoolExecutor(min(len(several), WAITING)) as pool:
        # all, before run.json says that they are there
        list(pool.map(lambda each: sync_files(each.run_dir.path), several))
        list(pool.map(sync_folder, {folder for each in several for folder in each.run_dir.above}))
        list(pool.map(_close, several))


def drop_left(run_dirs: Iterable[RunDir]) -> None:
    """Take away the checkpoints of finished runs whose processes were killed before they could."""
    for run_dir in run_dirs:
        if (run_dir.path / CHECKPOINTS).exists():
            with suppress(RunBusy, OSError), run_dir.locked(wait=False, note=lambda _: None):
                if (run_dir.record() or {}).get("status") == "finished":
                    run_dir.drop_checkpoints()


def _write(run: Finished) -> None:
    """Write what came out of a run; on a disk that is full, in place of its checkpoints."""
    try:
        _write_files(run)
    except OSError as error:
        if not is_full(error):
            raise
        run.run_dir.drop_checkpoints()
        _write_files(run)


def _write_files(run: Finished) -> None:
    from safetensors.torch import save

    path = run.run_dir.path
    for name, content in zip(TENSORS, (run.weights, run.predictions), strict=True):
        if content:
            write_whole(path / name, save(dict(content)), synced=False)
    write_json(path / RESULT, run.result, synced=False)


def _close(run: Finished) -> None:
    """Say in run.json that a run is finished, which files it has, and what each of them is."""
    run.run_dir.close("finished", {**run.record, **kept_facts(run.run_dir.path)})
    run.run_dir.drop_checkpoints()
