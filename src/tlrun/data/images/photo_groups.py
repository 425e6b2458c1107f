"""Which images belong together: groups told by file names, or by a CSV file."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.data.images.folders import Photo
from tlrun.data.load_report import few
from tlrun.store.downloads import described


def groups_by_name(photos: Iterable[Photo], pattern: str) -> list[str]:
    """The group of each image, told by its path below the folder of its class.

    Raises UserError, naming the file, where `pattern` matches nothing.
    """
    compiled = re.compile(pattern)
    groups = []
    for photo in photos:
        match = compiled.search(photo.inside)
        group = "" if match is None else "/".join(filter(None, match.groups())) or match.group()
        if not group:
            expected = "a pattern that matches something in every file's path below its class"
            found = f"{pattern}, not in {photo.inside} of class {photo.label} in {photo.domain}"
            raise UserError(Mistake("dataset.group", expected, found))
        groups.append(group)
    return groups


def groups_by_file(photos: Sequence[Photo], file: Path) -> list[str]:
    """The group of each image, told by a CSV with the columns file and group.

    A file is named by its path below the root, or as domain/class/….
    Raises UserError where the file cannot be read, or does not name every image once.
    """
    table = _read(file)
    groups, missing = [], []
    for photo in photos:
        names = (f"{photo.domain}/{photo.label}/{photo.inside}", photo.below)
        group = next((table[name] for name in names if name in table), None)
        if group is None:
            missing.append(photo.below)
        else:
            groups.append(group)
    if missing:
        found = f"none of {few(missing)}"
        raise _wrong(f"a line for every image in {file}", found, "name it as below dataset.path")
    return groups


def _read(file: Path) -> Mapping[str, str]:
    """The groups by the names of files."""
    table: dict[str, str] = {}
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            if not {"file", "group"} <= set(rows.fieldnames or ()):
                found = f"{', '.join(rows.fieldnames or ()) or 'nothing'} in {file}"
                raise _wrong("line 1 to name the columns file and group", found)
            for row in rows:
                path, group = ((row[key] or "").strip() for key in ("file", "group"))
                name = unicodedata.normalize("NFC", path.replace("\\", "/")).removeprefix("./")
                if not name or not group:
                    raise _wrong(f"a file and a group in line {rows.line_num} of {file}", "none")
                if table.setdefault(name, group) != group:
                    raise _wrong(f"one group of {name}", f"{table[name]} and {group} in {file}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _wrong("a CSV file in UTF-8", f"{file}: {described(error)}") from None
    return table


def _wrong(expected: str, found: str, hint: str = "") -> UserError:
    return UserError(Mistake("dataset.group_file", expected, found, hint))
