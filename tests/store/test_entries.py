import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tlrun.store.digests import digest_of_json
from tlrun.store.entries import MANIFEST, Damaged, Entry, entries, entry
from tlrun.store.files import write_whole

from problems import no_note

FILES = {"a.bin": bytes(range(256)), "b.json": b'{"one": 1}\n', "empty": b""}
NEW = {"a.bin": b"new", "c": b"more"}
FULL = [name for name, content in FILES.items() if content] + [MANIFEST]


class Died(BaseException):
    """Ends a process at once, as far as a test can."""


@pytest.fixture
def place(tmp_path: Path) -> Entry:
    return entry(tmp_path, ".stages", "0123abcd")


@pytest.fixture
def written(place: Entry) -> Entry:
    place.write(FILES)
    return place


def whole(place: Entry) -> dict[str, bytes] | None:
    try:
        return place.read()
    except Damaged:
        return None


def test_what_was_written_is_read(written: Entry) -> None:
    assert written.read() == FILES


def test_no_entry_is_none(place: Entry) -> None:
    assert place.read() is None


@pytest.mark.parametrize("name", FULL)
def test_a_flipped_bit_in_any_byte_of_any_file_is_noticed(written: Entry, name: str) -> None:
    content = (written.path / name).read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        (written.path / name).write_bytes(flipped)
        with pytest.raises(Damaged, match=name):
            written.read()

    (written.path / name).write_bytes(content)
    assert written.read() == FILES


@pytest.mark.parametrize("name", FULL)
def test_every_shortened_file_is_noticed(written: Entry, name: str) -> None:
    content = (written.path / name).read_bytes()
    for length in range(len(content) - 1):  # the manifest's last line break says nothing
        (written.path / name).write_bytes(content[:length])
        with pytest.raises(Damaged, match=name):
            written.read()


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_every_missing_file_is_noticed(written: Entry, name: str) -> None:
    (written.path / name).unlink()

    with pytest.raises(Damaged, match=name):
        written.read()


@pytest.mark.parametrize(
    "manifest",
    ["", "{}", "[]", "null", '{"files": {}}', '{"files": {}, "manifest": ""}', '{"files": null}'],
)
def test_a_manifest_that_says_nothing_proves_nothing(written: Entry, manifest: str) -> None:
    (written.path / MANIFEST).write_text(manifest)

    with pytest.raises(Damaged, match=MANIFEST):
        written.read()


def test_files_of_another_entry_are_noticed(written: Entry, tmp_path: Path) -> None:
    other = entry(tmp_path, ".stages", "other")
    other.write(NEW)
    (other.path / "a.bin").replace(written.path / "a.bin")

    with pytest.raises(Damaged, match=r"a\.bin"):
        written.read()


@pytest.mark.parametrize("damage", [None, "a.bin", MANIFEST])
def test_writing_replaces_all_that_was_there(written: Entry, damage: str | None) -> None:
    if damage:
        (written.path / damage).unlink()
    written.write(NEW)

    assert written.read() == NEW
    assert {path.name for path in written.path.iterdir()} == {*NEW, MANIFEST}
    assert list(written.path.parent.iterdir()) == [written.path]


def test_an_entry_without_files_is_one(place: Entry) -> None:
    place.write({})

    assert place.read() == {}


@pytest.mark.parametrize("old", [FILES, None])
@pytest.mark.parametrize("last", [*NEW, MANIFEST, "rename"])
def test_a_process_that_dies_while_it_writes_leaves_the_old_entry_or_none(
    place: Entry, monkeypatch: pytest.MonkeyPatch, last: str, old: dict[str, bytes] | None
) -> None:
    if old:
        place.write(old)

    def die(path: Path, content: bytes, synced: bool = True) -> None:
        if path.name == last:
            path.write_bytes(content[:1])
            raise Died
        write_whole(path, content, synced)

    def die_renaming(path: Path, target: Path) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr("tlrun.store.entries.write_whole", die)
        patched.setattr("tlrun.store.files.write_whole", die)
        if last == "rename":
            patched.setattr(Path, "rename", die_renaming)
        with pytest.raises(Died):
            place.write(NEW)

    assert whole(place) == (None if last == "rename" else old)
    left = list(entries(place.path.parent.parent, ".stages"))
    assert {found.lock for found in left} == {place.lock}
    assert any(found.path != place.path for found in left)
    place.write(NEW)
    assert place.read() == NEW


@pytest.mark.parametrize("gone", [*FILES, MANIFEST])
def test_a_process_that_dies_while_it_removes_leaves_none_that_reads(
    written: Entry, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    def die(path: Path, **_: Any) -> None:
        if path == written.path:
            (path / gone).unlink()
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr("tlrun.store.files.shutil.rmtree", die)
        with pytest.raises(Died):
            written.write(NEW)

    assert whole(written) is None
    written.write(NEW)
    assert written.read() == NEW


def test_entries_lists_every_one_and_no_file(tmp_path: Path) -> None:
    assert list(entries(tmp_path, ".stages")) == []
    places = [entry(tmp_path, ".stages", key) for key in ("aa", "bb")]
    for place in places:
        place.write(FILES)
    (places[0].path / MANIFEST).unlink()
    (tmp_path / ".stages" / "note.txt").write_text("")
    entry(tmp_path, ".cache/features", "aa").write(FILES)

    assert list(entries(tmp_path, ".stages")) == places


def test_reading_counts_as_use(written: Entry) -> None:
    os.utime(written.path / MANIFEST, (0, 0))
    assert written.used == 0

    written.read()

    assert written.used > 0


def test_a_damaged_entry_is_not_used_by_reading_it(written: Entry) -> None:
    (written.path / "a.bin").unlink()
    os.utime(written.path / MANIFEST, (0, 0))

    assert whole(written) is None
    assert written.used == 0


def test_an_entry_on_a_disk_that_is_only_read_is_read(
    written: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("tlrun.store.entries.os.utime", refuse)

    assert written.read() == FILES


def test_one_lock_an_entry(tmp_path: Path) -> None:
    places = [
        entry(tmp_path, home, key)
        for home in (".stages", ".cache/features")
        for key in ("aa", "bb")
    ]

    assert len({place.lock for place in places}) == 4
    with places[0].locked(no_note, "training"):
        assert [place.held for place in places] == [True, False, False, False]
        for place in places[1:]:
            with place.locked(no_note, "training"):
                pass
    assert not any(place.held for place in places)
    assert entry(tmp_path, ".stages", "aa") == places[0]


def test_a_manifest_of_another_make_is_damaged(written: Entry) -> None:
    told = {"files": [], "manifest": hashlib.sha256(b"[]").hexdigest()}
    (written.path / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(Damaged):
        written.read()


def test_a_disk_that_fills_up_is_not_filled_further_and_keeps_what_was_there(
    written: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written.read()

    def full(path: Path, content: bytes, synced: bool = True) -> None:
        raise OSError(28, "No space left on device")

    # what write_json calls, for the manifest, last
    monkeypatch.setattr("tlrun.store.files.write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        written.write({"new": b"content"})

    assert written.read() == before
    assert list(written.path.parent.iterdir()) == [written.path]


def test_a_whole_entry_is_proved_and_a_missing_one_is_not(written: Entry, place: Entry) -> None:
    assert written.prove()
    written.remove()
    assert not place.prove()


@pytest.mark.parametrize("name", ["a.bin", "manifest.json"])
def test_what_is_read_whole_is_proved_whole(written: Entry, name: str) -> None:
    """A bit that reading would notice, proving notices."""
    path = written.path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(Damaged, match=name):
        written.prove()


def test_an_entry_is_filled_whole_or_not_at_all(written: Entry) -> None:
    def fails(folder: Path) -> dict[str, str]:
        (folder / "half").write_bytes(b"x")
        raise ValueError("no more")

    before = written.read()
    with pytest.raises(ValueError, match="no more"):
        written.fill(fails)
    assert written.read() == before
    assert [path.name for path in written.path.parent.iterdir()] == [written.path.name]


@pytest.mark.parametrize("how", ["copied", "moved"])
def test_an_entry_at_the_place_of_another_is_told_whose_it_is(
    written: Entry, tmp_path: Path, how: str
) -> None:
    for home, key in ((".stages", "ffff"), (".cache/features", "0123abcd")):
        other = entry(tmp_path, home, key)
        shutil.copytree(written.path, other.path)
        if how == "moved":
            written.remove()
        for used in (other.read, other.prove):
            with pytest.raises(Damaged, match=r"that of \.stages/0123abcd, which was moved"):
                used()
        other.write(NEW)
        assert other.read() == NEW
        written.write(FILES)


def test_a_folder_of_entries_may_be_moved_whole(written: Entry, tmp_path: Path) -> None:
    (tmp_path / ".stages").rename(tmp_path / "new")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new").rename(tmp_path / "elsewhere" / ".stages")

    assert entry(tmp_path / "elsewhere", ".stages", "0123abcd").read() == FILES


def test_an_entry_that_does_not_say_whose_it_is_is_of_an_older_tl_run(written: Entry) -> None:
    files = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    (written.path / MANIFEST).write_text(json.dumps({"files": files, "manifest": digest}))

    with pytest.raises(Damaged, match="of an older tl-run"):
        written.read()


def test_a_manifest_names_no_file_elsewhere(written: Entry, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"")
    content = {"entry": ".stages/0123abcd", "files": {"../../secret": hashlib.sha256().hexdigest()}}
    told = {**content, "manifest": digest_of_json(content)}
    (written.path / MANIFEST).write_text(json.dumps(told))

    with pytest.raises(Damaged, match=MANIFEST):
        written.read()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which file it is")
def test_a_synced_entry_is_synced_before_it_has_its_name_and_its_name_after(
    place: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []

    def fsync(file: int) -> None:
        name = Path(f"/proc/self/fd/{file}").resolve().name
        synced.append((name, place.path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    place.write(FILES)
    assert synced == []
    place.remove()
    place.write(FILES, synced=True)

    before = [name for name, there in synced if not there]
    assert sorted(before[:-1]) == sorted([*FILES, MANIFEST])
    assert before[-1].startswith(f".{place.path.name}.")
    after = [name for name, there in synced if there]
    assert after == [place.path.parent.name, place.path.parent.parent.name]
