import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tlrun.report.learning_curve import (
    MOST_LINES,
    learning_curve,
    loss_curves,
    read_rows,
    sampled,
)


def row(
    stage: str, step: int, val: dict[str, float] | None = None, **terms: float | None
) -> dict[str, Any]:
    scored = {key: {"loss": loss} for key, loss in (val or {}).items()}
    return {"stage": stage, "step": step, "terms": terms, "val": scored}


def lines_of(rows: list[dict[str, Any]], width: int = 80) -> list[str]:
    console = Console(width=width, markup=False)
    with console.capture() as shown:
        console.print(learning_curve(loss_curves(rows), width))
    return shown.get().splitlines()


def test_a_curve_for_every_loss_of_a_stage_and_for_validation() -> None:
    rows = [
        row("source", 10, L_S=4.0, total=4.0),
        row("target", 10, {"target/a": 3.0, "target/b": 1.0}, L_S=2.0, L_T=1.0, total=1.5),
        row("target", 20, {"target/a": 1.0, "target/b": 0.0}, L_S=1.0, L_T=2.0, total=1.5),
    ]
    curves = {(curve.stage, curve.loss): curve for curve in loss_curves(rows)}

    assert list(curves) == [
        ("source", "L_S"),
        ("target", "L_S"),
        ("target", "L_T"),
        ("target", "validation"),
    ]
    assert curves["target", "validation"].values == (2.0, 0.5)  # the mean over the tasks
    assert curves["target", "L_T"].lowest == (1.0, 10)


def test_many_tasks_are_one_curve_of_their_sum() -> None:
    rows = [row("tasks", step, L_a=1.0, L_b=2.0, L_c=3.0, L_d=4.0, R=9.0) for step in (1, 2)]
    (curve,) = loss_curves(rows)

    assert curve.values == (10.0, 10.0)
    assert curve.loss == "Σ L_i (4)"


def test_a_loss_that_was_not_drawn_or_is_no_number_has_no_point() -> None:
    rows = [row("s", 1, L_S=1.0), row("s", 2, L_S=None), row("s", 3, L_T=2.0)]

    assert [(curve.loss, curve.steps) for curve in loss_curves(rows)] == [
        ("L_S", (1,)),
        ("L_T", (3,)),
    ]


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_it_says_first_lowest_and_last_and_fits(width: int) -> None:
    rows = [row("target", step, L_T=float(abs(step - 60) + 1)) for step in range(1, 101)]
    head, line = lines_of(rows, width)

    assert line.split()[:3] == ["target", "L_T", "1-100"]
    assert line.split()[-5:] == ["60", "1", "at", "60", "41"]
    assert "▁" in line
    assert max(map(len, (head, line))) <= width


def test_it_stays_small() -> None:
    rows = [row(f"stage {k}", step, L_S=1.0, L_T=2.0) for k in range(20) for step in (1, 2)]
    shown = lines_of(rows)

    assert len(shown) <= 1 + MOST_LINES
    assert "32 more" in shown[-1]


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    good = json.dumps(row("s", 1, L_S=1.0))
    other_fold = json.dumps({"fold": 1, **row("s", 1, L_S=5.0)})
    (tmp_path / "m").write_text(f'{good}\n[1]\n{{"stage": "s"}}\n{other_fold}\n{{"stage"')

    assert [each["terms"] for each in read_rows(tmp_path / "m")] == [{"L_S": 1.0}]
    assert read_rows(tmp_path / "nothing") == []
    assert loss_curves([]) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 40))
def test_a_sample_is_as_long_as_asked_and_within_the_values(
    values: list[float], count: int
) -> None:
    short = sampled(values, count)

    assert len(short) == min(count, len(values))
    assert min(values) - 1e-6 <= min(short)
    assert max(short) <= max(values) + 1e-6
