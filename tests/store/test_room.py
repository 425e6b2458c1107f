import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tlrun.core.errors import UserError
from tlrun.store.room import check_room, check_writable, or_only_read


def test_a_folder_that_cannot_be_written_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(UserError, match="runs_dir: expected a folder that can be written"):
        check_writable(tmp_path / "file" / "runs")


def test_a_probe_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        path.write_bytes(b"")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(UserError, match="No space left on device"):
        check_writable(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_less_room_than_a_run_needs_is_told_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    check_room(tmp_path, 10**6)

    with pytest.raises(UserError, match=r"room for 2\.5 MB, .* found 1\.0 MB free in"):
        check_room(tmp_path, 2_500_000)


@contextmanager
def lock(number: int) -> Iterator[None]:
    """One that cannot be taken."""
    raise OSError(number, "so it is")
    yield


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_on_a_disk_that_is_only_read_what_is_finished_needs_no_lock(
    tmp_path: Path, number: int
) -> None:
    done = []
    with or_only_read(lock(number), tmp_path, lambda: True):
        done.append("read")
    assert done == ["read"]
    with pytest.raises(OSError, match="so it is"), or_only_read(lock(number), tmp_path, bool):
        done.append("trained")
    assert done == ["read"]


def test_another_failure_of_a_lock_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="so it is"),
        or_only_read(lock(errno.EIO), tmp_path, lambda: True),
    ):
        pytest.fail("it went on")


def test_what_is_raised_inside_a_lock_is_not_the_lock_s(tmp_path: Path) -> None:
    @contextmanager
    def free() -> Iterator[None]:
        yield

    with (
        pytest.raises(PermissionError),
        or_only_read(free(), tmp_path, lambda: True),
    ):
        raise PermissionError(errno.EACCES, "inside")
