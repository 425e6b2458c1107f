import io
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.core.errors import printable
from tlrun.core.notes import RunAnew, StrategyWarning
from tlrun.report.progress_run import MOST_LOSSES, LiveScreen
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant

STAGE = Stage("target", ("target",), 3, lam=Constant(1.0))


def shown(terminal: bool) -> str:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, force_terminal=terminal, width=100))
    screen.begin("this run", STAGE)
    for step in (1, 2, 3):
        screen.step(step, {"L_S": 0.5, "L_T": step / 10, "total": 1.0})
    screen.end()
    screen.note(StrategyWarning(text="[red]a line[/red]"))
    return file.getvalue()


def test_without_a_terminal_a_stage_is_one_plain_line() -> None:
    lines = shown(terminal=False).splitlines()

    assert len(lines) == 2
    assert lines[0].startswith("this run · target")
    assert "3/3 steps  L_S 0.500  L_T 0.300" in lines[0]


def test_on_a_terminal_a_bar_shows_losses() -> None:
    text = shown(terminal=True)

    assert "━" in text
    assert "L_T 0.300" in text
    assert "3/3" in text


def test_foreign_text_is_shown_and_never_obeyed() -> None:
    assert "[red]a line[/red]" in shown(terminal=False)
    assert printable("a\x1b[2Jb\x9bc\u202ed") == "a�[2Jb�c�d"


@pytest.mark.parametrize(("runs", "line"), [
    (1, "runs/x: an earlier attempt failed; going on from what it has kept"),
    (12, "12 runs: an earlier attempt failed; going on from what it has kept"),
])  # fmt: skip
def test_a_note_is_shown_in_words_with_its_folder_or_how_many_runs_it_is_of(
    runs: int, line: str
) -> None:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, width=20))  # it is not cut, nor broken
    screen.note(RunAnew(path=Path("runs/x"), why="failed", details=""), runs)

    assert file.getvalue() == f"{line}\n"


def test_a_stage_that_is_cut_short_says_how_far_it_came() -> None:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, width=100))
    screen.begin("this run", STAGE)
    screen.step(1, {"L_T": 0.5})
    screen.end()

    assert "1/3 steps" in file.getvalue()


@pytest.mark.parametrize(("count", "shown"), [
    (MOST_LOSSES, "L_t0 0.500  L_t1 0.500  L_t2 0.500  L_t3 0.500  R 0.250"),
    (MOST_LOSSES + 1, "ΣL of 5 tasks 2.500  R 0.250"),
    (29, "ΣL of 29 tasks 14.500  R 0.250"),
])  # fmt: skip
@pytest.mark.parametrize("terminal", [True, False])
def test_many_losses_are_told_as_their_sum_and_a_penalty_by_itself(
    terminal: bool, count: int, shown: str
) -> None:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, force_terminal=terminal, width=200))
    screen.begin("this run", STAGE)
    screen.step(3, {f"L_t{k}": 0.5 for k in range(count)} | {"R": 0.25, "total": 9.0})
    screen.end()

    assert shown in file.getvalue()
    assert "9.000" not in file.getvalue()
    assert ("L_t0" in file.getvalue()) == (count <= MOST_LOSSES)


def test_in_a_sweep_short_stages_are_silent_without_a_terminal() -> None:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, width=100), transient=True)
    screen.begin("a", STAGE)
    screen.step(3, {"L_T": 0.5})
    screen.end()

    assert file.getvalue() == ""


@pytest.mark.parametrize("transient", [True, False])
def test_a_screen_can_show_many_stages(transient: bool) -> None:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, force_terminal=True, width=100), transient=transient)
    for _ in range(3):
        screen.begin("a", STAGE)
        screen.step(3, {})
        screen.end()

    assert file.getvalue().count("\n") >= (0 if transient else 3)


def test_a_computation_counts_examples() -> None:
    file = io.StringIO()
    screen = LiveScreen(Console(file=file, width=100))
    screen.begin("this run", Stage("features of photos", (), 30, lam=Constant(0.0)))
    screen.step(30, {})
    screen.end()

    assert file.getvalue().startswith("this run · features of photos    30/30 examples ")
