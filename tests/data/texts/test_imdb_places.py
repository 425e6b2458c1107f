"""What is read where: the files, a download, a stand-in, or one line; no test reaches a network."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from film_reviews import archive_of, film_reviews, folder_of

from tlrun.core.errors import UserError
from tlrun.data.texts import imdb_places as module
from tlrun.data.texts.imdb_places import ARCHIVE, BRIEFLY, SHA256, URL, Where, brought, there
from tlrun.store.downloads import PATIENCE, DownloadFailed

Download = Callable[[str, Path, str, float], None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path, str, float]]:
    """What was asked for of a network that is not there."""
    calls: list[tuple[str, Path, str, float]] = []

    def download(url: str, path: Path, sha256: str, patience: float) -> None:
        calls.append((url, path, sha256, patience))
        raise DownloadFailed("no network")

    monkeypatch.setattr(module, "download", download)
    return calls


def where(home: Path, *, download: bool = True, stand_in: bool = False, path: str = "") -> Where:
    return Where(path or str(home / "aclImdb"), home / "cache", download, stand_in)


Calls = list[tuple[str, Path, str, float]]


@pytest.mark.parametrize("stand_in", [False, True])
def test_what_is_at_the_path_is_read(stand_in: bool, tmp_path: Path, asked: Calls) -> None:
    folder = folder_of(film_reviews(), tmp_path)
    archive = archive_of(film_reviews(), tmp_path / "a.tar.gz")

    for path in (folder, archive):
        place = brought(where(tmp_path, stand_in=stand_in, path=str(path)))
        assert place == (path, False)
    assert asked == []
    assert not (tmp_path / "cache").exists()


def test_the_download_comes_before_a_stand_in_that_is_there(tmp_path: Path, asked: Calls) -> None:
    made = brought(where(tmp_path, stand_in=True))
    archive = archive_of(film_reviews(), tmp_path / "cache" / ARCHIVE)

    assert made.stand_in
    assert brought(where(tmp_path, stand_in=True)) == (archive, False)
    assert brought(where(tmp_path, download=False)) == (archive, False)


def test_what_is_downloaded_is_proved_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive_of(film_reviews(), tmp_path / "source.tar.gz")
    monkeypatch.setattr(module, "URL", source.as_uri())
    with pytest.raises(UserError, match=f"begins with {SHA256}"):
        brought(where(tmp_path))
    assert not (tmp_path / "cache" / ARCHIVE).exists()
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    monkeypatch.setattr(module, "SHA256", digest)

    place = brought(where(tmp_path))

    assert place == (tmp_path / "cache" / ARCHIVE, False)
    assert place.path.read_bytes() == source.read_bytes()
    assert there(where(tmp_path)) == place


@pytest.mark.parametrize("download", [False, True])
def test_without_files_and_network_one_line_says_what_to_do(
    download: bool, tmp_path: Path, asked: Calls
) -> None:
    with pytest.raises(UserError) as caught:
        brought(where(tmp_path, download=download))
    (line,) = caught.value.lines

    assert line.startswith("dataset.path: ")
    assert "dataset.stand_in=true" in line
    assert (URL in line and "no network" in line) is download
    assert ("dataset.download=false" in line) is not download
    assert asked == ([(URL, tmp_path / "cache" / ARCHIVE, SHA256, PATIENCE)] if download else [])


def test_a_stand_in_waits_briefly_for_a_network_is_said_and_kept_to(
    tmp_path: Path, asked: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = where(tmp_path, stand_in=True)
    assert there(wanted) is None
    place = brought(wanted)
    said = capsys.readouterr().err

    assert place.stand_in
    assert place.path.name == "aclImdb"
    assert (tmp_path / "cache") in place.path.parents
    assert [patience for *_, patience in asked] == [BRIEFLY]
    assert "writing a stand-in, once" in said
    assert said.count("\n") == 1
    assert brought(wanted) == there(wanted) == place  # and nobody is asked again
    assert len(asked) == 1
    assert capsys.readouterr().err == ""
    assert there(where(tmp_path)) is None  # who asks for none gets none


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, asked: Calls) -> None:
    (tmp_path / "cache").write_bytes(b"a file")

    with pytest.raises(UserError, match=r"^dataset.cache: ") as caught:
        brought(where(tmp_path, stand_in=True))
    assert str(tmp_path / "cache") in str(caught.value)


@pytest.mark.parametrize("path", ["  ", "~nobody-has-this-name/aclImdb"])
def test_a_path_that_is_none_is_refused(path: str, tmp_path: Path, asked: Calls) -> None:
    with pytest.raises(UserError, match=r"^dataset.path: "):
        there(where(tmp_path, path=path, stand_in=True))
    assert asked == []
