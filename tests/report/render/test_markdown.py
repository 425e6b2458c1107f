import re
from pathlib import Path

import pytest

from tlrun.core.errors import printable
from tlrun.report.answer import Report
from tlrun.report.render.markdown import markdown, plain
from tlrun.report.study.build import build_report

from made_reports import axis_report, hostile_report, sentences_of, task_report
from made_runs import put_study
from made_studies import planned

MAKERS = {"axis": axis_report, "tasks": task_report, "hostile": hostile_report}


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


@pytest.fixture(scope="module", params=list(MAKERS))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return MAKERS[request.param](tmp_path_factory.mktemp("runs"))


def test_every_sentence_stands_there(report: Report) -> None:
    text = unescaped(markdown(report))

    for sentence in sentences_of(report):
        assert printable(sentence) in text


def test_every_table_has_as_many_cells_in_all_its_rows(report: Report) -> None:
    tables = [block for block in markdown(report).split("\n\n") if block.startswith("|")]

    assert tables
    for table in tables:
        assert len({len(cells(line)) for line in table.splitlines()}) == 1
        assert set(cells(table.splitlines()[1])) == {" --- "}
    first = tables[0].splitlines()
    assert len(first) == 2 + len(report.studies[0].arms)


def test_nothing_from_outside_is_markup(tmp_path: Path) -> None:
    text = markdown(hostile_report(tmp_path))

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>" not in text
    assert "\\<script\\>" in text
    assert "\n## new" not in text
    assert all(line.startswith(("## No", "## Yes")) for line in headings(text))


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


def test_what_markdown_reads_is_escaped_and_nothing_else() -> None:
    for mark in "\\`*_{}[]<>#|!~":
        assert plain(mark) == f"\\{mark}"
    assert plain("λ=0.1 ± 2 %, a-b") == "λ=0.1 ± 2 %, a-b"


def test_a_command_cannot_leave_its_fence(tmp_path: Path) -> None:
    put_study(tmp_path)
    arms = {"parameter_transfer": ["parameter_transfer λ=1"]}
    planned(tmp_path, arms, command="tl-run ````x\n# y")
    text = markdown(build_report([tmp_path]))

    assert "\n`````sh\ntl-run ````x�# y\n`````\n" in text
