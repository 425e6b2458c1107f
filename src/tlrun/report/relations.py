"""What a run has learnt about its tasks, and how far their heads agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.runs.outcome import Outcome

MANY = 12  # tasks; more are counted, not listed
MOST_MATRICES = 3  # shown below the table of a sweep
DISAGREEMENT = (
    "of the test inputs are answered differently by two tasks' heads (mean over pairs of tasks)"
)

# of each seed: the run, then its controls
Seeds = Sequence[Sequence[Outcome]]


def asked_runs(seeds: Seeds) -> list[Outcome]:
    """The run of each seed, without its controls."""
    return [run for run, *_ in seeds]


def relations(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """How far the tasks of a run agree, and the matrix that it has learnt about them.

    result: its result.json; where it holds neither, nothing is shown.
    """
    if "disagreement" in result:
        yield Text(f"heads apart: {100 * result['disagreement']:.1f} % {DISAGREEMENT}")
    if learnt := result.get("relation"):
        title = f"{learnt['name']}, {learnt['meaning']}"
        yield from _matrix(title, learnt["tasks"], learnt["matrix"])


def mean_relations(answers: Sequence[tuple[str, Seeds]]) -> Iterator[RenderableType]:
    """What the runs of each setting, under its label, have learnt of their tasks: seeds' mean.

    Settings in which a run has learnt none are left out; of many, the first MOST_MATRICES are
    shown, and the others counted.
    """
    learning = []
    for label, seeds in answers:
        runs = asked_runs(seeds)
        if all("relation" in run.result for run in runs):
            learning.append((label, runs))
    for label, runs in learning[:MOST_MATRICES]:
        learnt = [run.result["relation"] for run in runs]
        first = learnt[0]
        setting, over = label, "one seed"
        if runs[0].lam_label:
            setting = f"{label}, λ={runs[0].lam_label}"
        if len(runs) > 1:
            over = f"mean of {len(runs)} seeds"
        title = f"{setting}: {first['name']}, {first['meaning']}, {over}"
        yield from _matrix(title, first["tasks"], _mean([one["matrix"] for one in learnt]))
    if len(learning) > MOST_MATRICES:
        more = len(learning) - MOST_MATRICES
        yield Text(f"and {more} more settings; each run's is shown by tl-run show")


def _mean(matrices: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    """The mean of matrices [T, T], entry by entry."""
    mean = []
    for rows in zip(*matrices, strict=True):
        columns = zip(*rows, strict=True)
        mean.append([fmean(entries) for entries in columns])
    return mean


def _matrix(
    title: str, tasks: Sequence[str], matrix: Sequence[Sequence[float]]
) -> Iterator[RenderableType]:
    yield Text("")
    yield plain_text(f"{title}:")
    if len(tasks) > MANY:
        yield Text(f"{len(tasks)} tasks; the matrix is in result.json, under relation")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in tasks:
        table.add_column(plain_text(name), justify="right")
    for name, row in zip(tasks, matrix, strict=True):
        table.add_row(plain_text(name), *(f"{value:.3f}" for value in row))
    yield table


def plain_text(words: str) -> Text:
    """Words from outside as text: without control characters, and without rich's markup."""
    return Text(printable(words))
