import io
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.core.notes import Waiting
from tlrun.report import progress_sweep as live
from tlrun.report.progress_sweep import watching


def console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_it_counts_and_tells_failures_at_once(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SAY", 0.0)
    ours = console(terminal)
    with watching(ours)(5, 1) as screen:
        screen.started("d/s/a")
        screen.started("d/s/b")
        assert "loading PyTorch" in screen._standing()
        screen.progress("d/s/a", "source", 3, 10)
        screen.finished("d/s/a", "")
        screen.note("d/s/b", Waiting(path=Path("runs/d/s/b"), who="process 1", doing="training"))
        screen.finished("d/s/b", "killed by SIGKILL")
    text = shown(ours)

    assert "failed: d/s/b: killed by SIGKILL" in text
    assert "d/s/b: waiting for process 1, which is training\n" in text
    assert "1 trained, 1 found, 0 running, 1 failed, about" in text
    assert " left" in text
    if not terminal:
        assert "3/5 runs: " in text


def test_without_a_terminal_it_is_quiet_at_first() -> None:
    ours = console(terminal=False)
    with watching(ours)(100, 0) as screen:
        for k in range(50):
            screen.started(str(k))
            screen.progress(str(k), "s", 1, 2)
            screen.finished(str(k), "")

    assert shown(ours) == ""


def test_a_strangers_title_cannot_take_over_the_terminal() -> None:
    ours = console(terminal=True)
    with watching(ours)(1, 0) as screen:
        screen.started("[red]a\x1b]0;x\x07")
        screen.finished("[red]a\x1b]0;x\x07", "[b]why\x1b[2J")

    assert "\x1b]0;" not in shown(ours)
    assert "\x1b[2J" not in shown(ours)
    assert "[b]why" in shown(ours)
