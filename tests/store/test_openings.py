import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.store.openings import Opening, alone, file_of, opening_of, openings, write_down

ONE = Opening(
    "digits/a/x", "2026-01-01T00:00:00+00:00", "e", {"target": [3, 5]}, {"scratch": "digits/b/y"}
)
ROWS = json.dumps({**asdict(ONE), "rows": [3, 5]})


def test_what_is_written_down_is_read_again(tmp_path: Path) -> None:
    assert opening_of(tmp_path, "abc") is None
    write_down(tmp_path, "abc", ONE)

    assert opening_of(tmp_path, "abc") == ONE
    assert opening_of(tmp_path, "abd") is None
    other = replace(ONE, run="digits/c/z")
    write_down(tmp_path, "abd", other)
    assert list(openings(tmp_path)) == [ONE, other]
    assert list(openings(tmp_path / "none")) == []


def test_rows_are_shared_where_one_of_them_is_of_the_same_examples() -> None:
    assert ONE.shares("e", {"target": [5, 8]})
    assert not ONE.shares("e", {"target": [4, 8]})
    assert not ONE.shares("e", {"source": [5]})
    assert not ONE.shares("f", {"target": [5]})
    assert not replace(ONE, examples="").shares("", {"target": [5]})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": "a"}', ROWS])
def test_a_record_that_cannot_be_read_is_no_permission(tmp_path: Path, text: str) -> None:
    write_down(tmp_path, "abc", ONE)
    file_of(tmp_path, "abc").write_text(text)

    with pytest.raises(UserError, match="final: expected a record that can be read"):
        opening_of(tmp_path, "abc")


def test_a_link_that_leads_nowhere_is_no_permission(tmp_path: Path) -> None:
    file = file_of(tmp_path, "abc")
    file.parent.mkdir()
    file.symlink_to(file.name)

    with pytest.raises(UserError, match="final: expected a record that can be read"):
        opening_of(tmp_path, "abc")


def test_one_process_at_a_time_has_the_rows(tmp_path: Path) -> None:
    def busy(_: str) -> None:
        raise BlockingIOError

    with alone(tmp_path, "abc", busy):
        with pytest.raises(BlockingIOError), alone(tmp_path, "abc", busy):
            pass
        with alone(tmp_path, "abd", busy):
            pass
    with alone(tmp_path, "abc", busy):
        pass
