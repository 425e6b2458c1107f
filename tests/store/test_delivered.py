"""What is delivered is proved, file by file; one of an older tl-run as far as it says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tlrun.store.delivered import is_of_older, prove, read_delivered
from tlrun.store.digests import OWN, digests_of, sealed

NAMES = ("members/a/run.json", "members/a/model.safetensors")


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "members" / "a").mkdir(parents=True)
    for name in NAMES:
        (tmp_path / name).write_text(name)
    put(tmp_path, "delivered.json", sealed({"weight": 0.5, "digests": digests_of(tmp_path, NAMES)}))
    put(tmp_path, "card.json", sealed({"score": 0.5}))
    return tmp_path


def put(folder: Path, name: str, value: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(value))


@pytest.mark.parametrize("name", [*NAMES, "delivered.json", "card.json"])
def test_each_changed_file_is_named(stack: Path, name: str) -> None:
    prove(stack)
    content = (stack / name).read_text()
    for changed in (content.replace("0.5", "0.6").replace("members", "others"), "", "{}", None):
        (stack / name).unlink(missing_ok=True)
        if changed is None:
            os.mkfifo(stack / name)
        else:
            (stack / name).write_text(changed)
        with pytest.raises((OSError, ValueError), match=name):
            prove(stack)


def test_a_stack_without_a_card_is_whole_and_one_without_a_member_is_not(stack: Path) -> None:
    (stack / "card.json").unlink()
    prove(stack)
    (stack / NAMES[0]).unlink()
    with pytest.raises(ValueError, match=r"run\.json: No such file"):
        prove(stack)


def test_of_an_older_tl_run_the_members_are_proved(stack: Path) -> None:
    assert not is_of_older(stack)
    kept = read_delivered(stack)
    del kept[OWN]
    put(stack, "delivered.json", kept)
    put(stack, "card.json", {"score": 0.5})
    assert is_of_older(stack)
    assert read_delivered(stack) == kept
    prove(stack)
    (stack / NAMES[1]).write_text("another")
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        prove(stack)


@pytest.mark.parametrize("digests", [None, [], {"../x": "0"}, {"/etc/x": "0"}, {"a\\b": "0"}])
def test_digests_of_files_elsewhere_are_damage(stack: Path, digests: Any) -> None:
    put(stack, "delivered.json", sealed({"digests": digests}))
    with pytest.raises(ValueError, match="holds no digests of files in its folder"):
        prove(stack)
