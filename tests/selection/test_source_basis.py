import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from tlrun.report.statistics.over_seeds import paired_interval
from tlrun.selection.source_basis import Cell, basis_of, spearman


def cell(
    target: str,
    seed: int,
    scores: list[float],
    gains: list[float],
    way: str = "w",
    metric: str = "target accuracy",
) -> Cell:
    pairs = zip(scores, gains, strict=True)
    return Cell(target, seed, way, {f"s{k}": pair for k, pair in enumerate(pairs)}, metric)


UP, DOWN = [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]


def test_spearman_agrees_with_scipy_ties_too() -> None:
    rng = np.random.default_rng(0)
    for n in (3, 5, 12):
        one, other = rng.integers(0, 4, (2, n)).tolist()
        if len(set(one)) > 1 and len(set(other)) > 1:
            assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_an_order_that_always_holds_is_a_basis_and_its_reverse_is_none() -> None:
    right = basis_of([cell(t, s, UP, [0.1, 0.2, 0.2, 0.3]) for t in "abc" for s in (0, 1)], "S")
    wrong = basis_of([cell(t, s, UP, DOWN) for t in "abc" for s in (0, 1)], "S")

    assert right.holds
    assert right.lines[0].startswith("basis: rank correlation of S and gain 0.95 ± 0.00")
    assert (right.draws, right.targets, right.units) == (6, 3, "targets")
    assert not wrong.holds
    assert wrong.lines[0].startswith("no basis: rank correlation of S and gain -1.00 ± 0.00")


def test_with_three_targets_the_interval_is_over_their_means() -> None:
    cells = [
        *(cell("a", s, UP, UP) for s in range(9)),
        *(cell(t, 0, UP, gains) for t, gains in (("b", DOWN), ("c", [1.0, 2.0, 4.0, 3.0]))),
    ]
    basis = basis_of(cells, "S")

    assert (basis.mean, basis.half) == pytest.approx(paired_interval([1.0, -1.0, 0.8]))
    assert not basis.holds


def test_with_fewer_targets_it_is_over_draws_and_ways_are_one_draw() -> None:
    cells = [cell("a", s, UP, UP, way) for s in range(3) for way in "xy"]
    cells.append(cell("a", 0, UP, DOWN, "z"))
    basis = basis_of(cells, "S")

    assert (basis.draws, basis.targets, basis.units) == (3, 1, "draws")
    assert (basis.mean, basis.half) == pytest.approx(paired_interval([1 / 3, 1.0, 1.0]))


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [cell("a", s, UP, UP) for s in (0, 1)],
        [cell("a", s, UP[:2], UP[:2]) for s in range(9)],
        [cell("a", s, UP, [1.0] * 4) for s in range(9)],
    ],
)
def test_of_few_runs_there_is_no_basis(cells: list[Cell]) -> None:
    basis = basis_of(cells, "S", unscored=2)

    assert not basis.holds
    assert math.isnan(basis.half)
    (line,) = basis.lines
    assert line.startswith("no basis: expected finished transfers from 3 sources or more")
    assert line.endswith("; 2 more cannot be scored again")


def test_what_the_first_has_lost_stands_beside_what_one_by_lot_has() -> None:
    cells = [cell(t, 0, UP, [0.0, 0.1, 0.4, 0.3]) for t in "abc"]
    (line,) = basis_of(cells, "S").lines

    assert line.endswith(
        "; its first source gained 10.0 points less than the best, one by lot 20.0"
    )
    assert "by lot" not in basis_of([*cells, cell("d", 0, UP, UP, metric="r2")], "S").lines[0]


def test_scores_without_a_relation_seldom_are_a_basis() -> None:
    """Of 200 made folders of five targets, about one in forty has an interval above 0 by chance."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        cells = [
            cell(t, s, rng.normal(size=6).tolist(), rng.normal(size=6).tolist())
            for t in "abcde"
            for s in range(3)
        ]
        found += basis_of(cells, "S").holds

    assert found < 15
