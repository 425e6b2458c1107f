"""One command of tl-run in a process of its own, forked from one that has imported everything."""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import select
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from reliability import harness_mutants
from reliability.harness_hooks import Recorded
from reliability.harness_operations import Hook, Operation, watched

PATIENCE = 120.0  # seconds after which a command hangs
DIGITS = "digits.csv.gz"


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    code: its exit code; minus the number of the signal that killed it. screen: all it printed.
    operations: where they were recorded; else empty. modules: that it has imported, if asked for.
    """

    code: int
    screen: str
    operations: Sequence[Operation] = field(default=(), repr=False)
    modules: Sequence[str] = field(default=(), repr=False)


@cache
def request(words: tuple[str, ...]) -> Any:
    """The checked command line, composed once; the folder is another in each trial."""
    from tlrun.config.preflight import preflight

    return preflight([word for word in words if word != "-m"], "-m" in words)


def warm() -> None:
    """Import what a run imports, and read what it only reads."""
    from tlrun.data.images.digits_file import ink_and_digits

    for module in MODULES:
        importlib.import_module(module)
    ink_and_digits()
    with tempfile.TemporaryDirectory() as folder:
        for words in (("strategy=parameter_transfer",), ("strategy=structure_transfer",)):
            tiny = (*words, "backbone=mlp", "trainer.steps=1", "controls=false")
            request(tiny)
            reported = command(tiny, Path(folder), report=True)
            for module in reported.modules:
                with_import(module)
    gc.collect()
    gc.freeze()  # what is here stays as it is, and is not copied


def with_import(module: str) -> None:
    """Import a module, where it can be imported by its name."""
    try:
        importlib.import_module(module)
    except ImportError:
        return


MODULES = (
    "torch", "tlrun", "tlrun.cli.session", "tlrun.cli.hydra_app", "tlrun.sweeps.launch",
    "reliability.harness_readers", "tlrun.cli.predict", "tlrun.inference.predictor",
    "tlrun.cli.report", "tlrun.report.study.build",
)  # fmt: skip


def command(
    words: tuple[str, ...],
    runs_dir: Path,
    hook: Hook | None = None,
    mutants: Sequence[str] = (),
    after: float | None = None,
    by: int = signal.SIGKILL,
    report: bool = False,
) -> Ended:
    """`tl-run WORDS runs_dir=RUNS_DIR`, from its main function on, in a process of its own.

    hook: of its durable operations below `runs_dir`. mutants: of harness_mutants.py, by name.
    after: so many seconds later it gets the signal `by`. report: tell the modules it has imported.
    """
    asked = request(words)
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as screen:
        process = os.fork()
        if not process:
            os.close(reading)
            os.dup2(screen.fileno(), 1)
            os.dup2(screen.fileno(), 2)
            _carry_out(asked, runs_dir, hook, mutants, writing, report)
        os.close(writing)
        code, told = _watch(process, reading, after, by)
        screen.seek(0)
        printed = screen.read().decode(errors="replace")
    return Ended(code, printed, **(pickle.loads(told) if told else {}))


def _watch(process: int, reading: int, after: float | None, by: int) -> tuple[int, bytes]:
    """Wait for the end of a process. Its code, and what it told."""
    with os.fdopen(reading, "rb") as answer:
        if after is not None and not select.select([answer], [], [], after)[0]:
            os.kill(process, by)
        if not select.select([answer], [], [], PATIENCE)[0]:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            raise TimeoutError(f"a command did not end within {PATIENCE} s")
        told = answer.read()
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), told


def _carry_out(
    asked: Any,
    runs_dir: Path,
    hook: Hook | None,
    mutants: Sequence[str],
    writing: int,
    report: bool,
) -> None:
    """Be the command, and end this process."""
    code = 99
    try:
        from tlrun.cli import hydra_app, main

        signal.signal(signal.SIGINT, signal.default_int_handler)
        jobs = [replace(job, run=replace(job.run, runs_dir=str(runs_dir))) for job in asked.jobs]
        there = replace(asked, jobs=jobs)
        main.run = lambda argv: hydra_app._carry_out(there, [], [], False)
        sys.argv = ["tl-run"]
        for name in mutants:
            harness_mutants.MUTANTS[name]()
        try:
            with nullcontext() if hook is None else watched(runs_dir, hook):
                main.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 98
        sys.stdout.flush()
        sys.stderr.flush()
        told = {"operations": getattr(hook, "operations", ())}
        if report:
            told["modules"] = sorted(sys.modules)
        with os.fdopen(writing, "wb") as out:
            pickle.dump(told, out)
    except BaseException:  # noqa: BLE001  # as Python would
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        code = 1
    finally:
        os._exit(code)


def recorded(words: tuple[str, ...], runs_dir: Path, mutants: Sequence[str] = ()) -> Ended:
    """A whole command, with every operation of it."""
    return command(words, runs_dir, Recorded(), mutants)
