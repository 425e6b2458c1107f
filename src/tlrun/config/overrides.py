"""The overrides of a command line, one by one: key=value, as tl-run takes it and as Hydra does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, RangeSweep
from hydra.errors import HydraException

from tlrun.config.look_alikes import look_alike
from tlrun.config.refusals import AS_SHIPPED, one_line
from tlrun.config.registry import GROUPS, names
from tlrun.core.errors import Mistake, UserError

LAMBDA = re.compile(r"^(\+{0,2}|~)(?:λ|lambda|lam\.value)(?==|$)")
# A node within a node, chosen by its name.
NODE = re.compile(r"^(\+{0,2}strategy\.(?:first|then))(?==[a-z])")
ONE_MARK = re.compile(r"(\+{0,2}[\w.]+=)([,;:|'\" \t])")
# What of a value stands in quotes already, or between Hydra's own marks.
PIECE = re.compile(r"""'[^']*'|"[^"]*"|[^,\[\]{}():='"]+""")
CALL = re.compile(r"[a-z]+\(.*\)")  # glob(…), range(…): Hydra's own
INFINITY = re.compile(r"∞|(?<![\w.])(?:\.inf|[Ii]nfinity)\b")
QUOTES = 'a value with special characters goes in quotes, as in \'runs_dir="a [b]"\' or ["größe"]'
SEVERAL = re.compile(r"[\w./]+=\S+\s+[\w./]+=")  # settings in one word
LONGEST, DEEPEST = 10_000, 50  # characters of an override, levels of its key
MOST_VALUES = 1000  # of one axis: beyond them, checking alone would take minutes


@dataclass(frozen=True)
class Axis:
    """A key and the values it takes, as they are written. sweeps: whether they are a sweep."""

    key: str
    values: list[str]
    sweeps: bool

    @property
    def choice(self) -> bool:
        """Whether it picks a YAML, and does not set a value."""
        return is_choice(self.key)


def is_choice(key: str) -> bool:
    """Whether a key picks a YAML, so that Hydra must compose anew for it."""
    return key in GROUPS or key == "experiment" or "/" in key or key.startswith("hydra.")


def forced(override: str) -> str:
    """A checked override as Hydra takes it without a complaint of its own.

    A plug-in's options are in no YAML, so a value is set whether its key is there or not.
    """
    return override if is_choice(override.partition("=")[0]) else f"++{override}"


def rewrite(argument: str) -> str:
    """λ=… and lambda=… as lam.value=…, which Hydra's grammar can read; ∞ as inf.

    strategy.first=… becomes strategy.first.name=…. A mark alone, as in dataset.separator=; once the
    shell has taken its quotes, is quoted again; so is a word with letters that Hydra's grammar has
    not, as in dataset.target=Évora. A flag is left as it is.
    """
    if argument.startswith("-"):
        return argument
    argument = NODE.sub(r"\1.name", argument)
    if one := ONE_MARK.fullmatch(argument):
        quote = '"' if one[2] == "'" else "'"
        return f"{one[1]}{quote}{one[2]}{quote}"
    if not LAMBDA.match(argument):
        key, equals, value = argument.partition("=")
        return key + equals + _quoted(value)
    return INFINITY.sub("inf", LAMBDA.sub(r"\1lam.value", argument))


def _quoted(value: str) -> str:
    """A value, in quotes where it has characters that Hydra's grammar has not, and stands in none.

    Of a list or several values, each by itself.
    """
    if value.startswith("~/") and value.isascii() and not set(value) & set(",'\""):
        return f"'{value}'"  # a folder below the home, which Hydra's grammar has not either
    if value.isascii() or value[0] in "'\"" or CALL.fullmatch(value):
        return value
    if not set(value) & set(",[]{}"):
        quote = '"' if "'" in value else "'"
        return value if quote in value else f"{quote}{value}{quote}"
    return PIECE.sub(lambda piece: _in_quotes(piece[0]), value)


def _in_quotes(text: str) -> str:
    """A piece of a value, as `_quoted` does."""
    if text.isascii() or text[0] in "'\"":
        return text
    word = text.strip()
    return text.replace(word, f"'{word}'")


def axis_of(text: str) -> Axis:
    """The key and values of one override, `key=value` or `key=value,value`.

    Raises UserError for a form of Hydra's that tl-run does not use, and for a key that is not the
    user's to set.
    """
    override = _parsed(text)
    key = override.key_or_group
    if not override.is_sweep_override():
        return Axis(key, [override.get_value_element_as_str()], sweeps=False)
    values = _values(key, override)
    if not values:
        found = override.get_value_string()
        raise UserError(Mistake(key, "a list of values like 1,2,3", found))
    if len(values) > MOST_VALUES:
        raise _too_many(key)
    return Axis(key, values, sweeps=True)


def value_of(key: str, text: str) -> Any:
    """What a written value means; text in quotes for the shell's sake alone is plain text."""
    return OverridesParser.create().parse_override(f"{key}={text}").value()


def _parsed(text: str) -> Override:
    if len(text) > LONGEST:
        raise UserError(Mistake(one_line(text), f"at most {LONGEST} characters", str(len(text))))
    try:
        override = OverridesParser.create().parse_override(text)
    except RecursionError:
        raise UserError(Mistake(one_line(text), "a value of a few levels", "more")) from None
    except (HydraException, ValueError):  # ValueError: a number of thousands of digits
        raise UserError(_no_override(text)) from None
    key = override.key_or_group
    if key.count(".") > DEEPEST:
        raise UserError(Mistake(one_line(key), f"a key of at most {DEEPEST} levels", "more"))
    if override.type == OverrideType.DEL or override.package is not None:
        raise UserError(_no_override(text))
    given = override.get_value_string() or "nothing"
    if key == "hydra.searchpath":
        folder = "a folder of YAMLs of your own is --config-dir FOLDER"
        raise UserError(Mistake(key, "to be left alone", given, folder))
    if key.startswith(("hydra.runtime", "hydra.overrides", "hydra.job")):
        raise UserError(Mistake(key, AS_SHIPPED, given))
    if key.endswith(".name") and key.removesuffix(".name") in GROUPS:
        choose = f"choose with {key.removesuffix('.name')}=…"
        raise UserError(Mistake(key, "to be left alone", given, choose))
    return override


def _no_override(text: str) -> Mistake:
    return Mistake(one_line(text), "key=value", "something else", _form(text))


def _form(text: str) -> str:
    """What is wrong with the form of an override, as far as can be told."""
    if look_alike(text):
        return look_alike(text)
    if "==" in text:
        return f"with one =: {text.replace('==', '=')}"
    if SEVERAL.match(text):
        return f"each by itself, without quotes around all of them: {one_line(text)}"
    if text.endswith((",", ";")):
        return f"without {text[-1]} at its end: {text.rstrip(',;')}"
    return QUOTES


def _values(key: str, override: Override) -> list[str]:
    """The values of a sweep; none where it is no list of values."""
    axis = override.value()
    if isinstance(axis, RangeSweep) and axis.step:
        span = axis.stop - axis.start  # type: ignore[operator]  # a range has both ends
        if span / axis.step > MOST_VALUES:  # before they are shuffled
            raise _too_many(key)
    try:
        if isinstance(axis, Glob) and key in GROUPS:
            return axis.filter(list(names(key)))
        swept = islice(override.sweep_string_iterator(), MOST_VALUES + 1)
        return [str(value) for value in swept]
    except (HydraException, TypeError, ValueError, ArithmeticError):  # ArithmeticError: of nan
        return []


def _too_many(key: str) -> UserError:
    return UserError(Mistake(key, f"at most {MOST_VALUES} values", "more"))
