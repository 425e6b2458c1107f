"""What was learnt about the tasks, and how far their heads agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable

MANY = 12  # tasks from which on they are counted, not listed


from tlrun.runs.outcome import Outcome

# one answer a seed: the run, and its controls
Seeds = Sequence[Sequence[Outcome]]

MOST_MATRICES = 3  # shown below the table of a sweep


DISAGREEMENT = (
    "of the test inputs are answered differently by two tasks' heads (mean over pairs of tasks)"
)


def relations(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """How far a run's tasks agree, and the matrix that it has learnt about them."""
    if "disagreement" in result:
        yield Text(f"heads apart: {100 * result['disagreement']:.1f} % {DISAGREEMENT}")
    if learnt := result.get("relation"):
        yield from _matrix(
            f"{learnt['name']}, {learnt['meaning']}", learnt["tasks"], learnt["matrix"]
        )


def mean_relations(answers: Sequence[tuple[str, Seeds]]) -> Iterator[RenderableType]:
    """What the runs of each setting have learnt about their tasks, the mean over seeds."""
    found = [(label, [answer[0] for answer in seeds]) for label, seeds in answers if _learnt(seeds)]
    for label, runs in found[:MOST_MATRICES]:
        learnt, n = [run.result["relation"] for run in runs], len(runs)
        first, size = learnt[0], range(len(learnt[0]["tasks"]))
        mean = [[fmean(each["matrix"][s][t] for each in learnt) for t in size] for s in size]
        setting = f"{label}, λ={runs[0].lam_label}" if runs[0].lam_label else label
        over = f"mean of {n} seeds" if n > 1 else "one seed"
        yield from _matrix(
            f"{setting}: {first['name']}, {first['meaning']}, {over}", first["tasks"], mean
        )
    if len(found) > MOST_MATRICES:
        yield Text(
            f"and {len(found) - MOST_MATRICES} more settings; each run's is shown by tl-run show"
        )


def _learnt(seeds: Seeds) -> bool:
    return all("relation" in answer[0].result for answer in seeds)


def _matrix(
    title: str, tasks: Sequence[str], matrix: Sequence[Sequence[float]]
) -> Iterator[RenderableType]:
    yield Text("")
    yield plain_text(f"{title}:")
    if len(tasks) > MANY:
        yield Text(f"{len(tasks)} tasks; the matrix is in result.json, under relation")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", *tasks):
        table.add_column(plain_text(name), justify="right" if name else "left")
    for name, row in zip(tasks, matrix, strict=True):
        table.add_row(plain_text(name), *(f"{value:.3f}" for value in row))
    yield table


def plain_text(words: str) -> Text:
    """Words from outside: without control characters, and without rich's markup."""
    return Text(printable(words))
