"""Command lines that are no key=value: what was meant, as far as can be told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from tlrun.config.described import EXPERIMENT, all_names, top_keys
from tlrun.config.field_words import BY_COMMAND, BY_WORD, plain, that_is
from tlrun.config.look_alikes import DASHES, as_meant, look_alike
from tlrun.config.registry import GROUPS, options
from tlrun.config.wording import own_data, unknown_name
from tlrun.core.errors import Mistake, UserError, closest, nearest

PAIR = "key=value"
FURTHER = "see tl-run --help"


def first_word(argv: Sequence[str], commands: Sequence[str]) -> Mistake:
    """About a first word that is neither a command nor key=value. commands: those there are."""
    word, *rest = argv
    hint = BY_COMMAND.get(plain(word)) or _meant(word, rest)
    near = nearest(word, commands)
    if not hint and closest(word, commands) is None and (other := _near(word)):
        hint = f"did you mean {other}?"
    expected = f"{PAIR} or a command"
    return Mistake(word, expected, "neither", hint or f"{near}; {FURTHER}")


def check_flags(argv: Sequence[str], known: Collection[str]) -> None:
    """Raises UserError for flags that there are not, as --lr. known: those that there are."""
    wrong = []
    for place, word in enumerate(argv):
        if word.startswith(DASHES):
            wrong.append(Mistake(word, found="no flag", hint=look_alike(word)))
        elif word.startswith("-") and not _is_flag(word, known):
            wrong.append(_no_flag(word, argv[place + 1 :], known))
    if wrong:
        raise UserError(*wrong)


def check_words(argv: Sequence[str], commands: Sequence[str]) -> None:
    """Raises UserError for words that are no override. commands: those there are.

    Of several in a row the first is told, for the others belong to it.
    """
    wrong = []
    told = -2  # the place of the last such word
    for place, word in enumerate(argv):
        if "=" in word.strip("=") or word.startswith("~") or not word.strip():
            continue
        if told < place - 1:
            hint = _loose(word, argv[place + 1 :], commands)
            wrong.append(Mistake(word, PAIR, "something else", hint))
        told = place
    if wrong:
        raise UserError(*wrong)


def _loose(word: str, rest: Sequence[str], commands: Sequence[str]) -> str:
    """About a word that is no override; rest: the words after it."""
    if word in commands:
        return f"a command comes first: tl-run {word}"
    if word.endswith("=") and rest and "=" not in rest[0]:
        return _spaced(word.rstrip("="), rest[0])
    if word.endswith("="):
        return f"a value after it; tl-run help {word.rstrip('=')} says which"
    return _meant(word, rest) or f"{PAIR} without spaces; {FURTHER}"


def _spaced(name: str, value: str) -> str:
    return f"no space stands around =: {_key(name) or name}={value}"


def _is_flag(word: str, known: Collection[str]) -> bool:
    """Whether a word is a flag, or the beginning of one as argparse takes it."""
    name = word.partition("=")[0]
    if name.startswith("--"):
        return any(flag.startswith(name) for flag in known) and name != "--"
    return name in known or name in {"-cjob", "-chydra", "-call"} or name[1:2].isdigit()


def _no_flag(word: str, rest: Sequence[str], known: Collection[str]) -> Mistake:
    """About a flag that there is not: an option is set without dashes."""
    name, equals, value = word.lstrip("-").partition("=")
    if not equals and rest and not rest[0].startswith("-") and "=" not in rest[0]:
        value = rest[0]
    key = _key(name)
    long = [flag for flag in known if flag.startswith("--")]
    if key and (other := _setting(key, value)):
        hint = other
    elif key:
        hint = f"an option is set without dashes: {key}={value or '…'}"
    elif said := that_is(name) or BY_COMMAND.get(plain(name), ""):
        hint = said
    elif near := closest(word, long, 0.75):
        hint = f"did you mean {near}?"
    elif other := _near(name):
        hint = f"did you mean {other}{'' if '=' in other else '=' + (value or '…')}?"
    else:
        hint = f"options are set as {PAIR}; {FURTHER}"
    return Mistake(word, found="no flag of tl-run", hint=hint)


def _meant(word: str, rest: Sequence[str]) -> str:  # noqa: PLR0911  # one line a kind of word
    """What a word without = is, by its own; rest: the words after it."""
    if word.startswith(DASHES) or look_alike(word):
        return look_alike(word)
    key = _key(word)
    if key and rest and rest[0].startswith("="):
        return _spaced(word, rest[0].strip("=") or "".join(rest[1:2]))
    if key and rest and not rest[0].startswith("-") and "=" not in rest[0]:
        return _setting(key, rest[0]) or f"did you mean {key}={rest[0]}?"
    if ":" in word and _key(word.partition(":")[0]):
        return f"did you mean {word.replace(':', '=', 1)}?"
    if found := list(_named(word)):
        return f"did you mean {found[0]}?"
    if key:
        return f"did you mean {key}=…? tl-run help {key} says what it may be"
    return that_is(word) or own_data(word) or look_alike(word)


def _setting(key: str, value: str) -> str:
    """What sets a group to a name that it has not: what is to be set instead, or nothing."""
    if key not in GROUPS or not value or value in all_names(key):
        return ""
    return f"{value}: {unknown_name(key, value, all_names(key))}"


def _named(word: str) -> Iterator[str]:
    """The choices, as strategy=joint, of names that are `word`."""
    for group in (*GROUPS, EXPERIMENT):
        if word in all_names(group):
            yield f"{group}={word}"


def _key(name: str) -> str:
    """The key that a name is, or is the last part of; nothing where there is none."""
    name = as_meant(name).strip().lower().replace("-", "_")
    if name in ("λ", "lambda", "lam"):
        return "lam.value"
    if name in GROUPS or name in top_keys() or name in (EXPERIMENT, "seeds"):
        return name
    last = name.rpartition(".")[2]
    for key in top_keys():
        if key.rpartition(".")[2] == name and name not in options():  # lr is not first tune.lr
            return key
    groups = list(options().get(last, ()))
    if "." in name:
        return name if name.partition(".")[0] in groups else ""
    return f"{groups[0]}.{name}" if groups and plain(name) not in _MEANINGFUL else ""


# What is an option of one name, and more often something else of the field.
_MEANINGFUL = {"text", "model", "first", "then", "source", "labels", "weights"} & BY_WORD.keys()


def _near(word: str) -> str:
    """The nearest key, or choice of a name, to a word that is neither."""
    known: dict[str, str] = {group: group for group in (*GROUPS, EXPERIMENT)}
    known |= {key: key for key in top_keys()}
    known |= {option: f"{next(iter(groups))}.{option}" for option, groups in options().items()}
    for group in (*GROUPS, EXPERIMENT):
        known |= {name: f"{group}={name}" for name in all_names(group)}
    near = closest(plain(word), list(known), 0.75)
    return known[near] if near is not None else ""
