"""Strategies, backbones and data sets of other installed packages, found by entry point.

They are held to the rules of our own.

A package announces a class under one of the groups `tlrun.strategies`, `tlrun.backbones` and
`tlrun.datasets`:

    [project.entry-points."tlrun.strategies"]
    sparse_features = "my_package.sparse_features:SparseFeatures"

It is imported only when it is chosen. A name of ours cannot be taken over.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import expected, fields, fits
from tlrun.strategies.base import Strategy

ENTRY_POINTS = {
    "strategy": "tlrun.strategies",
    "backbone": "tlrun.backbones",
    "dataset": "tlrun.datasets",
}
NAME = re.compile(r"[a-z][a-z0-9_]*")
MEMBERS = {
    "strategy": ("stages", "objective"),
    "backbone": ("learns", "width", "build"),
    "dataset": ("load",),
}


@cache
def announced(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a config group, by name; none for a group that takes no plug-ins."""
    if group not in ENTRY_POINTS:
        return {}
    points: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS[group]), key=lambda point: point.name):
        if NAME.fullmatch(point.name):
            points[point.name] = point
    return points


def origin(group: str, name: str) -> str:
    """The package, with its version, that announces a plug-in."""
    dist = announced(group)[name].dist
    return f"{dist.name} {dist.version}" if dist else "an unnamed package"


def load(group: str, name: str) -> type:
    """The class of a plug-in, imported.

    Raises UserError where it cannot be imported or is not what its group needs.
    """
    point = announced(group)[name]
    where = f"{group}: {name} of {origin(group, name)} ({point.value})"
    try:
        cls = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # whatever a stranger's module does, sys.exit too
        message = " ".join(str(error).split())
        why = f"cannot be imported: {type(error).__name__}: {message}"
        raise UserError(Mistake(where, found=why)) from None
    wrong = [Mistake(where, *fault) for fault in faults(group, cls)]
    if wrong:
        raise UserError(*wrong)
    return cls  # type: ignore[no-any-return]


def faults(group: str, cls: Any) -> Iterator[tuple[str, str]]:
    """What keeps `cls` from being a class of `group`, as what was expected and what was found."""
    if not isinstance(cls, type) or not dataclasses.is_dataclass(cls):
        yield "a frozen dataclass whose fields are its options", f"{cls!r}"
        return
    for name in MEMBERS[group]:
        if not hasattr(cls, name):
            yield f"a member {name}", "none"
    if group == "strategy" and not issubclass(cls, Strategy):
        yield "a subclass of tlrun.Strategy", cls.__name__
    for name in sorted(getattr(cls, "__abstractmethods__", ())):
        yield f"a method {name}", "none"
    if not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield "@dataclass(frozen=True)", "@dataclass"
    for field in dataclasses.fields(cls):
        missing = dataclasses.MISSING
        if field.default is missing and field.default_factory is missing:
            yield f"a default for the option {field.name}", "none"
            return
    yield from _option_faults(cls)


def _option_faults(cls: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with types and defaults of options, each of which has one."""
    try:
        given = defaults(cls)
        for name, hint in fields(cls).items():
            if name == "name":
                yield "no option called name, which it is chosen by", "one"
            if not fits(given[name], hint):
                yield f"a default of {name} that is {expected(hint)}", repr(given[name])
    except Exception as error:  # noqa: BLE001  # an annotation may be anything
        yield "types of options as in tlrun/core/options.py", str(error)


def defaults(cls: Any) -> dict[str, Any]:
    """The options of a class at their defaults, as a config node holds them."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        value = field.default
        if field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        values[field.name] = list(value) if isinstance(value, tuple) else value
    return values


@cache
def sources(module: str) -> str:
    """The first 12 hexadecimal digits of sha256 over all code of the package that `module` is in.

    Those are the files of the installed distribution that announces it, and the package around the
    module itself, which is all that is known of an editable installation.
    """
    top = module.partition(".")[0]
    files = _package_files(top) | _distribution_files(top)
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        if path.is_file():
            total.update(f"{name}\n".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def _package_files(top: str) -> dict[str, Path]:
    """The Python files of the top-level package or module `top`, by their names in it."""
    spec = importlib.util.find_spec(top)
    files: dict[str, Path] = {}
    if spec is not None and spec.submodule_search_locations:
        for folder in spec.submodule_search_locations:
            for path in Path(folder).rglob("*.py"):
                files[path.relative_to(folder).as_posix()] = path
    elif spec is not None and spec.origin:
        files[Path(spec.origin).name] = Path(spec.origin)
    return files


def _distribution_files(top: str) -> dict[str, Path]:
    """The code of every distribution that announces a plug-in in `top`, by its name there."""
    files: dict[str, Path] = {}
    for group in ENTRY_POINTS:
        for point in announced(group).values():
            if point.dist is None or point.module.partition(".")[0] != top:
                continue
            for file in point.dist.files or ():
                if file.suffix in (".py", ".so", ".pyd"):
                    files[f"dist/{file.as_posix()}"] = Path(str(file.locate()))
    return files
