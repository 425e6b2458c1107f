import io

import pytest

from tlrun.report.console import PIPE_WIDTH, make_console


def test_what_is_piped_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())

    assert make_console().width == PIPE_WIDTH
    assert not make_console().is_terminal
