"""Rows that are tied stay together, however long the chain; strata are domains and classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.problem import Split
from tlrun.data.row_units import deal, strata_of, units_of


def rows(values: list[float], groups: list[int] | None = None) -> Split:
    inputs = np.array(values, dtype=np.float32)[:, None]
    labels = {"t": np.arange(len(values)) % 2}
    of = None if groups is None else np.array(groups)
    return Split(inputs, labels, np.arange(len(values)), groups=of)


def test_without_ties_every_row_is_its_own() -> None:
    assert units_of([rows([1, 1, 2])], copies=False).tolist() == [0, 1, 2]


def test_groups_and_copies_tie_across_domains_and_in_chains() -> None:
    one, other = rows([1, 2, 3], [7, 8, 9]), rows([2, 5], [6, 9])

    # 2 stands in both; group 9 stands in both
    assert units_of([one, other], copies=True).tolist() == [0, 1, 2, 1, 2]
    assert units_of([one, other], copies=False).tolist() == [0, 1, 2, 3, 2]
    chain = rows([1, 1, 4], [0, 5, 5])
    assert units_of([chain], copies=True).tolist() == [0, 0, 0]


@pytest.mark.parametrize("count", [1, 3])
def test_strata_tell_domains_and_combinations_of_classes_apart(count: int) -> None:
    first = rows([1, 2, 3, 4])
    both = {**first.labels, "u": np.array([0, 0, 1, 1]), "number": np.arange(4.0)}
    first = replace(first, labels=both)

    strata = strata_of([first] * count)

    assert len(set(strata.tolist())) == 4 * count
    assert strata_of([rows([1, 2, 3, 4])]).tolist() == [0, 1, 0, 1]


@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3)), min_size=8, max_size=80),
    st.integers(2, 6),
    st.integers(0, 9),
)
def test_in_each_stratum_no_fold_has_two_units_more_than_another(
    rows: list[tuple[int, int]], count: int, seed: int
) -> None:
    _, units = np.unique([unit for unit, _ in rows], return_inverse=True)
    strata = np.array([stratum for _, stratum in rows])
    dealt = deal(units, strata, count, seed)

    assert dealt.shape == (units.max() + 1,)
    of_unit = [np.bincount(strata[units == unit]).argmax() for unit in range(len(dealt))]
    for stratum in set(of_unit):
        sizes = np.bincount(dealt[np.array(of_unit) == stratum], minlength=count)
        assert np.ptp(sizes) <= 1
    assert np.ptp(np.bincount(dealt, minlength=count)) <= 1
    assert np.array_equal(dealt, deal(units, strata, count, seed))
