"""A folder of a user's own YAMLs (`--config-dir`), looked through before Hydra loads any of
them.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from tlrun.core.errors import UserError

# of a folder of configs: beyond them it is no folder of configs
MOST_FILES, MOST_BYTES, DEEPEST = 2000, 2**20, 50


def check_folder(folder: Path) -> None:
    """Raises UserError where a folder of configs holds what would hang or harm whoever composes
    it.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise UserError(f"--config-dir: expected a folder, found {found} at {folder}")
    lines, seen = [], 0
    for root, _, names_there in os.walk(folder, followlinks=True):  # Hydra follows links too
        seen += 1
        for path in [
            Path(root, name) for name in sorted(names_there) if name.endswith((".yaml", ".yml"))
        ]:
            seen += 1
            try:
                found = _explosive(path)
            except OSError as error:
                found = f"expected a file that can be read, found {error.strerror}"
            if found:
                lines.append(f"{path}: {found}")
        if seen > MOST_FILES:
            raise UserError(
                f"--config-dir: expected at most {MOST_FILES} folders and YAML files, found more in {folder}"
            )
    if lines:
        raise UserError(*lines)


def _explosive(path: Path) -> str:
    """Why composing a file would take for ever; empty where it would not. Broken YAML is told when
    it is used.
    """
    if not path.is_file():
        return "expected a file, found something else"
    if path.stat().st_size > MOST_BYTES:
        return f"expected at most {MOST_BYTES} bytes of YAML, found {path.stat().st_size}"
    depth = 0
    try:
        for event in yaml.parse(
            path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        ):
            if isinstance(event, yaml.AliasEvent):
                return f"expected every value written out, found the alias *{event.anchor}"
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
                event, yaml.CollectionEndEvent
            )
            if depth > DEEPEST:
                return f"expected at most {DEEPEST} levels, found more"
    except (yaml.YAMLError, ValueError):
        pass
    return ""
