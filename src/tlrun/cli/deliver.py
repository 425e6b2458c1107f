"""tl-run deliver: the winner of a study as one folder that answers new rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.text import Text

from tlrun.cli.flags import valued_flags
from tlrun.cli.session import processes
from tlrun.cli.show import chosen
from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.report.console import link, make_console
from tlrun.report.progress_run import LiveScreen
from tlrun.store.found import below

if TYPE_CHECKING:
    from tlrun.core.task import TaskKey
    from tlrun.selection.arms import Arms
    from tlrun.selection.held_out import HeldOut

USAGE = """\
tl-run deliver [STUDY | RUN …] [--method M] [--folds K] [--prior P] [--seed N]
               [--runs-dir PATH]

One folder that answers new rows: the arms, λ and controls of a finished study
together, weighted by what each says of target labels that it was not shown.

  STUDY      the id of a study, which its sweep ends with, or the first digits
             of it; without it the study that was declared last
  RUN …      instead: the runs of one seed to choose from, with their controls
  --method   stack  safe: all arms, with a prior on scratch (the default)
             best   the single arm with the best held-out accuracy
             gate   scratch, unless an exact test finds the stack better
  --folds    parts that the labels are held out in, one after another (5)
  --prior    rows more, labelled as scratch would label them (12)
  --seed     whose labels: the first that all arms have

The parts are trained as ordinary runs, found again by the same command. Test
scores are read after the weights are fixed. It makes runs/.delivered/<id>/."""
FLAGS = ("--method", "--folds", "--prior", "--seed")


@dataclass
class _Asked:
    """What the arguments say."""

    method: str = "stack"
    folds: int = 5
    prior: float = 12.0
    seed: int | None = None


def deliver(arguments: Sequence[str]) -> int:
    """Fit the weights, put what they are of in a folder, and print its card.

    Returns the exit code. Raises UserError for what cannot be asked or has nothing to deliver,
    RunFailed where a part cannot be trained.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, rest = below(arguments)
    asked, named = _asked(rest)
    console = make_console()

    from tlrun.selection.card import card, lines, markdown
    from tlrun.selection.deliver import Method, choose, write
    from tlrun.store.delivered import CARD
    from tlrun.store.digests import sealed
    from tlrun.store.files import write_json, write_whole

    arms = _arms(runs_dir, named, asked.seed, console)
    held = _held_out(arms, asked.folds, console)
    procedure = {"method": asked.method, "prior": asked.prior, "folds": asked.folds}
    choices = choose(arms, held, cast("Method", asked.method), asked.prior)
    folder = write(runs_dir, arms, choices, procedure)
    made = card(arms, held, choices, procedure)
    write_json(folder / CARD, sealed(made))
    write_whole(folder / "card.md", markdown(made, str(folder)).encode())
    console.print()
    for line in lines(made, str(folder)):
        console.print(Text(line), soft_wrap=True)
    console.print(link(folder / "card.md"))
    return 0


def _arms(runs_dir: Path, named: Sequence[str], seed: int | None, console: Console) -> Arms:
    """The arms of the runs or the study that are named."""
    from tlrun.selection.arms import arms_of_runs, arms_of_study, study_of

    if named and not _is_study(named, runs_dir):
        return arms_of_runs(runs_dir, [chosen("deliver", text, runs_dir) for text in named])
    study = study_of(runs_dir, *named)
    arms = arms_of_study(runs_dir, study, seed)
    console.print(Text(f"study {study.id}, declared by: {study.command}"), soft_wrap=True)
    return arms


def _held_out(arms: Arms, folds: int, console: Console) -> Mapping[TaskKey, HeldOut]:
    """What the arms say of labels that they were not shown; what is missing is trained."""
    from tlrun.report.progress_sweep import watching
    from tlrun.selection.held_out import carry_out
    from tlrun.sweeps.executors.local import LocalExecutor
    from tlrun.sweeps.stopped import SweepStopped

    count = len(arms.every)
    console.print(
        f"{count} arms of seed {arms.seed}, each with its labels held out in {folds} parts: "
        f"{count * folds} runs"
    )
    executor = LocalExecutor(processes(arms.every[0].config))
    try:
        return carry_out(arms, folds, executor, LiveScreen(console), watching(console))
    except SweepStopped as stopped:
        raise stopped.by from None


def _is_study(named: Sequence[str], runs_dir: Path) -> bool:
    """Whether one word names a study rather than a run."""
    from tlrun.store.studydir import studies

    return len(named) == 1 and any(study.id.startswith(named[0]) for study in studies(runs_dir))


def _asked(arguments: Sequence[str]) -> tuple[_Asked, list[str]]:
    """What the flags say, and the other words. Raises UserError for what no flag may say."""
    from tlrun.selection.deliver import METHODS

    values, named = valued_flags("deliver", arguments, {flag: flag for flag in FLAGS})
    asked = _Asked()
    for flag, value in values.items():
        if flag == "--method":
            if value not in METHODS:
                hint = nearest(value, METHODS)
                raise UserError(Mistake(flag, f"one of {', '.join(METHODS)}", value, hint))
            asked.method = value
        elif flag == "--prior":
            asked.prior = _number(flag, value, 0.0, 1e6)
        elif flag == "--folds":
            asked.folds = int(_number(flag, value, 2, 100, whole=True))
        else:
            asked.seed = int(_number(flag, value, 0, 2**63, whole=True))
    return asked, named


def _number(flag: str, text: str, low: float, high: float, *, whole: bool = False) -> float:
    """A number from `low` to `high`. Raises UserError for anything else."""
    try:
        value: float = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise UserError(Mistake(flag, f"{kind} from {low:g} to {high:g}", text))
    return value
