"""What the README says is run: its commands and its mistake."""

import re
import shlex
from pathlib import Path

import pytest

from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight
from tlrun.core.errors import UserError

ROOT = Path(__file__).parents[1]
TEXTS = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
}
TEXT = TEXTS["README.md"]
MOST_LINES = 150  # what is read in one sitting


def commands(text: str) -> list[str]:
    """Every command line of tl-run, in a block, in a table or in a sentence."""
    found = re.findall(r"^tl-run .*$|`(?:tl-run .*?)`", text, flags=re.MULTILINE)
    return [line.strip("`") for line in found if not line.startswith("tl-run:")]


LINES = commands(TEXT)
COMMANDS = [line for line in LINES if line.split()[1] not in (*SUBCOMMANDS, "--help")]


def block(after: str) -> str:
    """The first fenced block after some words."""
    return TEXT[TEXT.index(after) :].split("```")[1].split("\n", 1)[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command: str) -> None:
    words = [rewrite(word) for word in shlex.split(command)[1:]]

    assert preflight([word for word in words if word != "-m"], multirun="-m" in words).jobs


def test_commands_and_files_are_seen() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)

    assert len(COMMANDS) == 4
    assert len(links) >= 30
    assert all((ROOT / link).exists() for link in links)


def test_it_is_read_in_one_sitting() -> None:
    assert len(TEXT.splitlines()) <= MOST_LINES


def test_both_languages_have_the_same_commands_outputs_and_links() -> None:
    """What is no prose: fenced blocks, but for their comments, commands, and where links lead."""
    blocks, inline, links = [], [], []
    for text in TEXTS.values():
        fenced = re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)
        blocks.append([re.sub(r"#.*", "#", each) for each in fenced])
        inline.append(sorted(commands(text)))
        targets = re.findall(r"\]\(([^)]+)\)", text)
        links.append(sorted(link for link in targets if not link.startswith("README")))

    assert blocks[0] == blocks[1]
    assert inline[0] == inline[1]
    assert links[0] == links[1]


def test_the_mistake_it_shows_is_what_is_printed() -> None:
    typed, *printed = block("A mistake costs a line").strip().splitlines()

    with pytest.raises(UserError) as caught:
        preflight(shlex.split(typed.removeprefix("$ tl-run ")), multirun=False)

    assert [f"tl-run: {line}" for line in caught.value.lines] == printed
