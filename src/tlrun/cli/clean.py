"""tl-run clean: free the disk of what can be made again. Finished runs stay."""

from __future__ import annotations

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.table import Table
from rich.text import Text

from tlrun.cli.clean_items import KINDS, NAMED, Item, items
from tlrun.cli.ls_stages import utc
from tlrun.core.errors import Mistake, UserError, nearest, printable, say
from tlrun.report.amounts import counted, size
from tlrun.report.console import make_console
from tlrun.store.found import below
from tlrun.store.locks import is_held, locked

USAGE = """\
tl-run clean [--stages] [--cache] [--failed] [--folds] [--leftovers]
             [--superseded] [--older-than DAYS] [--yes] [--runs-dir PATH]

Free disk; it asks first.

  tl-run clean                  all of these but --superseded
  tl-run clean --stages         finished stages, and the checkpoints of others
  tl-run clean --cache          features of what is held fixed, pretrained
                                weights, what is remembered of data
  tl-run clean --failed         runs that failed, or were interrupted or killed,
                                with the checkpoints that they would go on from
  tl-run clean --folds          runs with a part of the labels held out, which
                                tl-run deliver makes
  tl-run clean --leftovers      files that killed processes left half-written
  tl-run clean --superseded     finished runs that rerun=true has made anew;
                                only where it is asked for
  tl-run clean --older-than 30  only what was last used more than 30 days ago
  tl-run clean --yes            without the question, which needs a terminal

What it deletes is made again where needed. Finished and running runs stay."""
FLAGS = (*dict.fromkeys(KINDS.values()), "--older-than", "--yes", "--runs-dir")
DAY = 86400.0
HELD, USED, ELSEWHERE = "a process has it", "it has been used since", "it is behind a symbolic link"


class _Left(Exception):
    """Something stays where it is. The message says why."""


def clean(arguments: Sequence[str]) -> int:
    """Show what would go, ask, and delete it.

    Returns the exit code: 1 where something could not be deleted. Raises UserError for what cannot
    be asked, and where there is nobody to ask; then nothing is deleted.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, others = below(arguments)
    kinds, days, sure = _asked(others)
    before, since = math.inf, ""
    if days is not None:
        before = time.time() - days * DAY
        since = f" that was last used more than {days:g} days ago"
    chosen, left = list[Item](), Counter[str]()
    for item in items(runs_dir, kinds):
        if item.used < before:
            if why := _why_left(item, runs_dir):
                left[why] += 1
            else:
                chosen.append(item)
    if not chosen:
        print(printable(f"nothing to clean in {runs_dir}{since}"))
        _say_left(left)
        return 0
    make_console().print(_table(chosen))
    _say_left(left)
    if not (sure or _agreed()):
        print("nothing is deleted")
        return 0
    return _delete(chosen)


def _asked(arguments: Sequence[str]) -> tuple[list[str], float | None, bool]:
    """The kinds that were asked for, how many days old, and whether the question is skipped."""
    kinds, days, sure, unknown, rest = set[str](), None, False, list[str](), list(arguments)
    while rest:
        argument = rest.pop(0)
        flag, equals, value = argument.partition("=")
        if argument in KINDS.values():
            kinds.add(argument)
        elif argument == "--yes":
            sure = True
        elif flag == "--older-than":
            if not equals and rest:
                value = rest.pop(0)
            days = _days(value)
        else:
            unknown.append(argument)
    if unknown:
        raise UserError(*(Mistake("clean", "a flag", f, nearest(f, FLAGS)) for f in unknown))
    return (
        [kind for kind, flag in KINDS.items() if flag in kinds or not (kinds or kind in NAMED)],
        days,
        sure,
    )


def _days(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (days := float(text)) < math.inf:
            return days
    found, key = text or "nothing", "clean --older-than"
    raise UserError(Mistake(key, "a number of days >= 0", found, "30, for example"))


def _why_left(item: Item, runs_dir: Path) -> str:
    """Why something cannot be deleted; empty where it can."""
    if item.path.resolve() != runs_dir.resolve() / item.path.relative_to(runs_dir):
        return ELSEWHERE
    return HELD if is_held(item.lock) else ""


def _say_left(reasons: Counter[str]) -> None:
    for why, count in reasons.items():
        print(f"left as it is: {count}, because {why}")


def _table(chosen: Sequence[Item]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("kind", "how many", "size", "oldest use (UTC)", "newest use (UTC)"):
        table.add_column(name, justify="right" if name in ("how many", "size") else "left")
    for kind in KINDS:
        if items := [item for item in chosen if item.kind == kind]:
            used = [item.used for item in items]
            total = size(sum(item.size for item in items))
            table.add_row(Text(f"{kind}s"), str(len(items)), total, utc(min(used)), utc(max(used)))
    return table


def _agreed() -> bool:
    """Whether the answer on the terminal is yes. Raises UserError where there is no terminal."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        found = "none, and nothing is deleted"
        raise UserError(Mistake("clean", "a terminal to ask on", found, "to delete, add --yes"))
    try:
        return input("Delete these? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _delete(chosen: Sequence[Item]) -> int:
    freed, left, failed = list[Item](), Counter[str](), 0
    for item in chosen:
        try:
            _remove(item)
        except _Left as why:
            left[str(why)] += 1
        except OSError as error:
            failed += 1
            expected = "expected a folder that can be deleted"
            say(f"{item.path}: {expected}, found: {error.strerror}; see its permissions")
        else:
            freed.append(item)
    _say_left(left)
    counts = Counter(item.kind for item in freed)
    parts = [counted(counts[kind], kind) for kind in KINDS if counts[kind]]
    print(f"freed {size(sum(item.size for item in freed))}: {', '.join(parts) or 'nothing'}")
    return 1 if failed else 0


def _remove(item: Item) -> None:
    """Delete it under its lock, so that nothing is torn from a process that has begun on it.

    Raises _Left where it has to stay, OSError where it cannot be deleted.
    """

    def busy(_: str) -> None:
        raise _Left(HELD)

    with locked(item.lock, busy):
        try:
            unchanged = item.unchanged()
        except FileNotFoundError:
            unchanged = False
        if not unchanged:
            raise _Left(USED)
        item.remove()
        if os.path.lexists(item.path):
            raise PermissionError(None, "part of it is still there")
