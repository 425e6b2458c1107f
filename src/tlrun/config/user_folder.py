"""A folder of a user's own YAMLs (`--config-dir`), looked through before Hydra loads any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml

from tlrun.config.yaml_text import LOADER, misread
from tlrun.core.errors import Mistake, UserError

# Beyond them it is no folder of configs.
MOST_FILES, MOST_BYTES, DEEPEST = 2000, 2**20, 50


def check_folder(folder: Path) -> None:
    """Raises UserError where composing what a folder holds would hang or do harm.

    That is too many files, one that is no file or too big, an alias, or nesting without an end.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise UserError(Mistake("--config-dir", "a folder", f"{found} at {folder}"))
    mistakes: list[Mistake] = []
    seen = 0
    for root, _, file_names in os.walk(folder, followlinks=True):  # Hydra follows links too
        files = [name for name in sorted(file_names) if name.endswith((".yaml", ".yml"))]
        seen += 1 + len(files)
        for name in files:
            mistakes += _mistakes_in(Path(root, name))
        if seen > MOST_FILES:
            most = f"at most {MOST_FILES} folders and YAML files"
            raise UserError(Mistake("--config-dir", most, f"more in {folder}"))
    if mistakes:
        raise UserError(*mistakes)


def _mistakes_in(path: Path) -> Iterator[Mistake]:
    """The first thing in a file that would hang or harm whoever composes it, else what is misread.

    Broken YAML is reported where it is used.
    """
    key = str(path)
    try:
        if not path.is_file():
            yield Mistake(key, "a file", "something else")
            return
        size = path.stat().st_size
        if size > MOST_BYTES:
            yield Mistake(key, f"at most {MOST_BYTES} bytes of YAML", f"{size}")
            return
        text = path.read_bytes()
    except OSError as error:
        yield Mistake(key, "a file that can be read", str(error.strerror))
        return
    with suppress(yaml.YAMLError, ValueError):
        depth = 0
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.AliasEvent):
                yield Mistake(key, "every value written out", f"the alias *{event.anchor}")
                return
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                yield Mistake(key, f"at most {DEEPEST} levels", "more")
                return
        root = yaml.compose(text, Loader=LOADER)
        if root is not None:
            yield from misread(path, root)
