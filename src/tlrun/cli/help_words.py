"""What is known of one word: a name, a key, a setting, a command or a word of the field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from textwrap import wrap

from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.config.described import (
    EXPERIMENT,
    Entry,
    Key,
    all_names,
    entry,
    meaning,
    top_keys,
    top_nodes,
)
from tlrun.config.field_words import BY_COMMAND, BY_WORD, plain, that_is
from tlrun.config.look_alikes import as_meant
from tlrun.config.registry import GROUPS, options
from tlrun.config.wording import own_data, unknown_name
from tlrun.core.errors import Mistake, UserError, closest

WIDTH = 80
LAMBDA = ("λ", "lambda")
# Flags of tl-run and of Hydra's that a user may want, and what each does.
FLAGS = {
    "-m": "a sweep: every value of every key that has several, as in -m lam.value=0,1 seeds=10",
    "--multirun": "the same as -m",
    "--dry-run": "say what would run, be found and cost, and train nothing",
    "--wide": "sizes, paths and legends in the table too",
    "--cfg": "--cfg job prints every key of a command with its value, and runs nothing",
    "--config-dir": "a folder of YAMLs of your own: FOLDER/strategy/mine.yaml is strategy=mine",
    "--shell-completion": 'completes words: eval "$(tl-run --shell-completion install=bash)"',
    "--version": "which tl-run this is",
    "--runs-dir": "of ls, show, report and other commands: the folder that runs are kept in",
}
SEEDS = Key(
    "seeds", "", "a whole number, or auto", "-m seeds=10 is seed=0 to 9; auto: as many as decide"
)


def explained(word: str, folder: Path | None = None) -> str:  # noqa: PLR0911  # one line a kind of word
    """What is known of a word, over some lines.

    folder: YAMLs of the user's own. Raises UserError for a word that nothing is known of, and for a
    plug-in that cannot be imported.
    """
    word = as_meant(word).strip()
    key, equals, value = word.partition("=")
    key = "lam.value" if key in LAMBDA and equals else key.lstrip("+")
    if word in FLAGS:
        return _lines(f"{word}  {FLAGS[word]}", "")
    if key in LAMBDA or key == "lam":
        return _of_lambda() if not equals or value not in all_names("lam") else _name(key, value)
    if key in (*GROUPS, EXPERIMENT):
        return _name(key, value, folder) if value else _group(key, folder)
    if word in SUBCOMMANDS:
        return "\n\n".join([_usage(word), *_keys(word, folder)])  # predict is a key too
    if found := _keys(key, folder):
        before = [BY_COMMAND[plain(word)]] if plain(word) in BY_COMMAND else []
        if word in SUBCOMMANDS:  # it is both
            before = [_usage(word)]
        return "\n\n".join([*before, *found])
    if equals:
        raise UserError(Mistake(key, found="no such key", hint=_near(key, folder)))
    if named := [_of_entry(it) for it in _entries(word, folder)]:
        return "\n\n".join(named)
    if said := BY_COMMAND.get(plain(word)) or that_is(word) or own_data(word):
        further = f"\n\n{_of_setting(word)}" if plain(word) in BY_WORD else ""
        return _lines(f"{word}: {said}", "") + further
    raise UserError(Mistake(word, found="nothing is known of it", hint=_near(word, folder)))


def _of_setting(word: str) -> str:
    """Where help goes on, of what a word of the field is."""
    return f"  tl-run help {' '.join(BY_WORD[plain(word)].setting.split())}"


def _usage(command: str) -> str:
    """How a command is called: it says so itself."""
    module = import_module(f"tlrun.cli.{command}")
    usage: str = getattr(module, "USAGE", f"tl-run {command} --help says how it is called")
    return usage.replace("{last}", str(getattr(module, "LAST", "")))


def _of_lambda() -> str:
    """What λ is, and how it may change over a stage."""
    (value, *_) = entry("lam", "constant").keys
    intro = "λ, typed as lam.value or λ: (L_S + λ L_T)/(1+λ), how strong the target's loss L_T is"
    return f"{_lines(intro, '')}\n\n{_of_key(value)}\n\n{_group('lam', None)}"


def _group(group: str, folder: Path | None) -> str:
    """The names of a group with a line each; of a group of one, all of it."""
    every = all_names(group, folder)
    if len(every) == 1:
        return _of_entry(entry(group, every[0], folder))
    lines = [f"{group}=…, one of:", ""]
    for name in every:
        try:
            said = meaning(group, name, folder)
        except UserError as error:  # a plug-in that cannot be imported
            said = error.mistakes[0].found
        lines.append(_lines(f"{name:<20} {said}", "  ", 23))
    return "\n".join([*lines, "", f"One of them in full: tl-run help {group}={every[0]}"])


def _name(group: str, name: str, folder: Path | None = None) -> str:
    """A name of a group, or several; a mistake where there is none."""
    texts = []
    for each in name.split(","):
        if each not in all_names(group, folder):
            if said := that_is(each):
                texts.append(_lines(f"{each}: {said}", ""))
                continue
            hint = unknown_name(group, each, all_names(group, folder))
            raise UserError(Mistake(group, found=f"{each} is not known", hint=hint))
        texts.append(_of_entry(entry(group, each, folder)))
    return "\n\n".join(texts)


def _entries(word: str, folder: Path | None) -> Iterator[Entry]:
    """The names, of whatever group, that are this word."""
    for group in (*GROUPS, EXPERIMENT):
        if word in all_names(group, folder):
            yield entry(group, word, folder)


def _keys(key: str, folder: Path | None) -> list[str]:
    """The keys that are this one, whole or by their last part; none where there is none."""
    top = top_keys()
    if key == "seeds":
        return [_of_key(SEEDS)]
    if key in top:
        return [_of_key(top[key])]
    if key in top_nodes():
        inside = [_of_key(top[each]) for each in top if each.startswith(f"{key}.")]
        return [_lines(f"{key}: {top_nodes()[key]}", ""), *inside]
    ends = [_of_key(top[each]) for each in top if each.endswith(f".{key}") and "." not in key]
    group, _, option = key.rpartition(".")
    wanted = {option: options().get(option, {})}[option]
    groups = [group] if group in GROUPS else [] if group else list(wanted)
    of_groups = [
        text
        for each in groups
        for text in _everywhere(each, option, folder)
        if each in wanted or folder is not None
    ]
    return [*of_groups, *ends]


def _everywhere(group: str, option: str, folder: Path | None) -> Iterator[str]:
    """An option as the names of a group have it, those alike together."""
    alike: dict[tuple[str, str], list[tuple[str, Key]]] = {}
    every = all_names(group, folder)
    for name in every:
        try:
            keys = entry(group, name, folder).keys
        except UserError:  # a plug-in that cannot be imported
            continue
        for key in keys:
            if key.key == f"{group}.{option}":
                alike.setdefault((key.allowed, key.comment), []).append((name, key))
    for owners in alike.values():
        names = [name for name, _ in owners]
        defaults = {name: key.default for name, key in owners}
        yield _of_key(owners[0][1], names if len(names) < len(every) else [], group, defaults)


def _of_entry(it: Entry) -> str:
    """A name in full: what it is, the command that uses it, its options."""
    title = f"{it.group}={it.name}" + (f" ({it.origin})" if it.origin else "")
    lines = [title, _lines(it.meaning, "  ")]
    if it.more:
        lines += ["", _lines(" ".join(it.more), "  ")]
    lines += ["", f"  {it.command}"]
    if it.axes:
        lines += ["", "It sweeps over:", ""]
        lines += [_lines(axis.replace(",", ", "), "  ", 4) for axis in it.axes]
    if it.keys:
        lines += ["", "Its options, at their defaults:"]
        lines += [f"\n{_of_key(key)}" for key in it.keys]
    elif it.group != EXPERIMENT:
        lines += ["", "It has no options."]
    return "\n".join(lines)


def _of_key(
    key: Key, names: Sequence[str] = (), group: str = "", defaults: dict[str, str] | None = None
) -> str:
    """A key: its default, what it may be, what it means.

    names: those of `group` that have it, where not all do. defaults: that of each name.
    """
    different = defaults is not None and len(set(defaults.values())) > 1
    first = f"{key.key}={'…' if different or not key.default else key.default}"
    lines = [f"  {first}", _lines(key.allowed, "      ")]
    if key.comment:
        lines.append(_lines(key.comment, "      "))
    if different and defaults:
        each = ", ".join(f"{value} of {name}" for name, value in defaults.items())
        lines.append(_lines(f"default: {each}", "      "))
    if names:
        lines.append(_lines(f"of {group}={', '.join(names)}", "      "))
    return "\n".join(line for line in lines if line.strip())


def _near(word: str, folder: Path | None) -> str:
    """What a word that nothing is known of may be meant as."""
    known = [*SUBCOMMANDS, *GROUPS, EXPERIMENT, *top_keys(), *options(), *FLAGS, "seeds"]
    known += [name for group in (*GROUPS, EXPERIMENT) for name in all_names(group, folder)]
    known += [*BY_WORD, *BY_COMMAND]
    last = word.rpartition(".")[2]
    near = closest(word, known, 0.6) or closest(last, known, 0.6)
    return f"did you mean tl-run help {near}?" if near else "see tl-run --help"


def _lines(text: str, indent: str, hanging: int | None = None) -> str:
    """A text over lines of the width. hanging: the indent of all lines but the first."""
    below = indent if hanging is None else " " * hanging
    return "\n".join(
        wrap(
            text, WIDTH, initial_indent=indent, subsequent_indent=below,
            break_long_words=False, break_on_hyphens=False,
        )
    )  # fmt: skip
