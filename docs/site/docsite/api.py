"""The pages of the public names, made from `tlrun.PUBLIC` and the docstrings behind it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

import tlrun
from docsite.docstrings import escaped, markdown
from docsite.pages import API, toctree

EMPTY = inspect.Parameter.empty


def rooms() -> dict[str, list[str]]:
    """The modules with public names, by the room of the house that they are in."""
    found: dict[str, list[str]] = {}
    for module in tlrun.PUBLIC:
        found.setdefault(module.partition(".")[0], []).append(module)
    return found


def first_sentence(thing: object) -> str:
    """The summary of a docstring, its first paragraph."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def parameter(given: inspect.Parameter) -> str:
    """One parameter as it is written in a signature."""
    stars = "*" * (given.kind == given.VAR_POSITIONAL) + "**" * (given.kind == given.VAR_KEYWORD)
    text = f"{stars}{given.name}"
    if given.annotation is not EMPTY:
        hint = given.annotation
        text += f": {hint if isinstance(hint, str) else inspect.formatannotation(hint)}"
    if given.default is not EMPTY:
        default = repr(given.default)
        text += f" = {'…' if default.startswith('<') else default}"
    return text


def signature(thing: Any, *, bound: bool = False) -> str:
    """The parameters and the result of a function or a class, as they are written in the sources.

    bound: whether the first parameter, self or cls, is given by the call.
    """
    try:
        found = inspect.signature(thing)
    except ValueError:
        return "()"
    given = list(found.parameters.values())[1 if bound else 0 :]
    words, starred = [], False
    for one in given:
        if one.kind == one.VAR_POSITIONAL:
            starred = True
        if one.kind == one.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        words.append(parameter(one))
    result = found.return_annotation
    says = "" if result is EMPTY or inspect.isclass(thing) else f" -> {result}"
    return f"({', '.join(words)}){says}"


def names_in(thing: Any) -> list[str]:
    """What a docstring may explain: parameters, fields and attributes."""
    found = [
        name
        for cls in getattr(thing, "__mro__", ())
        for name in vars(cls).get("__annotations__", ())
    ]
    with suppress(ValueError):
        found += inspect.signature(thing).parameters
    return [*dict.fromkeys(found)]


def directive(kind: str, head: str, body: list[str], *, colons: int) -> str:
    """An entry of Sphinx's Python domain."""
    fence = ":" * colons
    return "\n".join([f"{fence}{{py:{kind}}} {head}", "", *body, fence, ""])


def members(cls: type) -> Iterator[str]:
    """The entries of the methods and properties that a class defines itself."""
    for name, value in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            body = [markdown(inspect.getdoc(value) or "")]
            hint = getattr(value.fget, "__annotations__", {}).get("return", "")
            head = f"{name}\n:type: {hint}" if hint else name
            yield directive("property", head, body, colons=3)
        elif inspect.isfunction(inner := getattr(value, "__func__", value)):
            if not inner.__doc__:
                continue
            bound = not isinstance(value, staticmethod)
            body = [markdown(inspect.getdoc(inner) or "", names_in(inner))]
            flag = {classmethod: "\n:classmethod:", staticmethod: "\n:staticmethod:"}.get(
                type(value), ""
            )
            head = f"{name}{signature(inner, bound=bound)}{flag}"
            yield directive("method", head, body, colons=3)


def entry(name: str) -> str:
    """What is said of one public name."""
    thing = getattr(tlrun, name)
    body = [markdown(inspect.getdoc(thing) or "", names_in(thing)), ""]
    if not inspect.isclass(thing):
        return directive("function", f"tlrun.{name}{signature(thing)}", body, colons=4)
    public = [base.__name__ for base in thing.__bases__ if base.__name__ in tlrun.__all__]
    if public:
        body += [f"A {', '.join(f'[{base}](#tlrun.{base})' for base in public)}.", ""]
    protocol = getattr(thing, "_is_protocol", False)
    taken = (
        ""
        if protocol or not (is_dataclass(thing) or "__init__" in vars(thing))
        else signature(thing)
    )
    if protocol:
        body += ["A protocol: whatever has these is one.", ""]
    return directive("class", f"tlrun.{name}{taken}", [*body, *members(thing)], colons=4)


def room_page(room: str, modules: list[str]) -> str:
    """The page of the public names of a room."""
    about = escaped(first_sentence(import_module(f"tlrun.{room}")))
    parts = [f"# tlrun: {room}", "", about, ""]
    for module in modules:
        home = import_module(f"tlrun.{module}")
        heading = ", ".join(tlrun.PUBLIC[module])
        parts += [f"## {heading}", "", f"{escaped(first_sentence(home))} (`tlrun.{module}`)", ""]
        parts += [entry(name) for name in tlrun.PUBLIC[module]]
    return "\n".join(parts)


def index_page() -> str:
    """The page with every public name in a line."""
    rows = [
        f"| [`{name}`](#tlrun.{name}) | {escaped(first_sentence(getattr(tlrun, name)))} |"
        for name in sorted(tlrun.__all__, key=str.lower)
    ]
    table = ["| name | what it is |", "|---|---|", *rows, ""]
    about = markdown(inspect.getdoc(tlrun) or "")
    return "\n".join(
        ["# The Python API", "", about, "", *table, toctree([f"{API}/{room}" for room in rooms()])]
    )


def api_pages() -> dict[str, str]:
    """The Markdown of every page of the API, by the name of the page."""
    pages = {API: index_page()}
    return pages | {f"{API}/{room}": room_page(room, modules) for room, modules in rooms().items()}
