import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.metrics import TABLE, metric_of
from tlrun.report.formatting import gain_of, interval, number, unit_of, with_unit
from tlrun.report.statistics.over_seeds import paired_interval

SCORES = st.lists(st.floats(-1, 1), min_size=2, max_size=8)


@pytest.mark.parametrize(("name", "value", "signed", "shown"), [
    ("accuracy", 0.5, False, "50.0"),
    ("target accuracy", -0.012, True, "-1.2"),
    ("mean accuracy", 0.0, True, "+0.0"),
    ("auc", 0.51236, False, "0.512"),
    ("r2", 0.5, True, "+0.500"),
    ("accuracy of nothing", 0.5, False, "0.500"),
])  # fmt: skip
def test_accuracy_alone_is_in_percent(name: str, value: float, signed: bool, shown: str) -> None:
    assert number(name, value, signed) == shown


@pytest.mark.parametrize("name", ["accuracy", "r2"])
@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_undefined_is_a_dash(name: str, value: float | None) -> None:
    assert number(name, value) == number(name, value, signed=True) == "–"


@given(SCORES, st.sampled_from(["accuracy", "auc"]))
def test_an_interval_is_mean_and_half_width_each_written_as_the_score_is(
    scores: list[float], name: str
) -> None:
    mean, half = paired_interval(scores)

    assert interval(name, scores) == f"{number(name, mean)} ± {number(name, half)}"
    assert (
        interval(name, scores, signed=True)
        == f"{number(name, mean, signed=True)} ± {number(name, half)}"
    )


@given(SCORES, st.integers(0, 4))
def test_digits_overrule_the_name_and_the_unit(scores: list[float], digits: int) -> None:
    mean, half = paired_interval(scores)

    assert interval("accuracy", scores, digits=digits) == f"{mean:.{digits}f} ± {half:.{digits}f}"
    assert (
        interval("", scores, signed=True, digits=digits)
        == f"{mean:+.{digits}f} ± {half:.{digits}f}"
    )


@pytest.mark.parametrize("digits", [None, 1])
def test_one_score_has_no_half_width(digits: int | None) -> None:
    assert interval("r2", [0.5], digits=digits).endswith(" ± –")


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("values", [[], [None], [0.5, None], [None, 0.5, 0.5]])
def test_a_mean_over_the_seeds_that_happen_to_be_defined_is_never_shown(
    values: list[float | None], digits: int | None
) -> None:
    assert interval("accuracy", values, digits=digits) == "–"


@pytest.mark.parametrize("digits", [None, 1])
def test_fewer_runs_than_seeds_are_counted_beside_it(digits: int | None) -> None:
    values = [0.25, 0.5, 0.75]

    assert interval("auc", values, seeds=4, digits=digits).endswith(" (n=3)")
    assert interval("auc", values, seeds=3, digits=digits) == interval("auc", values, digits=digits)


@pytest.mark.parametrize("name", [*TABLE, "loss", "score", ""])
@pytest.mark.parametrize("before", ["", "target ", "mean "])
def test_a_headline_is_written_as_its_metric_is(name: str, before: str) -> None:
    unit = TABLE[name].unit if name in TABLE else ""

    assert unit_of(before + name) == unit
    assert with_unit(before + name) == before + name + (" %" if unit == "%" else "")
    expected = {"%": "50.0", "label's": "0.5"}.get(unit, "0.500")
    assert number(before + name, 0.5) == number(name, 0.5) == expected


@given(st.floats(-1, 1), st.sampled_from(["accuracy", "r2", "loss"]))
def test_a_unit_overrules_the_names(value: float, name: str) -> None:
    assert number(name, value, unit="%") == number("accuracy", value)
    assert number(name, value, unit="") == number("r2", value)
    assert interval(name, [value], unit="%") == interval("accuracy", [value])


@pytest.mark.parametrize(
    ("value", "text"),
    [(501612.7, "501,613"), (1e15, "1e+15"), (12.3456, "12.35"), (0.00012345, "0.0001234")],
)
def test_what_is_in_the_labels_unit_is_written_in_four_digits_or_whole(
    value: float, text: str
) -> None:
    assert number("rmse", value) == text


@pytest.mark.parametrize("name", ["mean score", "loss", ""])
def test_of_what_is_no_metric_nobody_says_which_way_is_better(name: str) -> None:
    assert gain_of(name, 0.5, 0.25) is None


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([*TABLE, "target accuracy", "mean rmse"]))
def test_a_gain_is_above_0_where_the_score_is_better(one: float, other: float, name: str) -> None:
    gain = gain_of(name, one, other)

    assert gain is not None
    assert gain_of(name, other, one) == -gain
    assert gain_of(name, one, one) == 0.0
    metric = metric_of(name)
    assert metric is not None
    assert (gain > 0) == (one > other if metric.higher_is_better else one < other)


@pytest.mark.parametrize("pair", [(None, 0.5), (0.5, None), (None, None)])
def test_a_gain_over_what_is_undefined_is_undefined(
    pair: tuple[float | None, float | None],
) -> None:
    assert gain_of("accuracy", *pair) is None
