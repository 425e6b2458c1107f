"""A signal waits for the end of a step; a second one, or one that waits too long, does not."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest
from waiting import PATIENCE

from tlrun.runs import stopping
from tlrun.runs.stopping import Held


class Ended(Exception):
    pass


@pytest.fixture(autouse=True)
def ending() -> Iterator[None]:
    """SIGTERM raises Ended, whatever it did before."""

    def end(number: int, _: FrameType | None) -> None:
        raise Ended(number)

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


def hit() -> None:
    """Send SIGTERM to this process; it is handled before the next line of Python ends."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_is_noted_and_acts_where_it_is_let() -> None:
    with Held() as held:
        hit()
        assert held.caught is not None
        with pytest.raises(Ended):
            held.go_on()
        assert held.caught is None


def test_without_one_nothing_happens() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with Held() as held:
        assert signal.getsignal(signal.SIGTERM) != handler
        held.go_on()

    assert signal.getsignal(signal.SIGTERM) == handler


def test_a_second_one_acts_at_once() -> None:
    with pytest.raises(Ended), Held() as held:  # noqa: PT012  # where it is raised is what counts
        hit()
        assert held.caught is not None
        hit()
        pytest.fail("it went on")


def test_none_is_lost_where_nobody_lets_it_act() -> None:
    with pytest.raises(Ended), Held():
        hit()


def test_a_step_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "PATIENCE", 0.05)
    with pytest.raises(Ended), Held():  # noqa: PT012  # as above
        hit()
        time.sleep(PATIENCE)
        pytest.fail("it went on")


@pytest.mark.parametrize("sooner", [True, False])
def test_what_it_waits_for_at_the_end_of_a_step_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch, sooner: bool
) -> None:
    """A checkpoint of a gigabyte on a slow disk is none that hangs, due or for the signal."""
    monkeypatch.setattr(stopping, "PATIENCE", 0.2)
    written = False
    with pytest.raises(Ended), Held() as held:  # noqa: PT012  # as above
        if sooner:
            hit()
        assert held.reached() is sooner
        if not sooner:
            hit()
        time.sleep(0.4)
        written = True
        held.go_on()
        pytest.fail("it went on")

    assert written


def test_one_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Held() as held:
        hit()
        assert held.caught is None
    signal.signal(signal.SIGTERM, before)


def test_in_another_thread_it_does_nothing() -> None:
    handler, seen = signal.getsignal(signal.SIGTERM), []

    def hold() -> None:
        with Held():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()

    assert seen == [handler]


def test_one_that_waits_says_no_more_where_a_second_has_stopped_it() -> None:
    """What was begun is then put in order, which the first must not end in the middle."""
    told = []

    def end(number: int, _: FrameType | None) -> None:
        told.append(number)
        if len(told) == 1:
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    with pytest.raises(KeyboardInterrupt), Held() as held:  # noqa: PT012  # as above
        hit()
        assert held.caught is not None
        hit()

    assert held.caught is None
    assert told == [signal.SIGTERM]
