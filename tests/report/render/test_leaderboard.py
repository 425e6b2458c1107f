import io
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.report.answer import Study
from tlrun.report.render.leaderboard import BEST, gain_columns, leaderboard

from made_reports import axis_report


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path: Path = tmp_path_factory.mktemp("runs")
    (found,) = axis_report(path).studies
    return found


def shown(study: Study, width: int) -> str:
    text = io.StringIO()
    Console(width=width, file=text, markup=False).print(leaderboard(study, width))
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
