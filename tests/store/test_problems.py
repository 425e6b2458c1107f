import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlrun.store import problems
from tlrun.store.entries import entry
from tlrun.store.problems import HOME, forget, recall, remember, settled, states_of

MADE_WITH = {"numpy": "2", "threads": 1}
DESCRIPTION: dict[str, Any] = {"digest": "ab", "report": {"notes": ["λ"], "mean": 0.1 + 0.2}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    return path


def states(file: Path) -> list[Any]:
    found = states_of([file])
    assert found is not None
    return found


def write_in_place(file: Path) -> None:
    file.write_text("a,b\n1,3\n")


def write_another_in_its_place(file: Path) -> None:
    write_in_place(other := file.with_name("other"))
    other.replace(file)


def link_to_another(file: Path) -> None:
    write_in_place(other := file.with_name("other"))
    file.unlink()
    file.symlink_to(other)


@pytest.mark.parametrize("change", [write_in_place, write_another_in_its_place, link_to_another])
def test_a_change_of_equal_size_with_its_time_put_back_shows(
    file: Path, change: Callable[[Path], None]
) -> None:
    before, status = states(file), file.stat()

    change(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert file.stat().st_size == status.st_size
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    assert states(file) != before


def test_what_is_left_alone_stays_as_it_is(file: Path) -> None:
    before = states(file)
    file.read_text()

    assert states(file) == before


def test_files_are_known_by_where_they_really_are(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text("1")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "b.csv").symlink_to("a.csv")
    ways = ["real/a.csv", "linked/a.csv", "real/b.csv", "linked/b.csv", "real/../linked/a.csv"]

    states = states_of([tmp_path / way for way in ways])

    assert states is not None
    assert [state[0] for state in states] == [str((tmp_path / "real" / "a.csv").resolve())] * 5
    assert states_of([tmp_path / "real"]) is None


def test_what_cannot_be_told_is_told_of_no_file(file: Path, tmp_path: Path) -> None:
    (circle := tmp_path / "circle").symlink_to(circle)

    for files in ([], [file, tmp_path / "none"], [tmp_path], [circle], [Path("a\0b")]):
        assert states_of(files) is None


@pytest.mark.parametrize("place", [2, 3])
def test_a_file_settles_once_it_was_left_alone(place: int) -> None:
    longest = problems.SETTLED + 1
    for age, expected in ((longest, True), (problems.SETTLED - 1, False), (-longest, False)):
        state = ["table.csv", 8, 0, 0, 1, 1]
        state[place] = int((problems.BEGUN - age) * 1e9)
        assert settled([state]) is expected


def test_what_is_remembered_comes_back_while_all_is_the_same(file: Path, tmp_path: Path) -> None:
    remember(tmp_path, "aa", MADE_WITH, states(file), DESCRIPTION)

    assert recall(tmp_path, "aa", MADE_WITH, states(file)) == DESCRIPTION
    assert recall(tmp_path, "bb", MADE_WITH, states(file)) is None
    assert recall(tmp_path, "aa", MADE_WITH | {"numpy": "3"}, states(file)) is None
    assert recall(tmp_path, "aa", {"numpy": "2"}, states(file)) is None
    write_in_place(file)
    assert recall(tmp_path, "aa", MADE_WITH, states(file)) is None


def test_what_is_forgotten_does_not_come_back(file: Path, tmp_path: Path) -> None:
    remember(tmp_path, "aa", MADE_WITH, states(file), DESCRIPTION)
    forget(tmp_path, "aa")
    forget(tmp_path, "bb")

    assert recall(tmp_path, "aa", MADE_WITH, states(file)) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"made with": 1}', b"\xff"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_damaged_memory_is_none(file: Path, tmp_path: Path, content: bytes, whole: bool) -> None:
    remember(tmp_path, "aa", MADE_WITH, states(file), DESCRIPTION)
    kept = entry(tmp_path, HOME, "aa")
    if whole:  # under digests that hold
        kept.write({"problem.json": content})
    else:
        (kept.path / "problem.json").write_bytes(content)

    assert recall(tmp_path, "aa", MADE_WITH, states(file)) is None


def test_an_edited_memory_is_none(file: Path, tmp_path: Path) -> None:
    remember(tmp_path, "aa", MADE_WITH, states(file), DESCRIPTION)
    path = entry(tmp_path, HOME, "aa").path / "problem.json"
    path.write_text(path.read_text().replace('"ab"', '"cd"'))

    assert recall(tmp_path, "aa", MADE_WITH, states(file)) is None


@pytest.mark.parametrize("report", [{"x": (1, 2)}, {1: 2}, {"x": float("nan")}, {"x": object()}])
def test_what_json_does_not_give_back_is_not_remembered(
    file: Path, tmp_path: Path, report: dict[Any, Any]
) -> None:
    remember(tmp_path, "aa", MADE_WITH, states(file), {**DESCRIPTION, "report": report})

    assert recall(tmp_path, "aa", MADE_WITH, states(file)) is None


def test_a_folder_that_cannot_be_written_is_no_failure(file: Path) -> None:
    remember(file, "aa", MADE_WITH, states(file), DESCRIPTION)  # a file is no folder
    forget(file, "aa")

    assert recall(file, "aa", MADE_WITH, states(file)) is None
