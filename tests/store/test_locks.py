import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import PATIENCE

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

        def busy() -> None:
            calls.append(is_held(path))
            leave(process)

        with locked(path, busy):
            assert path.with_suffix(".left").exists()
            assert is_held(path)

    assert calls == [True]
    assert not is_held(path)


def test_a_busy_that_raises_leaves_no_lock(path: Path) -> None:
    def busy() -> None:
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
