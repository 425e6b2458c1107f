"""A folder of a user's own YAMLs (`--config-dir`), looked through before Hydra loads any."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import yaml
from omegaconf import OmegaConf

from tlrun.config.refusals import one_line
from tlrun.config.yaml_text import LOADER, MOST_BYTES, harmful, misread, sexagesimal, unclosed
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
    for files in _yamls(folder):
        seen += 1 + len(files)
        for path in files:
            mistakes += _mistakes_in(path)
        if seen > MOST_FILES:
            most = f"at most {MOST_FILES} folders and YAML files"
            raise UserError(Mistake("--config-dir", most, f"more in {folder}"))
    if mistakes:
        raise UserError(*mistakes)


def unread(folder: Path) -> list[Mistake]:
    """A mistake for each YAML of a folder that Hydra cannot read, whatever it raises.

    It takes its time: it is for when composing has failed, and Hydra names no file.
    """
    mistakes = []
    for path in chain.from_iterable(_yamls(folder)):
        try:
            OmegaConf.load(path)
        except Exception as error:  # noqa: BLE001  # a stranger's YAML is met with whatever
            config = "a config: UTF-8, keys that are text, plain values"
            why = f"{type(error).__name__}: {one_line(error)}".partition(";")[0]
            mistakes.append(Mistake(str(path), config, why))
    return mistakes


def _yamls(folder: Path) -> Iterator[list[Path]]:
    """The YAMLs of a folder, and of each below it; Hydra follows links too."""
    for root, _, names in os.walk(folder, followlinks=True):
        yield [Path(root, name) for name in sorted(names) if name.endswith((".yaml", ".yml"))]


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
            yield from sexagesimal(path, root)
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
