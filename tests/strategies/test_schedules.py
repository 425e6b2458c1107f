import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.objective import Lam
from tlrun.strategies.schedules import Constant, Cosine, Linear, Ramp, Sigmoid

RAMPS: list[type[Linear] | type[Sigmoid] | type[Cosine]] = [Linear, Sigmoid, Cosine]
LAMS = st.floats(0, 1e6) | st.just(math.inf)


@given(st.floats(0, math.inf), st.floats(0, 1))
def test_constant_is_its_value_everywhere(value: float, progress: float) -> None:
    assert Constant(value).at(progress).value == value
    assert Constant(value).always(value)
    assert not Constant(value).always(-1.0)


def test_a_constant_is_called_by_its_value() -> None:
    assert [Constant(v).label for v in (0.0, 0.1, 1.0, math.inf)] == ["0", "0.1", "1", "inf"]


@given(st.floats(0, math.inf), st.floats(0, math.inf))
def test_no_two_lambda_share_a_label_and_a_label_is_read_again(one: float, other: float) -> None:
    assert float(Constant(one).label) == one
    assert (Constant(one).label == Constant(other).label) == (one == other)


@pytest.mark.parametrize("one", [0.12345671, 1 / 3, 1e-7 + 1e-14, 123456.7, 1e6 + 1])
def test_lambda_that_agree_in_six_digits_are_told_apart(one: float) -> None:
    """They are two runs, and two places on the axis."""
    other = math.nextafter(one, math.inf)

    assert f"{one:g}" == f"{other:g}"
    assert Constant(one).label != Constant(other).label
    for ramp in RAMPS:
        labels = {ramp(value=one).label, ramp(value=other).label, ramp(1.0, one).label}
        assert len(labels) == 3


@pytest.mark.parametrize("ramp", RAMPS)
@given(start=LAMS, value=LAMS)
def test_a_ramp_goes_from_start_to_value_and_never_back(
    ramp: type[Ramp], start: float, value: float
) -> None:
    schedule = ramp(value=value, start=start)
    alphas = [schedule.at(p / 50).alpha for p in range(51)]

    assert alphas[0] == pytest.approx(Lam(start).alpha, abs=1e-9)
    assert alphas[-1] == pytest.approx(Lam(value).alpha, abs=1e-9)
    rising = Lam(value).alpha >= Lam(start).alpha
    assert all((b >= a - 1e-12) if rising else (b <= a + 1e-12) for a, b in pairwise(alphas))


@pytest.mark.parametrize("ramp", RAMPS)
@given(value=LAMS, progress=st.floats(0, 1))
def test_a_ramp_between_equal_ends_is_constant_to_the_bit(
    ramp: type[Ramp], value: float, progress: float
) -> None:
    schedule = ramp(value=value, start=value)

    assert schedule.at(progress) == Constant(value).at(progress)
    assert schedule.always(value)
    assert not ramp(value=value, start=value + 1 if math.isfinite(value) else 0.0).always(value)


def test_the_shapes_are_the_published_ones() -> None:
    for p in (0.0, 0.1, 0.25, 0.5, 0.9):
        assert Linear.shape(p) == p
        assert Cosine.shape(p) == pytest.approx(math.sin(math.pi * p / 2) ** 2)
        # differs by its end
        assert Sigmoid.shape(p) == pytest.approx(2 / (1 + math.exp(-10 * p)) - 1, abs=1e-4)
    assert [shape.shape(1.0) for shape in RAMPS] == [1.0, 1.0, 1.0]


def test_how_schedules_are_called() -> None:
    assert Sigmoid(value=math.inf).label == "sigmoid-0-inf"
    assert Linear(value=2.0, start=0.5).label == "linear-0.5-2"
