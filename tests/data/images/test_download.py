import socket
import sys
import threading
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.images import download as downloading
from tlrun.store.downloads import PATIENCE

FILES = ["a/one", "two"]


def there(root: Path) -> bool:
    return all((root / file).exists() for file in FILES)


def fetch(folder: Path) -> None:
    """What a download does: files wanted and unwanted, and a word to everybody."""
    (folder / "a").mkdir()
    for file in [*FILES, "archive"]:
        (folder / file).write_text(file)
    print("100%")
    print("100%", file=sys.stderr)


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_the_files_come_whole_and_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "new" / "data"
    downloading.into(root, "things", FILES, fetch, lambda: there(root))
    out, err = capsys.readouterr()

    assert files(root) == [".things.lock", *FILES]
    assert (root / "a" / "one").read_text() == "a/one"
    assert out == ""
    assert err == f"tl-run: downloading things into {root}, once\n"


@pytest.mark.parametrize("error", [OSError("no network"), RuntimeError("md5"), KeyboardInterrupt()])
def test_a_failed_download_leaves_nothing_behind(tmp_path: Path, error: BaseException) -> None:
    def fail(folder: Path) -> None:
        fetch(folder)
        raise error

    with pytest.raises(type(error)):
        downloading.into(tmp_path, "things", FILES, fail, lambda: there(tmp_path))

    assert files(tmp_path) == [".things.lock"]
    assert [path.name for path in tmp_path.iterdir()] == [".things.lock"]
    downloading.into(tmp_path, "things", FILES, fetch, lambda: there(tmp_path))
    assert there(tmp_path)


def test_what_a_killed_download_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".things.partial" / "a").mkdir(parents=True)
    (tmp_path / ".things.partial" / "a" / "half").touch()
    downloading.into(tmp_path, "things", FILES, fetch, lambda: there(tmp_path))

    assert files(tmp_path) == [".things.lock", *FILES]


def test_two_at_once_download_once(tmp_path: Path) -> None:
    started, go, fetched = threading.Event(), threading.Event(), []

    def slowly(folder: Path) -> None:
        fetched.append(folder)
        started.set()
        assert go.wait(20)
        fetch(folder)

    def download() -> None:
        downloading.into(tmp_path, "things", FILES, slowly, lambda: there(tmp_path))

    threads = [threading.Thread(target=download) for _ in range(2)]
    threads[0].start()
    assert started.wait(20)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(20)

    assert there(tmp_path)
    assert len(fetched) == 1


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    before, seen = socket.getdefaulttimeout(), []

    def look(folder: Path) -> None:
        seen.append(socket.getdefaulttimeout())
        fetch(folder)

    downloading.into(tmp_path, "things", FILES, look, lambda: there(tmp_path))

    assert seen == [PATIENCE]
    downloading.into(tmp_path, "more", FILES, look, lambda: False, patience=2.0)
    assert seen == [PATIENCE, 2.0]
    assert socket.getdefaulttimeout() == before


def test_what_is_done_instead_of_a_download_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    downloading.into(tmp_path, "things", FILES, fetch, lambda: there(tmp_path), "making things")

    assert capsys.readouterr().err == f"tl-run: making things into {tmp_path}, once\n"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_root_that_is_no_folder_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    root = tmp_path / "file" / below

    with pytest.raises(
        UserError, match=r"dataset.root: expected a folder that things can be .*, found .*; try"
    ):
        downloading.into(root, "things", FILES, fetch, lambda: False)
