import math
from typing import Any

import pytest

from tlrun.report.lambda_axis import NOT_CHOSEN, axes, over_end, peaks
from tlrun.report.statistics import paired_interval
from tlrun.runs.outcome import Outcome

from problems import outcome

INF = math.inf
CALLED = {"f": "parameter_transfer"}


def run(
    lam: float | None,
    seed: int,
    test: float | None,
    val_loss: float | None = 1.0,
    family: str = "f",
    **changes: Any,
) -> Outcome:
    headline: dict[str, Any] = {
        "name": "target accuracy",
        "val": None,
        "test": test,
        "val_loss": val_loss,
    }
    facts: dict[str, Any] = {"seed": seed, "family": family, "result": {"headline": headline}}
    return outcome(lam=lam, **facts | changes)


def sweep(loss: dict[float, float], seeds: int = 5) -> list[Outcome]:
    """λ=1 is 10 points above both ends, give or take a point with the seed; λ=10 is 5 below."""
    score = {0.0: 0.4, 1.0: 0.5, 10.0: 0.35, INF: 0.4}
    runs = []
    for lam, base in score.items():
        for seed in range(seeds):
            shift = 0.01 * (seed % 2) * (lam == 1)
            runs.append(run(lam, seed, base + shift, loss.get(lam)))
    return runs


def test_runs_that_differ_in_lambda_alone_stand_on_one_axis() -> None:
    runs = [
        run(0, 0, 0.4),
        run(1, 0, 0.5),
        run(1, 0, 0.5, family="g"),
        run(None, 0, 0.1, family="h"),
    ]

    assert {family: list(axis) for family, axis in axes(runs).items()} == {"f": [0, 1]}


def test_two_lambda_that_agree_in_six_digits_are_two_places_on_the_axis() -> None:
    """They are two runs; a label of six digits would keep the last of them alone."""
    near = (0.12345671, 0.12345672)
    runs = [run(lam, seed, test=seed / 10 + lam) for lam in near for seed in (0, 1)]
    (axis,) = axes(runs).values()

    assert list(axis) == list(near)
    assert [axis[lam][seed] for lam in near for seed in (0, 1)] == runs
    assert len({each.lam_label for each in runs}) == 2


def test_an_inner_lambda_is_called_by_a_label_of_its_own() -> None:
    near = (0.12345671, 0.12345672)
    loss = dict(zip(near, (2.0, 1.0), strict=True))
    runs = [run(lam, seed, 0.5, loss.get(lam)) for lam in (0, *near, INF) for seed in range(5)]
    (line,) = peaks(runs, CALLED)

    assert "inner λ* = 0.12345672 for 5 of 5 seeds" in line


def test_a_schedule_has_a_place_of_its_own_and_is_no_number() -> None:
    ramps = [run(None, 0, 0.5, lam_label=label) for label in ("linear-0-1", "sigmoid-0-1")]
    (axis,) = axes([*ramps, run(1, 0, 0.5)]).values()

    assert list(axis) == ["linear-0-1", "sigmoid-0-1", 1]
    assert not list(peaks([run(0, 0, 0.5), *ramps, run(INF, 0, 0.5)], CALLED))


def test_a_run_over_an_end_of_its_axis_is_paired_by_seed() -> None:
    runs = [run(0, 0, 0.25), run(0, 1, 0.75), run(1, 0, 0.5), run(1, 2, 0.5)]
    axis = axes(runs)["f"]

    assert over_end(runs[2], axis, 0.0) == 0.25
    assert over_end(runs[3], axis, 0.0) is None
    assert over_end(runs[0], axis, 0.0) is None
    assert over_end(runs[2], axis, INF) is None


def test_an_inner_peak_is_above_both_ends() -> None:
    (line,) = peaks(sweep({1: 1.0, 10: 2.0}), CALLED)
    mean, half = paired_interval([10.0, 11.0, 10.0, 11.0, 10.0])

    assert line == (
        "parameter_transfer: inner λ* = 1 for 5 of 5 seeds, by the others' validation loss; "
        f"over λ=0 {mean:+.1f} ± {half:.1f}, over λ=∞ {mean:+.1f} ± {half:.1f}: INNER PEAK"
    )


def test_the_test_set_does_not_choose() -> None:
    """Validation prefers λ=10, and so it is compared, though λ=1 tests better."""
    (line,) = peaks(sweep({1: 2.0, 10: 1.0}), CALLED)

    assert "λ* = 10 for 5 of 5 seeds" in line
    assert line.endswith("over λ=0 -5.0 ± 0.0, over λ=∞ -5.0 ± 0.0: λ=0 is better")


def test_a_seed_does_not_choose_for_itself() -> None:
    """Seed 0 alone loves λ=10; the other seeds' choice for it is λ=1."""
    runs = [
        run(lam, s, 0.5, {1.0: 1.0, 10.0: 0.5 if s == 0 else 1.1}.get(lam))
        for lam in (0.0, 1.0, 10.0, INF)
        for s in range(3)
    ]
    (line,) = peaks(runs, CALLED)

    # left out in turn: {1, 2} → 1; {0, 2} → 10, for (0.5 + 1.1)/2 < 1; {0, 1} → 10
    assert "λ* = 10 for 2 of 3 seeds, 1 for 1 of 3 seeds" in line
    assert line.endswith("too few seeds for a verdict")


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (sweep({}), [f"parameter_transfer: {NOT_CHOSEN}"]),
        (sweep({1: 1.0, 10: 2.0}, seeds=2), []),
        ([r for r in sweep({1: 1.0, 10: 2.0}) if r.lam != INF], []),
        ([r for r in sweep({}) if r.lam in (0, INF)], []),
    ],
)
def test_where_there_is_nothing_to_say_nothing_is_said(
    runs: list[Outcome], expected: list[str]
) -> None:
    assert len(runs) > 5
    assert list(peaks(runs, CALLED)) == expected


def test_a_seed_that_one_lambda_lacks_is_left_out_everywhere() -> None:
    """Pairs of the same seeds on the whole axis, or λ* would be chosen on seeds it lacks."""
    whole = sweep({1: 1.0, 10: 2.0}, seeds=6)
    lacking = [each for each in whole if (each.lam, each.seed) != (10, 5)]

    assert list(peaks(lacking, CALLED)) == list(peaks(sweep({1: 1.0, 10: 2.0}), CALLED))


def test_an_undefined_score_is_compared_with_nothing() -> None:
    runs = [
        run(each.lam, each.seed, None) if (each.lam, each.seed) == (INF, 2) else each
        for each in sweep({1: 1.0, 10: 2.0})
    ]
    (line,) = peaks(runs, CALLED)

    assert line == "parameter_transfer: λ* not compared: a score is undefined"


def test_one_end_alone_is_no_peak_and_an_end_that_is_better_is_named() -> None:
    lower = [run(r.lam, r.seed, 0.2, None) if r.lam == 0 else r for r in sweep({1: 2.0, 10: 1.0})]
    (line,) = peaks(lower, CALLED)

    assert "over λ=0 +15.0" in line
    assert line.endswith("λ=∞ is better")
