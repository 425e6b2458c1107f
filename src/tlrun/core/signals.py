"""The signals that end a command: SIGINT, SIGTERM and SIGHUP.

A command that nothing has begun for ends where the signal finds it, by the handler itself: nothing
is raised into somebody else's `except`, where it would be swallowed or told as another error. Only
where something has to be put in order first is it raised, as KeyboardInterrupt or Terminated:
within `raised`. Where it must not come at all, `held_back` lets it wait. A second signal ends the
process at once, whatever is going on.

Without `install`, as in a notebook or a thread, signals are whatever they are in that process.
Nothing here may take time to import: before `install` a signal is Python's own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

Handler = Callable[[int, FrameType | None], Any]
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
SAID = b"\ntl-run: stopped; the same command goes on from what is finished\n"
# What is raised in these is lost, with a word of Python's: callbacks of weak references, of modules
# at the end of their import too.
DEAF = ("<frozen importlib", "weakref.py", "_weakrefset.py")
AGAIN = 0.02  # seconds until it is tried again there
LONGEST = 30.0  # seconds after which it is raised there all the same


class _State:
    """What this process knows of its signals.

    scopes: how many `raised` are open in the main thread. came: the number of the first signal, 0
    before. since: when it came, on the monotonic clock. code: of a process whose work is done.
    process: that `install` was called in.
    """

    scopes = 0
    came = 0
    since = 0.0
    code: int | None = None
    process = 0


def install() -> None:
    """Let signals end this process, which is ours alone, those that are ignored aside."""
    _State.process = os.getpid()
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup, or behind an &
            signal.signal(number, _handle)


def done(code: int) -> None:
    """The work is done: a signal from now on ends the process at once, with the `code` of that."""
    _State.code = code


def came() -> int:
    """The number of the signal that has come, whatever became of its exception; 0 for none."""
    return _State.came


def end(number: int) -> NoReturn:
    """Say so and end this process at once, with the exit code of signal `number`.

    Whatever process a run has left behind watches for our end, and is not waited for.
    """
    _State.came, _State.code = number, 128 + number  # another one ends it without a word
    with suppress(Exception):  # the error stream is closed, or the terminal is gone
        os.write(sys.stderr.fileno(), SAID)
    with suppress(Exception):  # closed too, or we are in the middle of a print
        sys.stdout.flush()
    os._exit(128 + number)


def _handle(number: int, _: FrameType | None) -> None:
    if os.getpid() != _State.process:  # a child of a fork is not ours
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, default)
        signal.raise_signal(number)
    elif _State.code is not None:
        os._exit(_State.code)
    elif _State.came or not _State.scopes:
        end(number)
    else:
        _State.came = number
        raise_it(number, None)


def raise_it(number: int, _: FrameType | None) -> None:
    """A handler that raises the signal, where it will be heard: else a little later.

    Raises KeyboardInterrupt for SIGINT, Terminated for another.
    """
    from tlrun.core.errors import Terminated  # in memory by now

    since = _State.since = _State.since or time.monotonic()
    patient = hasattr(signal, "setitimer") and time.monotonic() < since + LONGEST
    if patient and _is_lost(sys._getframe()):  # noqa: SLF001  # where it comes now, if it waited
        signal.signal(signal.SIGALRM, lambda *_: raise_it(number, None))
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        raise Terminated(number)


def _is_lost(frame: FrameType | None) -> bool:
    """Whether something that `frame` is called from swallows what is raised in it."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code.co_filename.startswith(DEAF[0]):
            return True
        if code.co_filename.endswith(DEAF[1:]):
            return True
        frame = frame.f_back
    return False


@contextmanager
def raised() -> Iterator[None]:
    """Within it a signal is raised, so that what was begun can be put in order.

    One that somebody has swallowed ends the process at the end of it.
    """
    ours = threading.current_thread() is threading.main_thread()  # no other gets signals
    before = _State.came  # which is being told, and for that files are written
    _State.scopes += ours
    try:
        yield
    finally:
        _State.scopes -= ours
    if ours and _State.came != before and not _State.scopes:
        end(_State.came)


@contextmanager
def held_back() -> Iterator[None]:
    """Signals that would end this process do so when it is over.

    Their handlers are put aside, and called then: a mask would not do, for another thread may get
    the signal and Python still handles it in this one.
    """
    caught: list[tuple[int, FrameType | None]] = []
    before: dict[int, Handler] = {}
    handled_by(lambda number, frame: caught.append((number, frame)), before)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, _ in caught:
            before[number](number, None)


def handled_by(handler: Handler, before: dict[int, Handler]) -> None:
    """Let `handler` have the signals that end this process, those that are ignored aside.

    before: is filled with what has had each of them. In another thread than the main one, where
    Python handles no signal, nothing happens.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            there = signal.getsignal(number)
            if callable(there):
                before[number] = there
                signal.signal(number, handler)
