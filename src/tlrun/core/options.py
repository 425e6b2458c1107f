"""What the value of an option may be, read from the type of a dataclass field, and said in words.

A type is called `hint` here. In use are int, float, bool, str, Literal[…], Annotated[number,
Range(low, high)], Annotated[str, Form(…)], tuple[X, ...], Mapping[str, X], X | None,
Annotated[Strategy, OneOf(…, …)]. Nothing is converted silently, save a whole number where any
number will do. nan is never a value.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

LARGEST = 2**63 - 1  # of a whole number, as torch and numpy hold one


class Range(NamedTuple):
    """The closed interval an option must lie in: `Annotated[float, Range(0, math.inf)]`."""

    low: float
    high: float = math.inf


class OneOf(NamedTuple):
    """What a node within a node may be: `Annotated[Strategy, OneOf(group, names)]`.

    group: the config group. names: those of its members that are allowed.
    """

    group: str
    names: tuple[str, ...]


class Form(NamedTuple):
    """The form a text must have: `Annotated[str, Form(pattern, words)]`.

    pattern: a regular expression for the whole text. words: the same for a user. choices: texts of
    that form that are words of their own.
    """

    pattern: str
    words: str
    choices: tuple[str, ...] = ()


# How a plain type is called for a user.
WORDS: dict[Any, str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    NoneType: "null",
}


@cache
def fields(cls: type) -> dict[str, Any]:
    """The fields of a dataclass by name, with their types, `Annotated` kept."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def fits(value: object, hint: Any) -> bool:  # noqa: C901, PLR0911  # one line a form
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
        if not isinstance(value, list | tuple) or not value:
            return False
        return all(fits(item, args[0]) for item in value)
    if origin is Mapping:
        if not isinstance(value, Mapping) or not value:
            return False
        named = all(isinstance(key, str | int) and not isinstance(key, bool) for key in value)
        return named and all(fits(item, args[1]) for item in value.values())
    if hint in (int, float) and isinstance(value, bool):  # True is an int to Python
        return False
    if isinstance(value, int) and abs(value) > LARGEST:  # no number of ours, nor one to print
        return False
    if hint is float:
        return isinstance(value, int | float) and not math.isnan(value)
    return isinstance(value, hint) and (hint is not str or "\0" not in value)


def expected(hint: Any) -> str:  # noqa: PLR0911  # one line a form
    """What `hint` allows, in words for a user: "a whole number >= 1", "one of none, batch"."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if isinstance(args[1], Form):
            return args[1].words
        if isinstance(args[1], OneOf):
            return f"one of {', '.join(args[1].names)}"
        low, high = args[1]
        number = expected(args[0])
        if not math.isinf(high):
            return f"{number} from {low:.15g} to {high:.15g}"
        remark = " (inf is allowed)" if args[0] is float else ""
        return f"{number} >= {low:g}{remark}"
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin in (Union, UnionType):
        return " or ".join(expected(arg) for arg in args)
    if origin is tuple:
        if get_origin(args[0]) is tuple:
            return f"a table like [[0,1],[1,0]], each cell {expected(get_args(args[0])[0])}"
        example = "[64,32]" if get_origin(args[0]) is Annotated else "[a,b]"
        return f"a list like {example}, each {expected(args[0])}"
    if origin is Mapping:
        return f"names with a value each, like {{a: …, b: …}}, {expected(args[1])}"
    return WORDS[hint]


def choices(hint: Any) -> tuple[str, ...]:  # noqa: PLR0911  # one line a form
    """The words among what `hint` allows, as they are typed: trace_norm, true, null, inf."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if isinstance(args[1], OneOf):
            return args[1].names
        if isinstance(args[1], Form):
            return args[1].choices
        return ("inf",) if args[0] is float and math.isinf(args[1].high) else ()
    if origin is Literal:
        return tuple(map(str, args))
    if origin in (Union, UnionType):
        return tuple(dict.fromkeys(word for arg in args for word in choices(arg)))
    if origin is tuple:
        return choices(args[0])
    if origin is Mapping:
        return choices(args[1])
    return {bool: ("true", "false"), NoneType: ("null",)}.get(hint, ())


def coerce(value: Any, hint: Any) -> Any:
    """A `value` that fits `hint`, in that type.

    1 becomes 1.0 where a float is asked for, -0.0 becomes 0.0, a list a tuple.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return coerce(value, args[0])
    if origin is tuple:
        return tuple(coerce(item, args[0]) for item in value)
    if origin is Mapping:
        return {str(key): coerce(item, args[1]) for key, item in value.items()}
    if origin in (Union, UnionType):
        return coerce(value, next(arg for arg in args if fits(value, arg)))
    if hint is float:
        return float(value) + 0.0  # of -0.0 this makes 0.0
    return value


def as_data(thing: Any) -> dict[str, Any]:
    """The fields of a dataclass, by name, as a config node holds them.

    A field that holds a dataclass becomes a node of its own, with its name (`as_node`).
    """
    values = {}
    cls: type = type(thing)
    for name in _names(cls):
        value = getattr(thing, name)
        values[name] = as_node(value) if dataclasses.is_dataclass(value) else value
    return values


@cache
def _names(cls: type) -> tuple[str, ...]:
    """The names of a dataclass's fields; of many objects of a class, asked for once."""
    return tuple(field.name for field in dataclasses.fields(cls))


def as_node(thing: Any) -> dict[str, Any]:
    """An object of ours as the config node it is made from.

    FeatureTransfer() becomes {name: feature_transfer, …}, TrainerOptions() {name: trainer, …}; the
    rest of a node are the fields.
    """
    return {"name": name_of_class(type(thing))} | as_data(thing)


def name_of_class(cls: type) -> str:
    """What a class of ours is called in a config: FeatureTransfer is feature_transfer."""
    return _in_words(cls.__name__)


@cache
def _in_words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Options")).lower()


def as_plain(value: Any) -> Any:
    """`value` with lists for tuples, all the way down, as YAML holds it."""
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def strict(value: Any) -> Any:
    """`value` as strict JSON can hold it, all the way down, with lists for tuples.

    An infinite number becomes the text inf or -inf; nan stays, for the writer to refuse.
    """
    if isinstance(value, Mapping):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value
