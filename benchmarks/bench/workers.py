"""Loops, each in a process of its own that lives through all rounds of its row.

Arms in one process would disturb one another: they share an allocator, threads, and what a
framework sets for the whole of torch. A process for every call would start torch again each time,
and most of a short loop's first steps would be its imports. So each arm has one process, which
makes its data once, and waits without a turn of the processor until it is told to run: the arms are
apart and yet interleaved. Each process has one thread.
"""

from __future__ import annotations

import gc
import os
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection

from bench.rounds import Clock, Sample
from bench.rows import Arm, Row, Work


class ArmFailed(Exception):
    """An arm raised, or its process ended; its words are the last line of why."""


class Worker:
    """The process of one arm."""

    def __init__(self, arm: Arm, work: Work) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(arm.run, work, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def once(self) -> Sample:
        """Run the arm once. Raises ArmFailed."""
        try:
            self._pipe.send("run")
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ArmFailed("its process ended") from error
        if isinstance(answer, str):
            raise ArmFailed(answer)
        assert isinstance(answer, Sample)
        return answer

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()


def obstacle(arm: Arm, row: Row) -> str:
    """Why the arm cannot be measured here, as its line will say; empty where it can.

    A processor without bf16 has it emulated: a step takes ten times that of fp32, and says nothing
    of one that has it, so no arm of such a row is run.
    """
    if absent := missing(arm):
        return f"not installed: {', '.join(absent)}"
    work = row.work or arm.work
    if work is not None and work.precision == "bf16":
        import torch

        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001  # no other way to ask
            return "not measured: this processor has no bf16"
    return ""


def missing(arm: Arm) -> list[str]:
    """The packages that the arm needs and that are not there."""
    return [package for package in arm.needs if find_spec(package) is None]


def _serve(run: str, work: Work, pipe: Connection) -> None:
    """In the process of an arm: run it whenever told to, until nobody is there to tell."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # bars and warnings of frameworks
    os.dup2(nowhere, 2)
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_timed(run, work))
        except Exception as error:  # noqa: BLE001  # whatever it is, the parent shows it
            words = str(error).strip().splitlines() or [""]
            pipe.send(f"{type(error).__name__}: {words[0]}")


def _timed(run: str, work: Work) -> Sample:
    import torch

    from bench.nets import Predict, examples, training_loss

    function: Callable[[Work, Clock], Predict | None] = pkgutil.resolve_name(run)
    if work.shape:
        examples(work)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    gc.collect()
    clock = Clock()
    predict = function(work, clock)
    sample = clock.read()
    if predict is None:
        return sample
    return replace(sample, loss=training_loss(predict, work))
