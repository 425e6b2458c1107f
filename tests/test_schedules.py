import math

from hypothesis import given
from hypothesis import strategies as st

from tlrun.core import Lam
from tlrun.schedules import Constant


@given(st.floats(0, math.inf), st.floats(0, 1))
def test_constant_is_its_value_everywhere(value: float, progress: float) -> None:
    assert Constant(value).at(progress).value == value
    assert Constant(value).always(value)
    assert not Constant(value).always(-1.0)


@given(st.floats(0, 1e300))
def test_alpha_weighs_the_losses_as_the_equation_does(value: float) -> None:
    """(L_S + λ L_T)/(1+λ) = (1-α) L_S + α L_T."""
    alpha, source, target = Lam(value).alpha, 2.0, 5.0

    assert 0 <= alpha <= 1
    assert math.isclose((1 - alpha) * source + alpha * target, source / (1 + value) + target * (value / (1 + value)))


def test_the_ends_of_the_axis() -> None:
    assert Lam(0.0).alpha == 0.0
    assert Lam(1.0).alpha == 0.5
    assert Lam(math.inf).alpha == 1.0
    assert [Constant(v).label for v in (0.0, 0.1, 1.0, math.inf)] == ["0", "0.1", "1", "inf"]
