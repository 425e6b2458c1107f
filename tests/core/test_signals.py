"""What a signal does is tried in a process of its own, split from this one, at each moment that a
command has."""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tlrun.core import signals
from tlrun.core.errors import Terminated
from tlrun.core.signals import SAID, held_back, raised

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
STOPS = (KeyboardInterrupt, Terminated)

every_signal = pytest.mark.parametrize("number", list(CODES))
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


def ended(tmp_path: Path, command: Callable[[], object]) -> tuple[int, str]:
    """The exit code of a process that does `command`, then exits with 7, and its errors."""
    errors = tmp_path / "errors"
    child = os.fork()
    if child == 0:
        try:
            file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 2)
            sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signals.install()
            command()
            os._exit(7)
        except BaseException as error:  # noqa: BLE001  # told by its name
            sys.stderr.write(f"{type(error).__name__}\n")
            sys.stderr.flush()
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, errors.read_text()


@needs_fork
@every_signal
def test_where_nothing_is_begun_it_ends_there_whoever_would_catch_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    def command() -> None:
        try:
            signal.raise_signal(number)
        except BaseException:  # noqa: BLE001  # somebody else's
            os._exit(9)

    assert ended(tmp_path, command) == (CODES[number], SAID.decode())


@needs_fork
@every_signal
def test_where_something_is_begun_it_is_raised(tmp_path: Path, number: signal.Signals) -> None:
    def command() -> None:
        try:
            with raised():
                signal.raise_signal(number)
        except STOPS as stop:
            assert signals.came() == number
            os._exit(11 if stop.args in ((), (number,)) else 12)

    assert ended(tmp_path, command) == (11, "")


@needs_fork
def test_the_second_ends_at_once(tmp_path: Path) -> None:
    def command() -> None:
        with raised():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGINT)

    assert ended(tmp_path, command) == (130, SAID.decode())


@needs_fork
def test_one_that_was_swallowed_ends_the_command_when_all_is_in_order(tmp_path: Path) -> None:
    def command() -> None:
        with raised():
            try:
                signal.raise_signal(signal.SIGTERM)
            except BaseException:  # noqa: BLE001  # somebody else's
                (tmp_path / "in order").touch()

    assert ended(tmp_path, command) == (143, SAID.decode())
    assert (tmp_path / "in order").exists()


@needs_fork
def test_files_that_are_written_to_tell_of_one_end_nothing(tmp_path: Path) -> None:
    """As the report of a sweep that was stopped is, when the signal has long been heard."""

    def command() -> None:
        try:
            with raised():
                signal.raise_signal(signal.SIGTERM)
        except STOPS:
            with raised():
                (tmp_path / "report").touch()
            os._exit(11)

    assert ended(tmp_path, command) == (11, "")
    assert (tmp_path / "report").exists()


class Late:
    def __init__(self, done: list[str]) -> None:
        self.done = done

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        self.done.append("taken apart")


@needs_fork
def test_in_a_destructor_it_waits_until_it_is_heard(tmp_path: Path) -> None:
    def command() -> None:
        done: list[str] = []
        late = Late(done)
        try:
            with raised():
                del late
                while True:
                    signal.pause()
        except Terminated:
            os._exit(len(done))

    assert ended(tmp_path, command) == (1, "")


@needs_fork
def test_in_an_import_it_waits_until_that_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "of_a_stranger.py"
    module.write_text(
        "import signal\n"
        "try:\n    signal.raise_signal(signal.SIGHUP)\nexcept BaseException:\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def command() -> None:
        try:
            with raised():
                importlib.import_module("of_a_stranger")
                while True:
                    signal.pause()
        except Terminated as stop:
            os._exit(stop.args[0])

    assert ended(tmp_path, command) == (signal.SIGHUP, "")


@needs_fork
def test_after_the_work_the_code_is_that_of_the_work(tmp_path: Path) -> None:
    def command() -> None:
        signals.done(5)
        signal.raise_signal(signal.SIGTERM)

    assert ended(tmp_path, command) == (5, "")


@needs_fork
def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    def command() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signals.install()
        signal.raise_signal(signal.SIGHUP)

    assert ended(tmp_path, command) == (7, "")


@needs_fork
def test_a_process_that_somebody_splits_from_ours_has_its_own(tmp_path: Path) -> None:
    def command() -> None:
        child = os.fork()
        if child == 0:
            signal.raise_signal(signal.SIGTERM)
            os._exit(0)
        os._exit(-os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    assert ended(tmp_path, command) == (signal.SIGTERM, "")


@needs_fork
def test_a_closed_error_stream_changes_no_code(tmp_path: Path) -> None:
    def command() -> None:
        sys.stderr = None  # as Python has it
        signal.raise_signal(signal.SIGTERM)

    assert ended(tmp_path, command) == (143, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_is_held_back_comes_in_the_end(number: signal.Signals) -> None:
    done = []

    def stop(signalled: int, _: object) -> None:
        raise Terminated(signalled)

    def whole() -> None:
        with held_back():
            signal.raise_signal(number)
            done.append("whole")

    kept = signal.signal(number, stop)
    try:
        with pytest.raises(Terminated) as caught:
            whole()
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, kept)
    assert done == ["whole"]
    assert caught.value.args == (number,)


def test_a_signal_that_is_ignored_stays_so_while_others_are_held_back() -> None:
    kept = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held_back():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, kept)
