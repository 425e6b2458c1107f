from pathlib import Path
from typing import Any

import numpy as np
import pytest
from table_columns import found

from tlrun.core.errors import UserError
from tlrun.data.tables.folds import draw_folds

RANDOM = np.random.default_rng(0)


def folds(
    folder: Path, lines: list[str], count: int = 5, copies: bool = True, **options: Any
) -> np.ndarray:
    table = found(folder, "\n".join(lines), **options)
    return draw_folds(table, table.used, count, 7, copies=copies)


def rows(n: int) -> list[str]:
    """g: every three rows are one group, some of which two domains have."""
    numbers = RANDOM.normal(size=(n, 2)).round(4)
    return [
        "d,g,a,b,y",
        *(
            f"{'AB'[k * 7 % 5 > 2]},g{k // 3},{a},{b},{k % 4 == 0:d}"
            for k, (a, b) in enumerate(numbers)
        ),
    ]


def test_every_row_is_in_one_fold_and_every_domain_and_class_has_its_share(tmp_path: Path) -> None:
    lines = rows(200)
    found_folds = folds(tmp_path, lines, task="d", ignore=("g",))
    cells = [line.split(",") for line in lines[1:]]

    assert set(found_folds.tolist()) == set(range(5))
    for domain in "AB":
        for label in "01":
            mine = [k for k, cell in enumerate(cells) if (cell[0], cell[4]) == (domain, label)]
            assert np.ptp(np.bincount(found_folds[mine], minlength=5)) <= 1


@pytest.mark.parametrize("options", [{}, {"task": "d"}])
def test_a_group_is_in_one_fold_in_all_its_domains(tmp_path: Path, options: Any) -> None:
    lines = rows(200)
    found_folds = folds(tmp_path, lines, group="g", **options)
    groups = [line.split(",")[1] for line in lines[1:]]
    pairs = set(zip(groups, found_folds.tolist(), strict=True))

    assert len(pairs) == len(set(groups))


def test_equal_rows_are_in_one_fold_and_tie_their_groups(tmp_path: Path) -> None:
    lines = rows(90)
    lines[1 + 50] = f"A,g16,{','.join(lines[1].split(',')[2:4])},0"  # row 0, which is of g0, again
    ungrouped = folds(tmp_path, lines, ignore=("d", "g"))
    grouped = folds(tmp_path, lines, group="g", ignore=("d",))
    kept = folds(tmp_path, lines, copies=False, ignore=("d", "g"))

    assert ungrouped[0] == ungrouped[50]
    assert len(set(grouped[[0, 1, 2, 48, 49, 50]].tolist())) == 1
    assert np.ptp(np.bincount(kept)) == 0


def test_rows_without_a_label_and_rows_that_are_not_divided_are_in_none(tmp_path: Path) -> None:
    lines = rows(60)
    lines[5] = lines[5].rsplit(",", 1)[0] + ","
    found_folds = folds(tmp_path, lines, ignore=("d", "g"))

    assert found_folds[4] == -1
    assert (np.delete(found_folds, 4) >= 0).all()


def test_where_nothing_is_labelled_nothing_is_divided(tmp_path: Path) -> None:
    table = found(tmp_path, "\n".join(rows(30)), ignore=("d", "g"))

    assert set(draw_folds(table, np.zeros(30, dtype=bool), 5, 0, copies=True).tolist()) == {-1}


def test_more_folds_than_there_is_to_divide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"test_folds: expected at most 4 \(groups or .* found 5"):
        folds(tmp_path, rows(12), group="g", ignore=("d",))
    with pytest.raises(
        UserError, match=r"test_folds: expected at most 6 \(different rows\), found 7"
    ):
        folds(tmp_path, rows(6), count=7, ignore=("d", "g"))


def test_a_domain_that_would_have_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    lines = [line.replace("B,", "A,", 1) for line in rows(60)]
    lines[1:4] = [line.replace("A,", "B,", 1) for line in lines[1:4]]  # the rows of g0

    with pytest.raises(UserError, match=r"test_folds: expected domain B in two folds or more"):
        folds(tmp_path, lines, task="d", group="g")
