"""What is asked for in Python, checked as a command line is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from tlrun.cli.command_line import command_line, override
from tlrun.config.compose import as_before
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import Request, preflight
from tlrun.config.user_folder import check_folder
from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import own_path
from tlrun.store.room import check_writable

Folder = str | PathLike[str]


@dataclass(frozen=True)
class Asked:
    """What was asked for. request: checked. command: that finds the same runs from a shell."""

    request: Request
    command: str

    @property
    def runs_dir(self) -> Path:
        """Where the runs are."""
        return self.request.jobs[0].run.runs_folder


def checked(
    overrides: Sequence[str],
    multirun: bool,
    config_dir: Folder | None = None,
    runs_dir: Folder | None = None,
) -> Asked:
    """Check overrides, each key=value as on the command line.

    multirun: whether they are of a sweep. config_dir: a folder of YAMLs of the user's own.
    runs_dir: where runs are kept, if no override says it. What Hydra and OmegaConf keep for the
    whole process is afterwards as it was. Raises UserError with every mistake; nothing is started
    or written then.
    """
    words = [_override(text) for text in overrides]
    if runs_dir is not None:
        words.append(override("runs_dir", str(Path(runs_dir))))
    folder = None if config_dir is None else own_path(config_dir, "--config-dir")
    if folder is not None:
        check_folder(folder)
    try:
        with as_before():
            request = preflight(words, multirun, folder)
    except UserError as error:
        raise UserError(*map(_in_python, error.mistakes)) from None
    if request.multirun and not multirun:
        found = f"{len(request.jobs)} jobs" if len(request.jobs) > 1 else "the trials of tune.lr"
        raise UserError(Mistake("run", "one job", found, "tlrun.sweep runs them"))
    if request.foreign_launcher:
        hint = "on the command line it may be another"
        raise UserError(Mistake("hydra/launcher", "to be left alone", "another", hint))
    flags = [] if folder is None else ["--config-dir", str(folder)]
    kept = [word.lstrip("+") for word in words]
    kept = [word for word in kept if not word.startswith("rerun=")]
    asked = Asked(request, command_line(["tl-run", *flags, *["-m"][: request.multirun], *kept]))
    if not asked.runs_dir.is_dir():  # else what is finished there may be all that is asked for
        check_writable(asked.runs_dir)
    return asked


def _override(text: object) -> str:
    """An override as Hydra reads it. Raises UserError for what is none."""
    if not isinstance(text, str):
        hint = 'as in "lam.value=1"'
        raise UserError(Mistake("override", "text, key=value", repr(text), hint))
    if text.startswith("-"):
        hint = "what it asks for is an argument by name, or another function"
        raise UserError(Mistake("override", "key=value", text, hint))
    return rewrite(text)


def _in_python(mistake: Mistake) -> Mistake:
    """The mistake, with what Python has instead of the flag for a sweep."""
    if mistake.hint.startswith("add -m"):
        hint = mistake.hint.replace("add -m", "call tlrun.sweep")
        return replace(mistake, hint=hint, expected=mistake.expected.replace("-m", "a sweep"))
    return mistake
