import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from waiting import PATIENCE

from tlrun.core.errors import UserError
from tlrun.store import locks
from tlrun.store.locks import is_held, locked

HOLD = """
import sys
from pathlib import Path
from tlrun.store.locks import locked

path = Path(sys.argv[1])
with locked(path, busy=print):
    print("held", flush=True)
    sys.stdin.read()
    path.with_suffix(".left").touch()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds `path` until its input ends."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "one.lock"


def test_held_from_the_first_line_to_the_last(path: Path) -> None:
    assert not is_held(path)
    with locked(path, pytest.fail):
        assert is_held(path)
        assert not is_held(path.with_name("another.lock"))
    assert not is_held(path)


def test_an_error_inside_lets_go(path: Path) -> None:
    with pytest.raises(KeyError), locked(path, pytest.fail):
        raise KeyError
    assert not is_held(path)


def test_busy_is_called_once_and_then_it_waits_for_the_other_process(path: Path) -> None:
    calls = []
    with holder(path) as process:
        assert is_held(path)

        def busy(who: str) -> None:
            calls.append(who)
            assert is_held(path)
            leave(process)

        with locked(path, busy):
            assert path.with_suffix(".left").exists()
            assert is_held(path)

    assert calls == [f"process {process.pid} on {socket.gethostname()}"]
    assert not is_held(path)


def test_a_busy_that_raises_leaves_no_lock(path: Path) -> None:
    def busy(_: str) -> None:
        raise RuntimeError("refused")

    with holder(path) as process:
        with pytest.raises(RuntimeError, match="refused"), locked(path, busy):
            pytest.fail("two hold one lock")
        assert is_held(path)
        leave(process)
        assert process.wait(PATIENCE) == 0

    assert not is_held(path)


def test_a_lock_goes_with_a_killed_process(path: Path) -> None:
    with holder(path) as process:
        process.kill()
        process.wait(PATIENCE)

        assert not is_held(path)
        assert not path.with_suffix(".left").exists()
        with locked(path, pytest.fail):
            pass


def test_nobody_holds_a_lock_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none" / "one.lock")


def test_asking_writes_nothing(tmp_path: Path) -> None:
    is_held(tmp_path / "none" / "one.lock")

    assert list(tmp_path.iterdir()) == []


ORPHAN = """
import os, sys, time
from pathlib import Path
from tlrun.store.locks import locked

with locked(Path(sys.argv[1]), busy=print):
    child = os.fork()
    if child == 0:
        os.closerange(0, 3)
        time.sleep(1000)
    print(child, flush=True)
    os._exit(0)  # with the lock
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_process_split_from_the_holder_does_not_hold_it_further(path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    try:
        assert not is_held(path)
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def told(path: Path) -> list[str]:
    """Who has a lock, each time that whoever does not wait for it is told."""
    found: list[str] = []

    def busy(who: str) -> None:
        found.append(who)
        raise RuntimeError

    with pytest.raises(RuntimeError), locked(path, busy):
        pytest.fail("two hold one lock")
    return found


@pytest.mark.parametrize("left", [b"", b"\xff", b"process 7 on a\nprocess 8 on b\n", b"x" * 999])
def test_what_is_no_word_of_ours_is_not_told(
    path: Path, left: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "NAMED_WITHIN", 0.1)
    with holder(path):
        path.write_bytes(left)

        assert told(path) == ["another process"]


def test_who_has_only_just_taken_it_is_named_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    with FileLock(path):  # and its name is not there yet: it comes while this one asks
        monkeypatch.setattr(time, "sleep", lambda _: path.write_text("process 7 on a\n"))

        assert told(path) == ["process 7 on a"]


def test_who_lets_go_meanwhile_is_no_longer_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    leaving = FileLock(path)
    leaving.acquire()  # its name is gone already, as in the last moment
    monkeypatch.setattr(time, "sleep", lambda _: leaving.release())

    with locked(path, pytest.fail):
        assert is_held(path)


def test_a_disk_that_is_full_takes_no_lock_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with locked(path, pytest.fail):
        assert is_held(path)


@pytest.mark.parametrize("odd", ["a file", "a loop", "a link to nothing"])
def test_where_a_folder_of_locks_should_be_there_is_no_folder(tmp_path: Path, odd: str) -> None:
    folder = tmp_path / ".locks"
    if odd == "a file":
        folder.write_text("mine")
    else:
        folder.symlink_to(".locks" if odd == "a loop" else "nothing")
    with (
        pytest.raises(UserError, match=r"\.locks: expected a folder, found .*move it away"),
        locked(folder / "one.lock", pytest.fail),
    ):
        pytest.fail("held")
    assert not is_held(folder / "one.lock")
    assert list(tmp_path.iterdir()) == [folder]
