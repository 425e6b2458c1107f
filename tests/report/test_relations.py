import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console, Group, RenderableType

from tlrun.report.relations import (
    DISAGREEMENT,
    MANY,
    relations,
)

ESCAPE = "\x1b[31mred\x9b\u202e"
MATRIX: dict[str, Any] = {
    "name": "Ω",
    "meaning": "covariance of the tasks",
    "tasks": ["a", "b"],
    "matrix": [[0.5, 0.25], [0.25, 0.5]],
}


def lines(parts: Iterable[RenderableType]) -> list[str]:
    """All that is shown, with one space between words."""
    console = Console(file=io.StringIO(), width=200, markup=False)
    console.print(Group(*parts))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [" ".join(line.split()) for line in shown.splitlines()]


def test_what_was_learnt_of_the_tasks_is_a_matrix_with_their_names() -> None:
    learnt = MATRIX | {"matrix": [[0.5, -0.25], [0.125, 1]]}
    shown = lines(relations({"relation": learnt, "disagreement": 0.125}))

    assert shown == [
        f"heads apart: 12.5 % {DISAGREEMENT}",
        "",
        "Ω, covariance of the tasks:",
        "a b",
        "a 0.500 -0.250",
        "b 0.125 1.000",
    ]


@pytest.mark.parametrize("result", [{}, {"relation": None}])
def test_where_nothing_was_learnt_of_the_tasks_nothing_is_said(result: dict[str, Any]) -> None:
    assert list(relations(result)) == []


@pytest.mark.parametrize("count", [MANY, MANY + 1])
def test_a_matrix_of_many_tasks_is_left_in_its_file(count: int) -> None:
    names = [f"t{k}" for k in range(count)]
    shown = lines(
        relations({"relation": MATRIX | {"tasks": names, "matrix": [[0.5] * count] * count}})
    )
    left = f"{count} tasks; the matrix is in result.json, under relation" in shown

    assert left == (count > MANY)
    assert ("0.500" in " ".join(shown)) == (count <= MANY)


def test_what_a_matrix_is_called_is_cleaned_and_its_markup_is_not_obeyed() -> None:
    """`tl-run show` reads it from a file that anyone may have written."""
    names = [f"[bold]{ESCAPE}", "b"]
    learnt = MATRIX | {"name": ESCAPE, "meaning": "[red]", "tasks": names}
    shown = "\n".join(lines(relations({"relation": learnt})))

    assert not set(shown) & {"\x1b", "\x9b", "\u202e"}
    assert "[red]" in shown
    assert "[bold]" in shown
