import json
from pathlib import Path
from typing import Any

import pytest
from answering import cells, columns_of, on_table, without

import tlrun
from tlrun.core.errors import UserError
from tlrun.inference.member import members_of

from problems import sign


def changed(folder: Path, name: str, change: Any) -> None:
    """Change a file of JSON, and sign it."""
    kept = json.loads((folder / name).read_text())
    change(kept)
    (folder / name).write_text(json.dumps(kept))
    sign(folder)


def test_rows_are_read_once_by_models_that_read_alike(tmp_path: Path) -> None:
    folder = on_table(tmp_path)
    one, other = (*members_of(folder), *members_of(folder))
    memo: dict[Any, Any] = {}
    new = without(columns_of(cells()[:2]), "ill", "site")
    assert one.read(new, memo) is other.read(new, memo)
    assert one.read(new, {}) is not one.read(new, {})


def test_a_fold_is_a_member(tmp_path: Path) -> None:
    folder = on_table(tmp_path, {"name": "linear_model"}, test_folds=3, val_share=0.0)
    assert len(members_of(folder)) == 3
    assert len(tlrun.load(folder).predict(without(columns_of(cells()[:2]), "ill", "site"))) == 2


def test_a_form_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = on_table(tmp_path)
    changed(folder, "preprocessing.json", lambda kept: kept.update(version=99))
    with pytest.raises(UserError, match=r"preprocessing\.json: expected how its rows were read, f"):
        tlrun.load(folder)


def test_numbers_of_which_no_unit_is_kept_are_refused(tmp_path: Path) -> None:
    folder = on_table(tmp_path, predict="weight")
    changed(folder, "preprocessing.json", lambda kept: kept.update(tasks=[]))
    with pytest.raises(UserError, match="answers a task, found none, and no unit of weight"):
        tlrun.load(folder)
