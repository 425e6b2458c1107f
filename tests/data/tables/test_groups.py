from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.column_roles import columns
from tlrun.data.tables.groups import check_groups_whole, draw_groups, group_split
from tlrun.data.tables.splits import draw_tests, split_rows
from tlrun.data.tables.table_file import read


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1),
    st.floats(0.05, 0.95),
    st.integers(0, 9),
)
def test_a_group_is_split_off_in_all_domains_or_in_none(
    pairs: list[tuple[int, int]], share: float, seed: int
) -> None:
    groups, domains = (np.array(column) for column in zip(*pairs, strict=True))
    split_off = group_split(groups, domains, share, seed)

    assert all(len(set(split_off[groups == group].tolist())) == 1 for group in groups)
    if (domains == domains[0]).all() and len(set(groups.tolist())) > 1:
        assert len(set(split_off.tolist())) == 2


@given(st.integers(2, 12), st.integers(1, 3), st.floats(0.05, 0.95), st.integers(0, 9))
def test_each_domain_splits_off_its_share_of_groups_of_its_own(
    count: int, domains: int, share: float, seed: int
) -> None:
    groups = np.arange(count * domains)
    split_off = group_split(groups, groups // count, share, seed).reshape(domains, count)

    for drawn in split_off.sum(axis=1).tolist():
        assert 1 <= drawn < count
        assert abs(drawn - share * count) <= 1


@given(st.integers(2, 12), st.sampled_from([0.05, 0.5, 0.92, 0.95]), st.integers(0, 9))
def test_whatever_the_share_no_side_is_left_without_a_group(
    count: int, share: float, seed: int
) -> None:
    split_off = group_split(np.arange(count), np.zeros(count), share, seed)

    assert split_off.sum() == min(max(1, round(share * count)), count - 1)


@given(st.integers(1, 9), st.floats(0.05, 0.95), st.integers(0, 99))
def test_groups_that_an_earlier_domain_has_drawn_count_for_a_later_one(
    common: int, share: float, seed: int
) -> None:
    """Of two domains of ten groups, some in common, the second has its share too, as far as the
    first leaves it one."""
    first, second = np.arange(10), np.arange(10 - common, 20 - common)
    groups, domains = np.concatenate([first, second]), np.repeat([0, 1], 10)
    split_off = group_split(groups, domains, share, seed)
    wanted = min(max(1, round(share * 10)), 9)
    inherited = int(split_off[10 - common : 10].sum())

    assert split_off[:10].sum() == wanted
    assert split_off[10:].sum() == min(max(wanted, inherited), inherited + 10 - common)


@pytest.mark.parametrize("rows", [slice(None), slice(0, 16)])
def test_groups_are_drawn_of_the_rows_that_are_asked_for(tmp_path: Path, rows: slice) -> None:
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["g,x,y", *(f"g{k % 6},{k / 8},{k % 2}" for k in range(24))]))
    options = TableCsv(group="g")
    table = columns(read(str(file), ",", "utf-8", options.notation), options)
    asked = np.zeros(24, dtype=bool)
    asked[rows] = True
    drawn = draw_groups(table, asked, 0.5, 0, "dataset.test_share")

    assert (drawn <= asked).all()
    groups = np.arange(24) % 6
    assert len(set(groups[drawn].tolist())) == 3
    assert not set(groups[drawn].tolist()) & set(groups[asked & ~drawn].tolist())


def test_a_row_without_a_label_may_be_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("g,s,x,y\na,train,1,0\na,test,2,\nb,test,3,1\nb,test,4,0\n")
    options = TableCsv(group="g", split="s")

    table = columns(read(str(file), ",", "utf-8", options.notation), options)
    check_groups_whole(table, options)


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (
            ["g,s,x,y", "a,train,1,0", "a,val,2,1", "b,test,3,0"],
            {"split": "s", "group": "g"},
            r"dataset.split: expected every row of a group .*, found train and val for g a; leave",
        ),
        (
            ["g,x,y", "a,1,0", "a,2,1"],
            {"group": "g"},
            r"dataset.test_share: expected at least 2 groups in domain table to divide, found 1",
        ),
        (
            ["g,x,y", "a,1,0", "b,2,1"],
            {"group": "g", "val_share": 0.5},
            r"dataset.val_share: expected at least 2 groups in domain table to divide, found 1",
        ),
    ],
)
def test_groups_that_cannot_be_split_are_refused(
    tmp_path: Path, lines: list[str], options: dict[str, Any], message: str
) -> None:
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    chosen = TableCsv(**options)
    table = columns(read(str(tmp_path / "table.csv"), ",", "utf-8", chosen.notation), chosen)

    def drawn() -> None:
        (test,) = draw_tests(table, chosen, seed=0)
        split_rows(table, chosen, test, seed=0)

    with pytest.raises(UserError, match=message) as caught:
        drawn()

    assert len(caught.value.lines) == 1
