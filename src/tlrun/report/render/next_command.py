"""The command that a study ends with: the same again or, of too few seeds, one with enough."""

from __future__ import annotations

import re

from tlrun.report.answer import Study
from tlrun.report.statistics.verdict import FEWEST_SEEDS

SEEDS = re.compile(r"(?<=[ '])seeds?=(\S+)")
TEN = "seeds=10"
WORD = re.compile(r"(?:[^\s'\"]|'[^']*'|\"[^\"]*\")+")  # of a shell's line, its quotes kept


def next_command(study: Study) -> tuple[str, str]:
    """What the command is for, and the command; both empty where no plan was declared.

    A study that was declared with fewer seeds than a word takes gets one with ten of them; one that
    is not finished, the same command.
    """
    if not study.command:
        return "", ""
    if study.n < FEWEST_SEEDS and (command := _with_ten(study.command)):
        return "For a verdict, ten seeds; what is finished is found:", command
    return "Again:", study.command


def folded(command: str, width: int) -> list[str]:
    """A command in lines of at most `width` columns that a shell reads as one.

    A word is not divided, so that one that is longer has a line of its own.
    """
    lines: list[str] = []
    for word in WORD.findall(command):
        if lines and len(lines[-1]) + len(word) + 3 <= width:  # a space, and what goes on
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _with_ten(command: str) -> str:
    """A command with ten seeds; empty where it asks for enough, or leaves them to a study."""
    asked = SEEDS.search(command)
    if asked is None:
        return "" if " experiment=" in command else f"{command} {TEN}"
    words = asked.group(1)
    if asked.group().startswith("seeds="):
        few = words.isdecimal() and int(words) < FEWEST_SEEDS
    else:
        few = words.replace(",", "").isdecimal() and words.count(",") < FEWEST_SEEDS - 1
    return SEEDS.sub(TEN, command, count=1) if few else ""
