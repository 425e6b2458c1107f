"""Which arms are not shown to be worse than the top one: of equal arms one looks best by luck."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Interval = Callable[[float], tuple[float, float]]  # of a level: low, high


def best(
    means: Mapping[str, float], over: Callable[[str, str], Interval], alpha: float = 0.05
) -> frozenset[str]:
    """The arms that may be the best of K: the top one, and all not shown to be worse than it.

    means: the mean score of each arm, above better. over: of two arms, the interval of the first's
    gain over the second at a level. An arm is left out where the interval of the top arm's gain
    over it, at level 1-α/(K-1), lies above 0.

    The arm that is truly best is among them with probability 1-α/2 at least: it is left out only
    if one of the K-1 others, none better, is shown to be better than it, each with probability
    α/2(K-1) at most (a union bound over the comparisons of Gupta, Technometrics 1965, and Hsu, Ann.
    Stat. 1981, who take the t's to be of one pooled variance; here each pair has its own). That
    the top arm is picked by its score costs nothing: all K-1 are accounted for. So each of K equal
    arms is left out with probability α/2 at most. An interval of nan leaves no arm out. Empty
    without arms.
    """
    if not means:
        return frozenset()
    top = max(means, key=lambda arm: means[arm])
    kept = {top}
    for arm in means:
        if arm != top:
            low, _ = over(top, arm)(1 - alpha / (len(means) - 1))
            if not low > 0:
                kept.add(arm)
    return frozenset(kept)
