"""A report as Markdown, for an issue, a pull request or a paper's appendix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tlrun.core.errors import printable
from tlrun.report.answer import Report, Study
from tlrun.report.page.tables import facts, intervals
from tlrun.report.render.leaderboard import gain_columns

MARKS = re.compile(r"([\\`*_{}\[\]<>#|!~])")  # what Markdown, or HTML within it, reads as its own


def markdown(report: Report) -> str:
    """All studies, the newest first: the verdict, the leaderboard, and what it rests on."""
    blocks = [block for study in report.studies for block in _study(study)]
    words = {arm.mark for study in report.studies for arm in study.arms}
    blocks += [f"**{word}**: {plain(report.words[word])}" for word in report.words if word in words]
    return "\n\n".join(blocks) + "\n"


def plain(text: str) -> str:
    """Text from outside, so that nothing in it is Markdown."""
    return MARKS.sub(r"\\\1", printable(text))


def _study(study: Study) -> Iterator[str]:
    yield f"## {plain(study.verdict)}"
    yield plain(study.question)
    if study.more:
        yield "\n".join(f"- {plain(sentence)}" for sentence in study.more)
    yield "\n".join(_leaderboard(study))
    for chart in study.charts:
        if chart.kind != "steps":
            yield plain(chart.title)
            said = []
            for line in chart.lines:
                points = ", ".join(f"{plain(p.name)}: {plain(p.figure.text)}" for p in line.points)
                said.append(f"- {plain(line.label)}: {points}")
            yield "\n".join(said)
    for table in study.tasks:
        head = ["setting", "λ", "Δm %", *table.tasks]
        rows = [
            [row.label, row.lam, row.delta_m.text, *(figure.text for figure in row.gains)]
            for row in table.rows
        ]
        yield "\n".join(_table(head, rows))
        yield plain(table.note)
    for matrix in study.matrices:
        yield plain(matrix.title)
        rows = [
            [name, *(f"{value:.3f}" for value in row)]
            for name, row in zip(matrix.names, matrix.entries, strict=True)
        ]
        yield "\n".join(_table(["", *matrix.names], rows))
    said = [
        facts(study),
        intervals(study),
        study.scope,
        *(f"{name}: {text}" for name, text in study.cost),
    ]
    yield "\n".join(
        f"- {plain(fact)}" for fact in (*said, *study.deviations, *study.warnings) if fact
    )
    if study.command:
        fence = "`" * (1 + max(map(len, re.findall("`+", study.command)), default=2))
        yield f"{fence}sh\n{printable(study.command)}\n{fence}"


def _leaderboard(study: Study) -> list[str]:
    columns = gain_columns(study)
    unit = f" {study.unit}" if study.unit == "%" else ""
    head = ["arm", "λ", study.metric + unit, *(f"over {name}" for name in columns), "verdict"]
    rows = []
    for arm in study.arms:
        gains = {gain.over: gain.figure.text for gain in arm.gains}
        word = arm.mark or ("–" if arm.role == "arm" else "control")
        cells = [arm.label, arm.lam, arm.score.text, *(gains.get(name, "·") for name in columns)]
        rows.append([*cells, word])
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [
        f"| {' | '.join(cell if cell == '---' else plain(cell) for cell in row)} |" for row in lines
    ]
