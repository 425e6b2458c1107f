"""How often the interval of two arms is wrong, in studies made by other models than its own.

Rates are of 2,000 simulated studies a case, with fixed seeds: the Monte Carlo error of a rate of
5 % is ±1.0 points (95 %), of 20 % ±1.8. `pytest -s` prints them. Bounds are what is promised, 6 %,
or, where it is not kept, what was measured, plus two points.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.special import ndtr

from tlrun.report.statistics.combined import clustered
from tlrun.report.statistics.paired import Paired, interval
from tlrun.report.statistics.units import placements

STUDIES = 2000
RNG = np.random.Generator
# sd over examples of an arm's effect, of the rest, and of a seed; by the discordance they make
DISCORDANCE = {"3 %": (0.08, 0.08, 0.04), "10 %": (0.3, 0.3, 0.1), "25 %": (0.8, 0.8, 0.25)}


def error_rates(case: str, studies: Iterator[tuple[Paired, float]], *levels: float) -> list[float]:
    """The percentage of intervals that miss the truth, at each level; printed with half-widths."""
    missed = np.zeros((STUDIES, len(levels)))
    halves = np.zeros_like(missed)
    for i in range(STUDIES):
        paired, truth = next(studies)
        for k, level in enumerate(levels):
            found = interval(paired, level)
            missed[i, k] = not found.low <= truth <= found.high
            halves[i, k] = found.half
    rates = 100 * missed.mean(axis=0)
    for level, rate, half in zip(levels, rates, halves.mean(axis=0), strict=True):
        print(f"\n{case}, level {level:.4f}: wrong {rate:.2f} %, half-width {half:.4f}")
    return [float(rate) for rate in rates]


def error_rate(case: str, studies: Iterator[tuple[Paired, float]]) -> float:
    """That at 5 %."""
    return error_rates(case, studies, 0.95)[0]


def right_or_wrong(
    rng: RNG,
    n: int,
    M: int,
    sds: tuple[float, float, float],
    means: tuple[float, float] = (0.8, 0.8),
    strata: int = 1,
    alone: bool = False,
) -> Iterator[tuple[Paired, float]]:
    """Answers of two arms, right where a latent normal is above 0.

    It is the sum of the arm's mean, how hard the example is (sd 1.5), the seed's draw of labels
    (.3), both of them shared by the arms; and, an arm, effects of the example, the seed and a rest
    (sds). So the chance to be right is Φ(mean/sd of the sum), and the truth a difference of two.
    """
    arm, rest, seed = sds
    sd = np.sqrt(1.5**2 + 0.3**2 + arm**2 + rest**2 + seed**2)
    truth = ndtr(means[0] / sd) - (0.0 if alone else ndtr(means[1] / sd))
    while True:
        shared = rng.normal(0, 1.5, M) + rng.normal(0, 0.3, (n, 1))
        answers = [
            shared + mean + arm * rng.normal(size=M) + seed * rng.normal(size=(n, 1))
            + rest * rng.normal(size=(n, M)) > 0
            for mean in means
        ]  # fmt: skip
        values = answers[0] - np.float64(0) if alone else answers[0] - answers[1].astype(float)
        yield (
            Paired(
                gains=values.mean(axis=1),
                values=values,
                strata=np.arange(M) % strata,
                weights=np.full(strata, 1 / strata),
                right_or_wrong=True,
                extremes=np.tile([0.0, 1.0], (strata, 1)) if alone else None,
            ),
            float(truth),
        )


@pytest.mark.slow
@pytest.mark.parametrize("discordance", DISCORDANCE)
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("M", [14, 50, 541, pytest.param(2000, marks=pytest.mark.long)])
def test_two_arms_alike_are_told_apart_as_seldom_as_promised(
    M: int, n: int, discordance: str
) -> None:
    """False words at 5 %: also of 14 examples, where the arms seldom differ at all."""
    studies = right_or_wrong(np.random.default_rng([M, n]), n, M, DISCORDANCE[discordance])

    assert error_rate(f"A/A n={n} M={M} {discordance}", studies) <= 6


@pytest.mark.long
@pytest.mark.parametrize("M", [541, 2000])
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize(("means", "alone"), [((1.3, 0.8), False), ((3.5, 3.0), False),
                                              ((3.5, 1.0), False), ((2.0, 0.0), True),
                                              ((3.5, 0.0), True)])  # fmt: skip
def test_a_gain_or_a_score_is_covered(
    means: tuple[float, float], alone: bool, n: int, M: int
) -> None:
    """Also at .83 %, of six arms. Of five seeds up to 8.7 and 3.2 % miss it:

    Satterthwaite's degrees are too many by a little, and where nearly all is right (3.5 against 3:
    98.6 and 97 %) what a seed adds is skewed, its best being near and its worst far.
    """
    rng = np.random.default_rng([M, n, int(10 * means[0])])
    studies = right_or_wrong(rng, n, M, DISCORDANCE["10 %"], means, alone=alone)

    one, of_six = error_rates(f"gain of {means} n={n} M={M}", studies, 0.95, 1 - 0.05 / 6)
    assert one <= (10.7 if n == 5 else 7.5)
    assert of_six <= (4.2 if n == 5 else 2.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strata", "M"), [(2, 28), (20, 140), pytest.param(100, 500, marks=pytest.mark.long)]
)
def test_many_small_strata_do_not_shrink_a_gain_away(strata: int, M: int) -> None:
    """Two whole pseudo-examples in each of 100 classes of five missed it in 75 % of 800."""
    rng = np.random.default_rng(strata)
    studies = right_or_wrong(rng, 10, M, DISCORDANCE["10 %"], (3.0, 1.0), strata)

    assert error_rate(f"gain in {strata} strata of M={M}", studies) <= 6


def additive(rng: RNG, n: int, M: int, one_arm: bool, kind: str) -> Iterator[tuple[Paired, float]]:
    """Values that are a seed's, an example's and a rest, of mean 0; of a mean of 541 a third."""

    def seeds() -> np.ndarray:
        if kind == "skewed":
            return rng.exponential(size=(n, 1)) - 1
        return rng.normal(size=(n, 1)) - 10 * (rng.random((n, 1)) < 0.1) + 1

    while True:
        gains = seeds() - (0 if one_arm else seeds())
        scale = 0.3 * np.sqrt(M)
        values = gains + scale * (rng.exponential(size=M) - 1)
        values += scale * (rng.exponential(size=(n, M)) - 1)
        yield Paired(values.mean(axis=1), values), 0.0


@pytest.mark.long
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize(("kind", "one_arm", "bound"), [
    ("skewed", False, 6), ("skewed", True, 10), ("collapsing", False, 6), ("collapsing", True, 24)
])  # fmt: skip
def test_seeds_that_are_skewed_or_collapse(kind: str, one_arm: bool, bound: float, n: int) -> None:
    """A seed in ten loses ten sd. Where it does in one arm alone no spread of so few seeds tells:

    a third of studies of ten seeds have seen no such seed, and their mean is one sd off.
    """
    studies = additive(np.random.default_rng([n, 7]), n, 541, one_arm, kind)

    assert error_rate(f"{kind}, of {'one arm' if one_arm else 'both'}, n={n}", studies) <= bound


def ranks(rng: RNG, n: int, P: int, shift: float, arm: float) -> Iterator[tuple[Paired, float]]:
    """AUCs of two arms of P positives and Q = 3P + 20 negatives; the first is `shift` better."""
    Q, rest, seed = 3 * P + 20, arm, 0.1
    kinds = np.repeat([0, 1], [Q, P])
    sd = np.sqrt(2 * (1 + arm**2 + rest**2) + seed**2)
    truth = float(ndtr((1.2 + shift) / sd) - ndtr(1.2 / sd))
    while True:
        shared = rng.normal(0, 1, Q + P) + 1.2 * kinds
        values = np.zeros((n, Q + P))
        for sign, better in ((1, shift), (-1, 0.0)):
            own = shared + arm * rng.normal(size=Q + P) + better * kinds
            seeds = own + rest * rng.normal(size=(n, Q + P))
            seeds += seed * rng.normal(size=(n, 1)) * kinds
            for i, outputs in enumerate(seeds):
                above, below = placements(outputs[Q:], outputs[:Q])
                values[i] += sign * np.concatenate([below, above])
        yield Paired(values[:, Q:].mean(axis=1), values, kinds, np.ones(2)), truth


@pytest.mark.long
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("arm", [0.3, 0.8])
@pytest.mark.parametrize(("P", "shift", "bound"), [(10, 0.0, 6), (30, 0.0, 6), (10, 0.6, 10),
                                                   (30, 0.6, 6)])  # fmt: skip
def test_an_auc_of_few_positives(P: int, shift: float, bound: float, arm: float, n: int) -> None:
    """Below 30 positives a gain that is there is missed a little too often, none is not found."""
    studies = ranks(np.random.default_rng([n, P, int(10 * arm)]), n, P, shift, arm)

    assert error_rate(f"AUC P={P} n={n} shift {shift} arm {arm}", studies) <= bound


def grouped(rng: RNG, n: int, G: int, sd: float, rows: bool) -> Iterator[tuple[Paired, float]]:
    """Two arms alike; G groups of 10 to 30 examples, in which an arm has an effect of its own."""
    while True:
        groups = np.repeat(np.arange(G), rng.integers(10, 31, G))
        values = np.zeros((n, len(groups)))
        hard = 0.8 + rng.normal(0, 1.5, len(groups))
        for sign in (1, -1):
            latent = hard + rng.normal(0, sd, G)[groups] + 0.1 * rng.normal(size=(n, 1))
            values += sign * (latent + 0.4 * rng.normal(size=values.shape) > 0)
        examples = Paired(values.mean(axis=1), values, right_or_wrong=True)
        yield (examples if rows else clustered(examples, groups)), 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("G", "sd"), [(6, 0.0), (6, 0.8), (10, 0.8), (30, 0.8)])
def test_groups_of_examples_are_told_apart_as_seldom_as_promised(G: int, sd: float) -> None:
    studies = grouped(np.random.default_rng(G), 10, G, sd, rows=False)

    assert error_rate(f"A/A in {G} groups, sd {sd}", studies) <= 6


@pytest.mark.slow
def test_rows_of_groups_are_not_examples_of_their_own() -> None:
    """What `clustered` is for."""
    studies = grouped(np.random.default_rng(0), 10, 10, 0.8, rows=True)

    assert error_rate("A/A of rows in 10 groups", studies) > 20
