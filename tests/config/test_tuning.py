import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.config.build import build
from tlrun.config.tuning import HIGHEST, Tune, tuning_mistakes
from tlrun.core.errors import UserError
from tlrun.training.optimizers import Adam, Sgd

from problems import config

THREE = Tune(lr=True)


@given(st.floats(1e-6, 300))
def test_three_rates_lie_around_the_optimizers_own_which_is_kept_exactly(lr: float) -> None:
    low, centre, high = THREE.rates(Adam(lr=lr))

    assert centre == lr
    assert low == pytest.approx(lr / math.sqrt(10), rel=0.05)
    assert high == pytest.approx(lr * math.sqrt(10), rel=0.05)
    for outer in (low, high):  # as few digits as can be typed
        assert float(f"{outer:.1e}") == outer


@given(st.lists(st.floats(1e-9, HIGHEST), min_size=2, max_size=6, unique=True))
def test_a_list_is_tried_whatever_its_order_and_the_optimizers_own_rate(rates: list[float]) -> None:
    tune = Tune(lr=tuple(rates))

    assert tune.rates(Adam(lr=0.5)) == tune.rates(Sgd(lr=7.0)) == tuple(sorted(rates))


@pytest.mark.parametrize("off", [None, False])
def test_nothing_is_tried_where_nothing_is_asked_for(off: bool | None) -> None:
    assert Tune(lr=off).rates(Adam()) == ()
    assert list(tuning_mistakes([(Tune(lr=off), Adam(lr=0.0))], {}, foreign=True)) == []


@pytest.mark.parametrize(
    "rates", [(1.0,), (1.0, 1.0), (0.1, 0.2, 0.1), (0.0, 1.0), (-1.0, 1.0), (1.0, math.inf)]
)
def test_a_list_that_is_no_choice_is_refused(rates: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match=r"^tune\.lr: expected ") as caught:
        Tune(lr=rates)

    assert len(caught.value.lines) == 1


@pytest.mark.parametrize("lr", [0.0, HIGHEST, 400.0, 5e-324])
def test_a_rate_with_none_around_it_is_refused(lr: float) -> None:
    with pytest.raises(UserError, match=r"tune\.lr: expected optimizer\.lr above 0"):
        THREE.rates(Adam(lr=lr))


def test_a_config_says_so_in_each_of_the_three_ways() -> None:
    run = build(config(Path("runs")))
    for said, meant in ((None, None), (True, True), ([1, 0.5], (1.0, 0.5))):
        tuned = build(config(Path("runs"), tune={"lr": said}))

        assert tuned.tune == Tune(lr=meant)
        assert replace(tuned, tune=run.tune) == run


def test_what_goes_with_no_trials_is_told_once() -> None:
    pairs = [(THREE, Adam(lr=lr)) for lr in (1e-3, 1e-2, 1e-3)]
    axis = [
        m.key for m in tuning_mistakes(pairs, {"optimizer.lr": ["1e-3", "1e-2"]}, foreign=False)
    ]
    of_list = [(Tune(lr=(0.1, 0.2)), Adam())]
    both = [m.key for m in tuning_mistakes(of_list, {"optimizer.lr": ["1"]}, foreign=False)]

    assert axis == both == ["optimizer.lr"]
    assert list(tuning_mistakes(pairs[:1], {"optimizer.lr": ["1e-3"]}, foreign=False)) == []
    assert [m.key for m in tuning_mistakes(pairs, {}, foreign=True)] == ["tune.lr"]
