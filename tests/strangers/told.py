"""A command line in this process, as a stranger's folder would have it asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tlrun.cli import main as cli
from tlrun.core.errors import TlrunError, say

CONFIGS = Path(__file__).parent / "configs"


def told(argv: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command line and all that it printed; what else it raises is a bug."""
    capsys.readouterr()
    try:
        code = cli.run(argv)
    except TlrunError as error:
        say(*error.lines)
        code = error.exit_code
    out, err = capsys.readouterr()
    return code, out + err


def assert_refused(code: int, text: str, mention: str) -> None:
    """A mistake was told in lines of a length, one of which says `mention`; nothing else was."""
    lines = text.strip().splitlines()
    assert code == 2, text
    assert any(mention in line for line in lines), text
    assert all(line.startswith("tl-run: ") and len(line) < 1000 for line in lines), text
    assert "Traceback" not in text
    assert all(char.isprintable() for line in lines for char in line), text


def files_in(folder: Path) -> Iterator[str]:
    """Every file below a folder, the cache of this process's own apart."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()
