"""What the value of an option may be, read from the type of a dataclass field, and said in words.

Types in use: int, float, bool, str, Literal[…], Annotated[number, Range(low, high)], Annotated[str,
Form(…)], tuple[X, ...], X | None, Annotated[Strategy, OneOf(…, …)]. Nothing is converted silently,
save a whole number where any number will do. nan is never a value.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints


class Range(NamedTuple):
    """The closed interval an option must lie in; written as `Annotated[float, Range(0,
    math.inf)]`.
    """

    low: float
    high: float = math.inf


class OneOf(NamedTuple):
    """What a node within a node may be: some names of a config group; written as
    `Annotated[Strategy, OneOf(…, …)]`.
    """

    group: str
    names: tuple[str, ...]


class Form(NamedTuple):
    """The form a text must have, as a regular expression and in words; written as `Annotated[str,
    Form(…, …)]`.
    """

    pattern: str
    words: str


@cache
def fields(cls: type) -> dict[str, Any]:
    """The fields of a dataclass with their types, `Annotated` kept."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def fits(value: object, hint: Any) -> bool:  # noqa: PLR0911  # one line a form
    """Whether `value` is what `hint` allows."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        rule: Range | Form | OneOf = args[1]
        if isinstance(rule, OneOf):
            # its own options are for `build`
            return isinstance(value, Mapping) and value.get("name") in rule.names
        if isinstance(rule, Form):
            return isinstance(value, str) and re.fullmatch(rule.pattern, value) is not None
        return fits(value, args[0]) and rule.low <= value <= rule.high  # type: ignore[operator]  # a number
    if origin is Literal:
        return any(value == arg and type(value) is type(arg) for arg in args)
    if origin in (Union, UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is tuple:
        return (
            isinstance(value, list | tuple)
            and len(value) > 0
            and all(fits(item, args[0]) for item in value)
        )
    if hint is float:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        )
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def expected(hint: Any) -> str:  # noqa: PLR0911  # one line a form
    """What `hint` allows, in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if isinstance(args[1], Form):
            return args[1].words
        if isinstance(args[1], OneOf):
            return f"one of {', '.join(args[1].names)}"
        low, high = args[1]
        if math.isinf(high):
            return (
                f"{expected(args[0])} >= {low:g}{' (inf is allowed)' if args[0] is float else ''}"
            )
        return f"{expected(args[0])} from {low:.15g} to {high:.15g}"
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin in (Union, UnionType):
        return " or ".join(expected(arg) for arg in args)
    if origin is tuple:
        if get_origin(args[0]) is tuple:
            return f"a table like [[0,1],[1,0]], each cell {expected(get_args(args[0])[0])}"
        return f"a list like [64,32], each {expected(args[0])}"
    named: dict[Any, str] = {
        float: "a number", int: "a whole number", bool: "true or false", str: "text", NoneType: "null",
    }  # fmt: skip
    return named[hint]


def coerce(value: Any, hint: Any) -> Any:
    """A value that fits, in its declared type: 1 as 1.0 where a float is asked for, -0.0 as 0.0, a
    list as a tuple.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return coerce(value, args[0])
    if origin is tuple:
        return tuple(coerce(item, args[0]) for item in value)
    if origin in (Union, UnionType):
        return coerce(value, next(arg for arg in args if fits(value, arg)))
    return float(value) + 0.0 if hint is float else value


def as_data(thing: Any) -> dict[str, Any]:
    """The fields of a dataclass as a config node holds them: a node within it has its name and its
    own fields.
    """
    values = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    return {
        key: as_node(value) if dataclasses.is_dataclass(value) else value
        for key, value in values.items()
    }


def as_node(thing: Any) -> dict[str, Any]:
    """An object of ours as the config node it is made from: FeatureTransfer() as {name:
    feature_transfer, …}.
    """
    return {"name": re.sub(r"(?<!^)(?=[A-Z])", "_", type(thing).__name__).lower()} | as_data(thing)


def as_plain(value: Any) -> Any:
    """`value` with lists for tuples, all the way down, as YAML holds it."""
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def strict(value: Any) -> Any:
    """`value` as strict JSON can hold it: an infinite number becomes the text inf or -inf; nan
    stays, to be refused.
    """
    if isinstance(value, Mapping):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value
