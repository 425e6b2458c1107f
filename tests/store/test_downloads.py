"""From file:// addresses, and with an opener that fails; no test reaches a network."""

import hashlib
import io
import threading
from email.message import Message
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from tlrun.store import downloads
from tlrun.store.downloads import DownloadFailed, described, download

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> str:
    file = tmp_path / "there" / "file.pth"
    file.parent.mkdir()
    file.write_bytes(CONTENT)
    return file.as_uri()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("sha256", ["", SHA256[:8], SHA256])
def test_a_file_comes_whole_and_with_one_line(
    tmp_path: Path, source: str, sha256: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "cache" / "file.pth"
    download(source, path, sha256)
    out, err = capsys.readouterr()

    assert path.read_bytes() == CONTENT
    assert names(path.parent) == [".file.pth.lock", "file.pth"]
    assert (out, err) == ("", f"tl-run: downloading {source} to {path}, once\n")


def test_another_file_is_refused_and_deleted(tmp_path: Path, source: str) -> None:
    path = tmp_path / "cache" / "file.pth"

    with pytest.raises(DownloadFailed, match=f"begins with 12345678, found one with {SHA256}"):
        download(source, path, "12345678")
    assert names(path.parent) == [".file.pth.lock"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (HTTPError("https://x", 404, "Not Found", Message(), None), "HTTP 404 Not Found"),
        (URLError(ConnectionRefusedError(111, "Connection refused")), "Connection refused"),
        (TimeoutError("timed out"), "timed out"),
        (IncompleteRead(b"x", 3), "IncompleteRead"),
    ],
)
def test_no_answer_is_a_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def refuse(request: Any, timeout: float) -> None:
        assert timeout == downloads.PATIENCE
        raise error

    monkeypatch.setattr(downloads, "urlopen", refuse)
    path = tmp_path / "file.pth"

    with pytest.raises(DownloadFailed, match=words) as failed:
        download("https://x/file.pth", path)
    assert len(str(failed.value).splitlines()) == 1
    assert names(tmp_path) == [".file.pth.lock"]


def test_who_has_something_else_to_do_waits_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def silent(request: Any, timeout: float) -> None:
        waited.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(downloads, "urlopen", silent)
    with pytest.raises(DownloadFailed, match="timed out"):
        download("https://x/file", tmp_path / "file", patience=0.5)
    assert waited == [0.5]


class Answer(io.BytesIO):
    def __init__(self, content: bytes, length: int | None) -> None:
        super().__init__(content)
        self.headers = {} if length is None else {"Content-Length": str(length)}


def test_a_connection_that_breaks_off_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "urlopen", lambda *_, **__: Answer(b"half", 8))

    with pytest.raises(DownloadFailed, match="only 4 of 8 bytes came"):
        download("https://x/file.pth", tmp_path / "file.pth")
    assert names(tmp_path) == [".file.pth.lock"]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Answer):
        def read(self, size: int | None = -1, /) -> bytes:
            if not self.tell():
                return super().read(2)
            raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "urlopen", lambda *_, **__: Interrupted(b"half", None))

    with pytest.raises(KeyboardInterrupt):
        download("https://x/file.pth", tmp_path / "file.pth")
    assert names(tmp_path) == [".file.pth.lock"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, source: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DownloadFailed, match="expected a folder, found a file"):
        download(source, tmp_path / "file" / "file.pth")


def test_two_at_once_download_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, go, opened = threading.Event(), threading.Event(), []

    def slowly(*_: Any, **__: Any) -> Answer:
        opened.append(1)
        started.set()
        assert go.wait(20)
        return Answer(CONTENT, None)

    monkeypatch.setattr(downloads, "urlopen", slowly)
    path = tmp_path / "file.pth"
    threads = [threading.Thread(target=download, args=("https://x", path)) for _ in range(2)]
    threads[0].start()
    assert started.wait(20)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(20)

    assert path.read_bytes() == CONTENT
    assert opened == [1]


def test_an_error_without_words_has_a_name() -> None:
    assert described(ValueError()) == "ValueError"
    assert described(ValueError("one\n two")) == "one two"
    assert described(RuntimeError("one\n  two")) == "one two"
    missing = FileNotFoundError(2, "No such file or directory", "x")
    assert described(missing) == "No such file or directory"
