"""The screen that `tl-run --help` shows, and `tl-run help WORD`: at once, without Hydra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from tlrun.config import plugins
from tlrun.config.registry import GROUPS, shipped
from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import own_path

WIDTH = 80
USAGE = """\
tl-run help [WORD …] [--config-dir FOLDER]

What a name, a key, a setting, a command or a word of the field is; without a
word, the screen of tl-run --help."""
HEAD = """\
tl-run: does what was learnt on one task help on another, and how much of it?

Transfer: a model learns a source that has many labels, then a target that has
few, by (L_S + λ L_T)/(1+λ). L_S and L_T are the losses of source and target; λ
says how strong the target's is: 0 the source alone, inf the target alone. φ is
the backbone, the network below the last layer (the head).
Every run is compared with its controls, such as the target from scratch.

  tl-run                                     real data, with its controls
  tl-run strategy=parameter_transfer λ=inf   fine-tuning: another strategy, λ
  tl-run -m lam.value=0,1,inf seeds=10       a sweep: ten seeds of each λ
  tl-run experiment=which_transfer           a study, which sets its own sweep
  tl-run dataset=table_csv dataset.path=my.csv   your own table
"""
COMMANDS = """\
Then: tl-run report (does it help?), ls (all runs), show RUN, final RUN (its
sealed test rows), deliver (use the winner), predict PATH NEW (new rows),
sources (which to take?), export, clean (disk), doctor (this machine). Flags:
-m, a sweep; --dry-run, say what would run; --config-dir FOLDER, your YAMLs;
--cfg job, every key; --shell-completion install=bash."""
TAIL = """\
Keys are set as key=value, like seed=3. What one is: tl-run help KEY, as in
  tl-run help strategy              every strategy, with a line each
  tl-run help strategy=joint        one of them, its equation and its options
  tl-run help optimizer.lr seed     keys; words of the field too: help epochs"""


def help_of(words: Sequence[str]) -> int:
    """Print the screen, or what is known of each of `words`. Returns the exit code.

    words: names, keys, settings, commands or words of the field; flags too, of which --config-dir
    brings YAMLs of the user's own. Raises UserError for words that are none of them, once all
    others are explained.
    """
    from tlrun.cli.help_words import explained

    folder, asked = _folder(words)
    if "--help" in words or "-h" in words:
        print(USAGE)
        return 0
    if not asked:
        print(screen())
        return 0
    wrong: list[Mistake] = []
    before = ""
    for word in dict.fromkeys(asked):
        try:
            text = explained(word, folder)
        except UserError as error:
            wrong += error.mistakes
            continue
        print(f"{before}{text}")
        before = "\n"
    if wrong:
        raise UserError(*wrong)
    return 0


def screen() -> str:
    """What tl-run answers, how to call it, and every group with its names."""
    lines = [HEAD, "Groups, set as group=name:"]
    for group in (*GROUPS, "experiment"):
        indent = f"  {group:<11}"
        named = ", ".join(_named(group))
        after = " " * len(indent)
        lines += wrap(
            named, WIDTH, initial_indent=indent, subsequent_indent=after, break_on_hyphens=False
        )
    return "\n".join([*lines, "", COMMANDS, TAIL])


def _named(group: str) -> Iterator[str]:
    """The names of a group, those of plug-ins with where they come from."""
    yield from shipped(group)
    for name in plugins.announced(group):
        if name not in shipped(group):
            yield f"{name} (from {plugins.origin(group, name)})"


def _folder(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The folder of --config-dir, looked through, and the words without it. Raises UserError."""
    rest, folder, asked = list(words), None, list[str]()
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag != "--config-dir" or not (equals or rest):
            asked.append(word)
            continue
        folder = own_path(value if equals else rest.pop(0), "--config-dir")
    if folder is not None:
        from tlrun.config.user_folder import check_folder

        check_folder(folder)
    return folder, asked
