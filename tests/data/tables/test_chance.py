from pathlib import Path

import numpy as np
import pytest
from table_columns import found

from tlrun.data.tables.chance import all_by_chance, equal_by_chance
from tlrun.data.tables.column_roles import Columns

RANDOM = np.random.default_rng(0)


def table(folder: Path, rows: list[str]) -> Columns:
    return found(folder, "\n".join(["d,a,b,y", *rows]), task="d")


def test_few_words_are_equal_by_chance_and_copied_codes_are_not(tmp_path: Path) -> None:
    ages = [f"A,{a},{b},{a % 2}" for a, b in RANDOM.integers(18, 80, (300, 2)) // (1, 20)]
    codes = [f"A,{a},{b},{a % 2}" for a, b in RANDOM.integers(0, 1000, (60, 2))]

    assert all_by_chance(table(tmp_path, ages))
    assert not all_by_chance(table(tmp_path, codes * 4))


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_measurements_are_never_equal_by_chance_however_often_they_are_repeated(
    tmp_path: Path, copies: int
) -> None:
    rows = [f"A,{a:.3f},{b:.3f},{k % 2}" for k, (a, b) in enumerate(RANDOM.normal(size=(80, 2)))]

    assert not equal_by_chance(table(tmp_path, ["B,9,9,1", *rows * copies]))
