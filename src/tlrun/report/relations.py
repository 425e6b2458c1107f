"""What a run has learnt about its tasks, and how far their heads agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable

MANY = 12  # tasks; more are counted, not listed
DISAGREEMENT = (
    "of the test inputs are answered differently by two tasks' heads (mean over pairs of tasks)"
)


def relations(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """How far the tasks of a run agree, and the matrix that it has learnt about them.

    result: its result.json; where it holds neither, nothing is shown.
    """
    if "disagreement" in result:
        yield Text(f"heads apart: {100 * result['disagreement']:.1f} % {DISAGREEMENT}")
    if learnt := result.get("relation"):
        title = f"{learnt['name']}, {learnt['meaning']}"
        yield from _matrix(title, learnt["tasks"], learnt["matrix"])


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
