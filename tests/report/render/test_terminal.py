import io
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.core.errors import printable
from tlrun.report.answer import Report
from tlrun.report.render.terminal import terminal, verdict_lines
from tlrun.report.study.build import build_report

from made_reports import axis_report, hostile_report, sentences_of, task_report
from made_runs import draws, put_arm, put_run, put_study
from made_studies import planned

WIDTHS = [60, 80, 120, 200]
MAKERS = {"axis": axis_report, "tasks": task_report, "hostile": hostile_report}


def shown(report: Report, width: int = 120, wide: bool = True) -> str:
    text = io.StringIO()
    console = Console(markup=False, width=width, file=text)
    console.print(terminal(report, console, wide))
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
    short = shown(report, width, wide=False)

    for printed in (text, short):
        assert max(map(len, printed.splitlines())) <= width
        assert "…" not in printed.replace("tl-run -m …", "")  # nothing is cut
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


@pytest.mark.parametrize("width", WIDTHS)
def test_in_short_stand_the_scores_and_gains_that_a_word_depends_on(
    report: Report, width: int
) -> None:
    short = shown(report, width, wide=False)

    for arm in (arm for study in report.studies for arm in study.arms):
        assert arm.score.text in short
        assert all(gain.figure.text in short for gain in arm.gains if gain.primary)


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
    assert text.index("Yes: parameter transfer") < text.rindex(" verdict ")
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


def test_in_short_stand_the_verdict_the_rows_what_to_know_and_the_command(report: Report) -> None:
    text, whole = words(shown(report, wide=False)), words(shown(report))

    for study in report.studies:
        for sentence in (study.question, study.verdict, *study.deviations, *study.warnings):
            assert words(printable(sentence)) in text
        assert all(
            words(printable(sentence)) in text
            for sentence in study.more
            if "told apart" not in sentence
        )
        assert words(printable(study.command)) in text
        assert words(study.scope) not in text
        assert study.cost[0][0] + ": " not in text
    assert len(text) < len(whole)


def test_a_small_study_fits_a_terminal_of_80_by_24(tmp_path: Path) -> None:
    put_study(tmp_path / "runs")
    arms = ("feature_transfer", "parameter_transfer")
    planned(tmp_path / "runs", {name: [f"{name} λ=1"] for name in arms})
    text = shown(build_report([tmp_path / "runs"]), 80, wide=False)

    assert len(text.splitlines()) <= 24


def test_of_two_seeds_there_are_means_alone_and_it_is_said_why(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=2)
    (study,) = build_report([tmp_path]).studies
    text = shown(build_report([tmp_path]), 200, wide=False)

    assert "±" not in text
    assert "Means alone: an interval takes 3 seeds, a verdict 5." in text
    assert all(arm.score.text.partition(" ± ")[0] in text for arm in study.arms)
    assert all("±" in arm.score.text for arm in study.arms)  # the files have it still


def test_of_three_seeds_the_interval_is_shown(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=3)
    (study,) = build_report([tmp_path]).studies
    text = shown(build_report([tmp_path]), 200, wide=False)

    assert all(arm.score.text in text for arm in study.arms)
    assert "Means alone" not in text


def test_a_curve_that_the_rows_have_already_is_for_wide(tmp_path: Path) -> None:
    """Where validation has chosen λ the rows lack it."""
    for lam in (0.0, 1.0):
        put_arm(tmp_path / "rows", "parameter_transfer", 0.5 + lam / 5, lam=lam)
        put_arm(
            tmp_path / "one", "parameter_transfer", 0.5 + lam / 5, lam=lam, val_loss=1 - lam / 2
        )
    for name, short in (("rows", False), ("one", True)):
        found = build_report([tmp_path / name])

        assert "How strong: the test score along λ" in shown(found)
        assert ("How strong: the test score along λ" in shown(found, wide=False)) == short


def test_runs_apart_are_counted_in_short_and_listed_wide(tmp_path: Path) -> None:
    put_study(tmp_path)
    put_run(tmp_path, "joint", 0, draws(0.5, 1, 400)[0], status="failed", reason="no memory")
    found = build_report([tmp_path])

    assert "Other runs of these data, in no figure above: 1 failed." in shown(found, wide=False)
    assert "no memory" not in shown(found, wide=False)
    assert "no memory" in shown(found)
