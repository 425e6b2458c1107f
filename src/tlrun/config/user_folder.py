"""A folder of a user's own YAMLs (`--config-dir`), looked through before Hydra loads any."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml

from tlrun.config.yaml_text import LOADER, MOST_BYTES, harmful, misread, unclosed
from tlrun.core.errors import Mistake, UserError

# Beyond them it is no folder of configs.
MOST_FILES = 2000

OF_HYDRA = re.compile(r"(override\s+)?/?hydra/")


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
        if why := harmful(text):
            yield Mistake(key, why[1], why[0])
            return
        root = yaml.compose(text, Loader=LOADER)
        if root is not None:
            yield from misread(path, root)
            yield from unclosed(path, root)
            yield from _of_hydra(path, root)


def _of_hydra(path: Path, root: yaml.Node) -> Iterator[Mistake]:
    """A mistake for each entry of a file's defaults that picks a YAML of Hydra's own.

    Ours are picked before any of a user's, so that it would be without effect, and without a word.
    """
    for key, defaults in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != "defaults" or not isinstance(defaults, yaml.SequenceNode):
            continue
        for entry in defaults.value:
            named = isinstance(entry, yaml.MappingNode) and entry.value
            name = entry.value[0][0] if named else entry
            if OF_HYDRA.match(str(name.value)):
                line = f"{path}, line {name.start_mark.line + 1}"
                hint = "a launcher is chosen on the command line: hydra/launcher=…"
                yield Mistake(line, "no YAML of Hydra's own in defaults", str(name.value), hint)
