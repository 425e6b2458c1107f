from pathlib import Path
from typing import Any

import pytest

from tlrun.report.lambda_axis import axes, over_end, peaks
from tlrun.report.statistics import paired_interval
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

CALLED = {"f": "parameter_transfer"}


def run(
    lam: str, seed: int, test: float, val_loss: float | None = 1.0, family: str = "f"
) -> Outcome:
    headline: dict[str, Any] = {
        "name": "target accuracy",
        "val": None,
        "test": test,
        "val_loss": val_loss,
    }
    return Outcome(
        THIS,
        "parameter_transfer",
        lam,
        seed,
        f"{family}{lam}",
        family,
        Path("runs"),
        {"headline": headline},
        1.0,
        True,
        "",
    )


def sweep(loss: dict[str, float], seeds: int = 5) -> list[Outcome]:
    """λ=1 is 10 points above both ends, give or take a point with the seed; λ=10 is 5 below."""
    score = {"0": 0.4, "1": 0.5, "10": 0.35, "inf": 0.4}
    return [
        run(lam, s, score[lam] + 0.01 * (s % 2) * (lam == "1"), loss.get(lam))
        for lam in score
        for s in range(seeds)
    ]


def test_runs_that_differ_in_lambda_alone_stand_on_one_axis() -> None:
    runs = [
        run("0", 0, 0.4),
        run("1", 0, 0.5),
        run("1", 0, 0.5, family="g"),
        run("", 0, 0.1, family="h"),
    ]

    assert {family: list(axis) for family, axis in axes(runs).items()} == {"f": ["0", "1"]}


def test_a_run_over_an_end_of_its_axis_is_paired_by_seed() -> None:
    runs = [run("0", 0, 0.25), run("0", 1, 0.75), run("1", 0, 0.5), run("1", 2, 0.5)]
    axis = axes(runs)["f"]

    assert over_end(runs[2], axis, "0") == 0.25
    assert over_end(runs[3], axis, "0") is None
    assert over_end(runs[0], axis, "0") is None
    assert over_end(runs[2], axis, "inf") is None


def test_an_inner_peak_is_above_both_ends() -> None:
    (line,) = peaks(sweep({"1": 1.0, "10": 2.0}), CALLED)
    mean, half = paired_interval([10.0, 11.0, 10.0, 11.0, 10.0])

    assert line == (
        "parameter_transfer: inner λ* = 1 for 5 of 5 seeds, by the others' validation loss; "
        f"over λ=0 {mean:+.1f} ± {half:.1f}, over λ=∞ {mean:+.1f} ± {half:.1f}: INNER PEAK"
    )


def test_the_test_set_does_not_choose() -> None:
    """Validation prefers λ=10, and so it is compared, though λ=1 tests better."""
    (line,) = peaks(sweep({"1": 2.0, "10": 1.0}), CALLED)

    assert "λ* = 10 for 5 of 5 seeds" in line
    assert line.endswith("over λ=0 -5.0 ± 0.0, over λ=∞ -5.0 ± 0.0: λ=0 is better")


def test_a_seed_does_not_choose_for_itself() -> None:
    """Seed 0 alone loves λ=10; the other seeds' choice for it is λ=1."""
    runs = [
        run(lam, s, 0.5, {"1": 1.0, "10": 0.5 if s == 0 else 1.1}.get(lam))
        for lam in ("0", "1", "10", "inf")
        for s in range(3)
    ]
    (line,) = peaks(runs, CALLED)

    # left out in turn: {1, 2} → 1; {0, 2} → 10, for (0.5 + 1.1)/2 < 1; {0, 1} → 10
    assert "λ* = 10 for 2 of 3 seeds, 1 for 1 of 3 seeds" in line
    assert line.endswith("too few seeds for a verdict")


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (sweep({}), ["parameter_transfer: λ* not chosen: it takes validation labels"]),
        (sweep({"1": 1.0, "10": 2.0}, seeds=2), []),
        ([r for r in sweep({"1": 1.0, "10": 2.0}) if r.lam != "inf"], []),
        ([r for r in sweep({}) if r.lam in ("0", "inf")], []),
        (
            [run("sigmoid-0-1", s, 0.5) for s in range(4)]
            + [run("linear-0-1", s, 0.5) for s in range(4)],
            [],
        ),
    ],
)
def test_where_there_is_nothing_to_say_nothing_is_said(
    runs: list[Outcome], expected: list[str]
) -> None:
    lines = list(peaks(runs, CALLED))

    assert len(lines) == len(expected)
    assert all(line.startswith(start) for line, start in zip(lines, expected, strict=True))


def test_one_end_alone_is_no_peak_and_an_end_that_is_better_is_named() -> None:
    lower = [
        run(r.lam, r.seed, 0.2, None) if r.lam == "0" else r for r in sweep({"1": 2.0, "10": 1.0})
    ]
    (line,) = peaks(lower, CALLED)

    assert "over λ=0 +15.0" in line
    assert line.endswith("λ=∞ is better")
