"""The benchmark of growing folders: its axes, and the exponent that it fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth_runs import OF_A_SEED, SEEDS, axes, exponent


@given(st.floats(0.2, 2.5), st.floats(0.01, 10.0))
def test_the_exponent_of_a_power_is_that_power_whatever_the_start_takes(
    power: float, start: float
) -> None:
    points = [(runs, start + (0.01 * runs**power if runs else 0.0)) for runs in (0, 10, 100, 1000)]

    assert exponent(points) == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("shape", ["seeds", "studies"])
@pytest.mark.parametrize("runs", [10, 100, 1000, 5000])
def test_a_sweep_has_as_many_runs_as_are_asked_for(runs: int, shape: str) -> None:
    seeds, *draws = axes(runs, shape)
    count = int(seeds.removeprefix("seed=range(").removesuffix(")"))
    studies = 1 + sum(draw.count(",") for draw in draws)

    assert count * studies * OF_A_SEED == runs
    assert count <= SEEDS or shape == "seeds"
