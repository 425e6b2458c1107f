"""What the README says is run: its commands and its mistake."""

import re
import shlex
from pathlib import Path

import pytest

from tlrun.cli.main import SUBCOMMANDS
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight
from tlrun.core.errors import UserError

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = re.findall(r"^tl-run .*$", TEXT, flags=re.MULTILINE)
COMMANDS = [line for line in LINES if "tl-run:" not in line and line.split()[1] not in SUBCOMMANDS]


def block(after: str) -> str:
    """The first fenced block after some words."""
    return TEXT[TEXT.index(after) :].split("```")[1].split("\n", 1)[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command: str) -> None:
    words = [rewrite(word) for word in shlex.split(command)[1:]]

    assert preflight([word for word in words if word != "-m"], multirun="-m" in words).jobs


def test_commands_and_files_are_seen() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)

    assert len(COMMANDS) == 6
    assert len(links) == 50
    assert all((ROOT / link).exists() for link in links)


def test_the_mistake_it_shows_is_what_is_printed() -> None:
    typed, *printed = block("A mistake costs a line").strip().splitlines()

    with pytest.raises(UserError) as caught:
        preflight(shlex.split(typed.removeprefix("$ tl-run ")), multirun=False)

    assert [f"tl-run: {line}" for line in caught.value.lines] == printed
