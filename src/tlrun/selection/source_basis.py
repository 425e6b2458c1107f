"""Whether a score of sources has foretold gains, by the finished runs in a folder.

For one target, one seed and one way of transferring, a source has a score before the transfer, and
a gain over scratch on the test set after it. The rank correlation of the two, within the target, is
what says whether the order of the scores is worth following.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tlrun.report.formatting import FEWEST_OF_INTERVAL, PERCENT, number, unit_of
from tlrun.report.statistics.over_seeds import paired_interval

FEWEST = 3  # sources of one target and seed, from which on an order can be told from its reverse


@dataclass(frozen=True)
class Cell:
    """One target, one seed, one way of transferring.

    pairs: the score and the gain over scratch of each source, by its name. metric: the headline
    that gains are of.
    """

    target: str
    seed: int
    way: str
    pairs: Mapping[str, tuple[float, float]]
    metric: str


@dataclass(frozen=True)
class Basis:
    """How far a score's order has been that of the gains.

    score: what it is called. mean, half: of Spearman's ρ and of its 95 % t interval over `units`,
    nan where there are too few. draws: over how many pairs of a target and a seed, each with as
    many correlations as there are ways; targets: of how many targets. unscored: of how many
    transfers the score cannot be told any more. lost, by_lot: how much less than the best source of
    a cell the first of the order has gained, on average over cells, and one that is drawn by lot.
    metric: the headline that they are of; empty where there are several, which have no mean.
    """

    score: str
    mean: float
    half: float
    draws: int
    targets: int
    unscored: int = 0
    lost: float = math.nan
    by_lot: float = math.nan
    metric: str = ""

    @property
    def holds(self) -> bool:
        """Whether the interval lies above 0."""
        return self.mean - self.half > 0  # not where one is nan

    @property
    def units(self) -> str:
        """What the interval is over."""
        return "targets" if self.targets >= FEWEST_OF_INTERVAL else "draws"

    @property
    def lines(self) -> Sequence[str]:
        """What is said of it."""
        of = f"{self.draws} draws of {self.targets} target{'' if self.targets == 1 else 's'}"
        told = f"rank correlation of {self.score} and gain {self.mean:.2f} ± {self.half:.2f}"
        left = f"; {self.unscored} more cannot be scored again" if self.unscored else ""
        if math.isnan(self.half):
            least = f"transfers from {FEWEST} sources or more, on {FEWEST_OF_INTERVAL} seeds"
            found = f"found them on {self.draws}" if self.draws else "found none"
            return [f"no basis: expected finished {least}, in this folder, {found}{left}"]
        if not self.holds:
            told += f" ({of}, interval over {self.units}) does not lie above 0"
            return [f"no basis: {told}{self._of_loss}{left}"]
        return [f"basis: {told} ({of}, interval over {self.units}){self._of_loss}{left}"]

    @property
    def _of_loss(self) -> str:
        """How much the first of the order has lost; nothing where that has no mean."""
        if not self.metric:
            return ""
        lost, by_lot = (number(self.metric, value) for value in (self.lost, self.by_lot))
        points = " points" if unit_of(self.metric) == PERCENT else ""
        return f"; its first source gained {lost}{points} less than the best, one by lot {by_lot}"


def basis_of(cells: Sequence[Cell], score: str, unscored: int = 0) -> Basis:
    """What some cells say of a score; those of fewer than FEWEST sources say nothing.

    ρ of a draw is the mean over its ways. With three targets or more, the interval is over targets,
    each the mean of its draws, which share their candidates; else over draws, and says nothing of
    another target.
    """
    ways: dict[tuple[str, int], list[float]] = defaultdict(list)
    for cell in _told(cells):
        scores, gains = zip(*cell.pairs.values(), strict=True)
        rho = spearman(scores, gains)
        if not math.isnan(rho):
            ways[cell.target, cell.seed].append(rho)
    draws = {draw: fmean(found) for draw, found in ways.items()}
    by_target: dict[str, list[float]] = defaultdict(list)
    for (target, _), rho in draws.items():
        by_target[target].append(rho)
    units = list(draws.values())
    if len(by_target) >= FEWEST_OF_INTERVAL:
        units = [fmean(found) for found in by_target.values()]
    mean = half = lost = by_lot = math.nan
    if len(units) >= FEWEST_OF_INTERVAL:
        mean, half = paired_interval(units)
    metrics = {cell.metric for cell in _told(cells)}
    if len(metrics) == 1:
        lost, by_lot = map(fmean, zip(*map(_losses, _told(cells)), strict=True))
    metric = metrics.pop() if len(metrics) == 1 else ""
    return Basis(score, mean, half, len(draws), len(by_target), unscored, lost, by_lot, metric)


def _told(cells: Sequence[Cell]) -> list[Cell]:
    """Those of enough sources."""
    return [cell for cell in cells if len(cell.pairs) >= FEWEST]


def _losses(cell: Cell) -> tuple[float, float]:
    """How much less than the best source that of the highest score gained, and one by lot."""
    gains = [gain for _, gain in cell.pairs.values()]
    _, first = max(cell.pairs.values(), key=lambda pair: pair[0])
    return max(gains) - first, max(gains) - fmean(gains)


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's ρ of two lists of n numbers: the correlation of their ranks, ties at their mean.

    nan where one of them has no two different numbers (Spearman, Am. J. Psychol. 1904).
    """
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (one, other)]  # spearmanr warns of what nan is for here
    first, second = (each - each.mean() for each in ranks)
    size = math.sqrt(float((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size else math.nan
