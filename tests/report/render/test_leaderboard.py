import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from tlrun.report.answer import Study
from tlrun.report.render.leaderboard import BEST, gain_columns, is_best, leaderboard, marks

from made_reports import axis_report


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path: Path = tmp_path_factory.mktemp("runs")
    (found,) = axis_report(path).studies
    return found


def shown(study: Study, width: int, wide: bool = False) -> str:
    text = io.StringIO()
    Console(width=width, file=text, markup=False).print(leaderboard(study, width, wide))
    return text.getvalue()


def test_a_wide_terminal_has_every_gain_and_what_a_run_costs(study: Study) -> None:
    text = shown(study, 200)

    assert "labels" in text
    for arm in study.arms:
        assert all(gain.figure.text in text for gain in arm.gains)


@pytest.mark.parametrize("width", [60, 70, 80, 90, 100, 200])
def test_what_decides_a_word_stands_on_every_terminal(study: Study, width: int) -> None:
    text = shown(study, width)

    assert max(map(len, text.splitlines())) <= width
    for arm in study.arms:
        assert all(gain.figure.text in text for gain in arm.gains if gain.primary)
        assert arm.word in text
    assert text.count(f"\n{BEST} ") == sum(arm.best for arm in study.arms)


def test_columns_are_controls_in_order_and_those_of_a_word_alone(study: Study) -> None:
    assert gain_columns(study, primary=True) == [
        name for name in gain_columns(study) if name in {"scratch", "source_only"}
    ]
    assert set(gain_columns(study)) == {"scratch", "source_only", "joint, λ=1", "linear_model"}


def test_rows_are_in_the_order_of_the_study(study: Study) -> None:
    for width in (60, 200):
        text = shown(study, width)
        places = [text.index(arm.score.text) for arm in study.arms]

        assert places == sorted(places)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_an_arm_has_one_row_and_no_head_more_than_three_lines(study: Study, width: int) -> None:
    lines = shown(study, width).splitlines()
    head = next(k for k, line in enumerate(lines) if "verdict" in line)
    rows = [line for line in lines[head + 1 :] if "±" in line]

    assert head < 3
    assert len(rows) == len(study.arms)


def test_sizes_stand_there_only_when_asked_for(study: Study) -> None:
    arms = tuple(replace(arm, sizes={"parameters": "123"}) for arm in study.arms)
    sized = replace(study, arms=arms)

    assert "parameters" in shown(sized, 200, wide=True)
    assert "parameters" not in shown(sized, 200)
    assert "labels" in shown(sized, 200)


@pytest.mark.parametrize(("better", "place"), [("higher", max), ("lower", min)])
def test_below_the_seeds_of_a_word_only_the_best_mean_is_marked(
    study: Study, better: Literal["higher", "lower"], place: Callable[[list[float]], float]
) -> None:
    few = replace(study, n=4, better=better)
    scores = {arm.label: arm.score.value or 0.0 for arm in few.arms}
    marked = [scores[arm.label] for arm in few.arms if is_best(arm, few)]

    assert set(marked) == {place(list(scores.values()))}
    assert marks(few) == f"{BEST} the best mean score; the best score first."
    assert "not shown to be worse" in marks(study)
    assert [is_best(arm, study) for arm in study.arms] == [arm.best for arm in study.arms]


def test_a_study_of_one_row_marks_none(study: Study) -> None:
    alone = replace(study, n=2, arms=study.arms[:1])

    assert not is_best(alone.arms[0], alone)
    assert marks(alone) == ""
