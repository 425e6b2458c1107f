"""What a shell offers when the tab key is pressed, and the lines that let a shell ask.

Neither Hydra nor torch is asked, and whatever goes wrong offers nothing: no message ever lands in
the middle of a command that is being typed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tlrun.cli.completion_values import option_keys, values_of
from tlrun.cli.help_words import FLAGS
from tlrun.cli.shells import INSTALL, UNINSTALL
from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.config.described import EXPERIMENT, top_keys
from tlrun.config.registry import GROUPS
from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import own_path

FORMS = "install=, uninstall= or query= bash, zsh or fish"
FORM = re.compile(r"(install|uninstall|query)=(bash|zsh|fish)")
OF_COMMANDS = {  # the flags of each subcommand
    "report": ("--html", "--json", "--csv", "--markdown", "--wide", "--runs-dir"),
    "ls": ("--all", "--sweeps", "--stages", "--runs-dir"),
    "show": ("--runs-dir",),
    "final": ("--dry-run", "--alone", "--runs-dir"),
    "predict": ("--out", "--domain", "--task", "--runs-dir"),
    "sources": ("--by", "--config-dir"),
    "export": ("--tensorboard", "--csv", "--json", "--onnx", "--domain", "--runs-dir"),
    "clean": (
        *("--stages", "--cache", "--failed", "--folds", "--leftovers", "--superseded"),
        *("--older-than", "--yes", "--runs-dir"),
    ),
    "deliver": ("--method", "--folds", "--prior", "--seed", "--runs-dir"),
    "doctor": ("--verify", "--runs-dir"),
    "help": ("--config-dir",),
}  # fmt: skip
OF_RUNS = ("show", "final", "deliver", "predict", "export")  # what follows them is a run
FILES = {"--html", "--json", "--csv", "--markdown", "--tensorboard", "--onnx", "--out", "-o"}
FOLDERS = {"--runs-dir", "--config-dir", "-cd"}
CONFIGS = ("job", "hydra", "all")
AFTER = {"--by": ("likelihood", "features"), "--cfg": CONFIGS, "-c": CONFIGS}
STATUS = (
    "finished", "diverged", "inexact", "failed", "interrupted", "stopped", "running", "damaged"
)  # fmt: skip


def shell_completion(arguments: Sequence[str]) -> int:
    """Do what follows --shell-completion: install=, uninstall= or query= a shell.

    Returns the exit code. Raises UserError for all else.
    """
    wanted = [word for word in arguments if word not in ("--shell-completion", "-sc")]
    form = FORM.fullmatch(wanted[0]) if len(wanted) == 1 else None
    if form is None:
        found = " ".join(wanted) or "nothing"
        raise UserError(Mistake("--shell-completion", FORMS, found))
    verb, shell = form.groups()
    if verb == "query":
        with suppress(Exception):  # whatever it is, it is not for the middle of a command line
            line = os.environ.get("COMP_LINE", "")
            point = os.environ.get("COMP_POINT", "")
            offers = candidates(line[: int(point)] if point.isdigit() else line)
            print("\n".join(offers), end="\n" if offers else "")
    else:
        print((INSTALL if verb == "install" else UNINSTALL)[shell])
    return 0


def candidates(line: str) -> list[str]:
    """What the last word of a command line may become, as whole words.

    line: from its first character to the cursor. A word that ends in =, . or / goes on.
    """
    words, last = split(line)
    if not words:
        return []
    offers = _offers(words[1:], last)
    return sorted({offer for offer in offers if offer.startswith(last)})


def split(line: str) -> tuple[list[str], str]:
    """The words before the one under the cursor, and what there is of that one, without quotes."""
    words, word, quote, begun = list[str](), "", "", False
    for char in line:
        if quote:
            word, quote = (word, "") if char == quote else (word + char, quote)
        elif char in "'\"":
            quote, begun = char, True
        elif char.isspace():
            if word or begun:
                words.append(word)
            word, begun = "", False
        else:
            word += char
    return words, word


def _offers(before: Sequence[str], last: str) -> Iterator[str]:
    """What may stand after the words `before`; last: what there is of it."""
    previous = before[-1] if before else ""
    if previous in FOLDERS:
        yield from paths(last, folders=True)
    elif previous in AFTER:
        yield from AFTER[previous]
    elif previous in FILES:
        yield from paths(last)
    elif "--shell-completion" in before:
        yield from (f"install={shell}" for shell in INSTALL)
    elif before and before[0] in SUBCOMMANDS:
        yield from _of_command(before[0], before[1:], last)
    else:
        if not before:
            yield from SUBCOMMANDS
        if last.startswith("-"):
            yield from (flag for flag in FLAGS if flag != "--runs-dir")
            yield "--help"
        yield from _settings(before, last)


def _of_command(command: str, before: Sequence[str], last: str) -> Iterator[str]:
    """What may stand after a subcommand and the words `before`."""
    if last.startswith("-"):
        yield from OF_COMMANDS.get(command, ())
    elif command in OF_RUNS:
        yield from run_ids(_after(before, "--runs-dir") or "runs")
        if command == "predict":  # the run, then a file of new rows
            yield from paths(last)
        else:
            yield from paths(last, folders=True) if "/" in last else ()
    elif command == "report":
        yield from paths(last, folders=True)
    elif command == "sources":
        yield from _settings(before, last)
    elif command == "ls":
        yield from (f"status={status}" for status in STATUS)
        yield from _settings(before, last)
    elif command == "help":
        yield from (*SUBCOMMANDS, *top_keys())
        yield from _settings(before, last)


def _settings(before: Sequence[str], last: str) -> Iterator[str]:
    """Groups, keys and values, as key=value; of a group, the options of the name that is chosen."""
    folder = _after(before, "--config-dir")
    own = _place(folder) if folder else None
    key, equals, value = last.partition("=")
    if equals:
        *done, _ = value.split(",")
        start = f"{key}={','.join(done)}{',' if done else ''}"
        for offer in values_of(key, _chosen(before), own):
            if offer not in done:
                yield start + offer
        if _is_path(key):
            yield from (f"{key}={path}" for path in paths(value))
    elif "." in last:
        group = last.partition(".")[0]
        yield from (f"{name}=" for name in option_keys(group, _chosen(before), own))
        yield from (f"{name}=" for name in top_keys() if "." in name)
    else:
        plain = [name for name in top_keys() if "." not in name]
        taken = {word.partition("=")[0] for word in before}
        for name in (*GROUPS, EXPERIMENT, *plain, "seeds", "λ"):
            if name not in taken:
                yield f"{name}="
        for name in (*GROUPS, *dict.fromkeys(n.partition(".")[0] for n in top_keys() if "." in n)):
            if last:
                yield f"{name}."


def _chosen(before: Sequence[str]) -> Mapping[str, str]:
    """Which name of each group the words choose."""
    pairs = (word.partition("=") for word in before)
    return {group: name for group, _, name in pairs if group in GROUPS and name}


def _after(words: Sequence[str], flag: str) -> str:
    """What a flag among words is set to, `--flag value` or `--flag=value`; nothing without it."""
    for place, word in enumerate(words):
        if word == flag:
            return "".join(words[place + 1 : place + 2])
        if word.startswith((f"{flag}=", f"{flag.strip('-').replace('-', '_')}=")):
            return word.partition("=")[2]
    return ""


def _is_path(key: str) -> bool:
    return key.endswith(("path", "_dir", "root", "cache", "weights", "_file"))


def paths(start: str, *, folders: bool = False) -> Iterator[str]:
    """The files and folders that begin with `start`, a folder with / at its end."""
    folder, _, _ = start.rpartition("/")
    place = _place(f"{folder}/" if start.startswith("/") else folder or ".")
    with suppress(OSError):
        for path in sorted(place.iterdir()):
            if path.name.startswith(".") and not start.rpartition("/")[2].startswith("."):
                continue
            prefix = f"{folder}/" if "/" in start else ""
            if path.is_dir():
                yield f"{prefix}{path.name}/"
            elif not folders:
                yield prefix + path.name


def run_ids(runs_dir: str) -> Iterator[str]:
    """The last 12 characters of every run's folder below `runs_dir`, which no other run has."""
    place = _place(runs_dir)
    for file in place.glob("[!.]*/[!.]*/*/run.json"):
        yield file.parent.name[-12:]


def _place(text: str) -> Path:
    """The path that a text names; where it names none, a folder in which nothing is found."""
    try:
        return own_path(text, "path")
    except UserError:
        return Path(os.devnull)
