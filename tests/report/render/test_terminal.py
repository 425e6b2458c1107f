import io
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.core.errors import printable
from tlrun.report.answer import Report
from tlrun.report.render.terminal import terminal, verdict_lines
from tlrun.report.study.build import build_report

from made_reports import axis_report, hostile_report, sentences_of, task_report
from made_runs import put_study
from made_studies import planned

WIDTHS = [60, 80, 120, 200]
MAKERS = {"axis": axis_report, "tasks": task_report, "hostile": hostile_report}


def shown(report: Report, width: int = 120) -> str:
    text = io.StringIO()
    console = Console(markup=False, width=width, file=text)
    console.print(terminal(report, console))
    return text.getvalue()


def words(text: str) -> str:
    """Text without its lines."""
    return " ".join(text.split())


@pytest.fixture(scope="module", params=list(MAKERS))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return MAKERS[request.param](tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("width", WIDTHS)
def test_no_figure_is_cut_and_no_line_is_longer_than_the_terminal(
    report: Report, width: int
) -> None:
    text = shown(report, width)

    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text.replace("tl-run -m …", "")  # nothing is cut
    for study in report.studies:
        for arm in study.arms:
            assert arm.score.text in text
            for gain in arm.gains:
                assert gain.figure.text in text or not gain.primary
        for chart in study.charts:
            if chart.kind != "steps":
                for line in chart.lines:
                    assert all(point.figure.text in text for point in line.points)
        for table in study.tasks:
            for row in table.rows:
                assert all(figure.text in text for figure in (row.delta_m, *row.gains))


def test_every_sentence_stands_there_whole(report: Report) -> None:
    text = words(shown(report))

    for sentence in sentences_of(report):
        assert words(printable(sentence)) in text


def test_the_verdict_comes_before_the_leaderboard_and_the_newest_study_last(
    tmp_path: Path,
) -> None:
    put_study(tmp_path / "runs")
    for strategy in ("feature_transfer", "parameter_transfer"):
        planned(tmp_path / "runs", {strategy: [f"{strategy} λ=1"]})
    found = build_report([tmp_path / "runs"])
    text = words(shown(found))

    assert text.index("No: feature transfer") < text.index("Yes: parameter transfer")
    assert text.index("Yes: parameter transfer") < text.rindex("verdict labels")
    assert text.count("HELPS: better than every control") == 1
    assert verdict_lines(found.studies[0])[0].plain == found.studies[0].verdict


def test_hostile_names_are_text(tmp_path: Path) -> None:
    text = shown(hostile_report(tmp_path), 200)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text  # no markup
    assert "<script>" in text


def test_many_tasks_are_counted_and_not_listed(tmp_path: Path) -> None:
    text = shown(task_report(tmp_path, tasks=14))

    assert "14 tasks: the matrix is in the page and in --json" in text
    assert "and 2 more" in text
