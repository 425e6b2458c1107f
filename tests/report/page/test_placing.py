from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tlrun.report.page.placing import cut, rows, spread, width_of

places = st.lists(st.floats(0, 300), max_size=30)


@given(places)
def test_places_are_apart_within_bounds_and_in_order(wanted: list[float]) -> None:
    found = spread(wanted, 10, 0, 300)

    assert all(after - before >= 10 - 1e-6 for before, after in pairwise(sorted(found)))
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in found)
    pairs = sorted(zip(wanted, found, strict=True))
    assert all(a[1] < b[1] for a, b in pairwise(pairs) if a[0] < b[0])


@given(places)
def test_what_is_apart_already_stays_where_it_is_wanted(wanted: list[float]) -> None:
    apart = [10.0 * k + 5 for k in range(len(wanted))]

    assert spread(apart, 10, 0, 300) == apart


def test_two_that_meet_move_apart_by_as_much() -> None:
    assert spread([50, 52], 10, 0, 100) == [46, 56]
    assert spread([0, 0], 10, 0, 100) == [0, 10]
    assert spread([100, 100], 10, 0, 100) == [90, 100]


def test_more_than_fit_still_do_not_lie_upon_each_other() -> None:
    assert spread([5.0] * 4, 10, 0, 10) == [0, 10, 20, 30]


@given(st.text(max_size=80), st.floats(20, 400))
def test_cut_words_fit_and_are_a_beginning(words: str, width: float) -> None:
    short = cut(words, width, 12)

    assert width_of(short, 12) <= width
    assert short.isprintable()
    if "…" not in words and short.endswith("…"):
        assert len(short) <= len(words)


def test_words_that_fit_are_not_cut() -> None:
    assert cut("parameter transfer", 200, 13) == "parameter transfer"
    assert cut("x" * 200, 100, 13).endswith("…")


def test_chinese_takes_more_room_than_latin_letters() -> None:
    assert width_of("参数迁移", 10) == 40
    assert width_of("abcd", 10) < 30


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30)), max_size=12))
def test_spans_of_one_row_do_not_touch(drawn: list[tuple[float, float]]) -> None:
    spans = sorted((start, start + width) for start, width in drawn)

    chosen = rows(spans, 5)

    for row in set(chosen):
        mine = [span for span, r in zip(spans, chosen, strict=True) if r == row]
        assert all(after[0] >= before[1] + 5 for before, after in pairwise(mine))
