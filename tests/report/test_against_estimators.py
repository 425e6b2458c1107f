from tlrun.report.against_estimators import against_estimators
from tlrun.runs.outcome import Outcome

from problems import outcome


def outside(name: str, test: float | None, seed: int) -> Outcome:
    return outcome(name, test, seed=seed, result={**outcome(test=test).result, "size": None})


def seeds(n: int, **controls: float | None) -> list[list[Outcome]]:
    """A run that scores 0.5 give or take a little, and controls from outside."""
    return [
        [outcome(test=0.5 + 0.01 * (k % 2), seed=k), outcome("scratch", 0.1, seed=k)]
        + [outside(name, test, k) for name, test in controls.items()]
        for k in range(n)
    ]


def test_a_setting_is_shown_better_worse_or_neither() -> None:
    (line,) = against_estimators([("mine", seeds(6, low=0.3, near=0.505, high=0.7, lower=0.2))])

    assert line == (
        "mine at λ=1 is better than low; lower. It is worse than high. "
        "It is not shown better or worse than near."
    )


def test_networks_too_few_seeds_and_undefined_scores_say_nothing() -> None:
    assert list(against_estimators([("mine", seeds(6))])) == []
    assert list(against_estimators([("mine", seeds(4, low=0.3))])) == []
    assert list(against_estimators([("mine", seeds(6, low=None))])) == []
