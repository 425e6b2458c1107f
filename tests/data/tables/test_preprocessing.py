import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.preprocessing import Preprocessing
from tlrun.data.tables.table_file import read

TABLE = (
    "site;x;c;dose;y\nA;1,5;u;k.A.;2,25\nA;2,5;v;1,125;4,5\nA;3,5;u;2,25;6,25\nB;4,5;;3,125;8,5\n"
    "B;5,5;w;4,25;9,25\nB;7,5;u;2,125;1,5\nA;8,5;v;7,25;3,25\nB;9,5;w;1,25;4,25\n"
)
OPTIONS: dict[str, Any] = {
    "separator": ";", "decimal": ",", "missing": ("k.A.",), "task": "site", "predict": "y",
    "metric": "mae",
}  # fmt: skip


def learnt(folder: Path) -> tuple[Preprocessing, np.ndarray, np.ndarray]:
    """What a table was read with, as kept; its inputs, and their rows, of every example."""
    (folder / "table.csv").write_text(TABLE)
    problem = TableCsv(path=str(folder / "table.csv"), **OPTIONS).load(0)
    splits = [domain.train for domain in problem.domains.values()]
    splits += problem.test.open().values()
    inputs = np.concatenate([split.inputs for split in splits])
    rows = np.concatenate([split.index for split in splits])
    kept = json.loads(json.dumps(problem.preprocessing, allow_nan=False))
    return Preprocessing.from_json(kept), inputs, rows


def test_new_rows_are_encoded_as_those_that_were_learnt_from(tmp_path: Path) -> None:
    """In another order, with columns of its own, and without the labels."""
    kept, inputs, rows = learnt(tmp_path)
    header, *lines = [line.split(";") for line in TABLE.splitlines()]
    order = [header.index(name) for name in ("dose", "c", "x")]
    new = [["extra", "dose", "c", "x"], *(["?", *(line[k] for k in order)] for line in lines)]
    (tmp_path / "new.csv").write_text("\n".join(map(";".join, new)))
    table = read(str(tmp_path / "new.csv"), kept.separator, kept.encoding, kept.notation)

    assert np.array_equal(kept.encode(table)[rows], inputs)


def test_what_is_kept_says_what_outputs_mean(tmp_path: Path) -> None:
    kept, _, _ = learnt(tmp_path)
    labels = np.array([float(line.split(";")[-1].replace(",", ".")) for line in TABLE.split()[1:]])

    assert list(kept.tasks) == ["y"]
    assert labels.min() < kept.tasks["y"].location < labels.max()
    assert 0 < kept.tasks["y"].scale < np.ptp(labels)
    assert (kept.domain_column, kept.domains) == ("site", {"A": "A", "B": "B"})


def test_classes_and_two_tasks_come_back(tmp_path: Path) -> None:
    text = "x,c,y\n" + "".join(f"{k}.5,{'ab'[k % 2]},{k * k % 7}.25\n" for k in range(20))
    (tmp_path / "two.csv").write_text(text)
    problem = TableCsv(path=str(tmp_path / "two.csv"), predict=("c", "y")).load(0)
    kept = Preprocessing.from_json(json.loads(json.dumps(problem.preprocessing)))

    assert kept.tasks == problem.tasks
    assert kept.tasks["c"].classes == ("a", "b")
    assert (kept.domain_column, kept.domains) == (None, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x;dose\n1;2\n", "dataset.inputs: expected a column, found 'c'"),
        ("x;dose;c\n1;2;u\none;2;u\n", "expected numbers in column x, .* found 'one' in line 3"),
        ("x;dose;c\n1e99;2;u\n", "expected finite numbers in column x, found '1e99' in line 2"),
    ],
)
def test_rows_that_cannot_be_encoded_so_are_refused(
    tmp_path: Path, text: str, expected: str
) -> None:
    kept, _, _ = learnt(tmp_path)
    (tmp_path / "new.csv").write_text(text)
    table = read(str(tmp_path / "new.csv"), ";", "utf-8", kept.notation)

    with pytest.raises(UserError, match=expected):
        kept.encode(table)


def test_what_another_version_kept_is_refused(tmp_path: Path) -> None:
    kept, _, _ = learnt(tmp_path)

    with pytest.raises(ValueError, match="version: expected 1, found 2"):
        Preprocessing.from_json({**kept.to_json(), "version": 2})
