"""The trials of the learning rate that every arm of a comparison gets alike (`tune.lr`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tlrun.core.errors import Mistake, UserError
from tlrun.training.optimizers import Optimizer

KEY, RATE = "tune.lr", "optimizer.lr"
HIGHEST = 1e3  # as of optimizer.lr
STEP = math.sqrt(10.0)  # two trials a factor of ten: where the loss has a flat valley, it is met


@dataclass(frozen=True)
class Tune:
    """What is tried alike in every arm; it decides no run's id, for each trial is a run of its own.

    lr: the rates that are tried; True for three around optimizer.lr; None or False for none.
    Raises UserError for rates that are no choice.
    """

    lr: bool | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.lr, tuple):
            return
        found = f"[{','.join(f'{rate:g}' for rate in self.lr)}]"
        if len(self.lr) < 2 or len(set(self.lr)) < len(self.lr):
            raise UserError(Mistake(KEY, "two or more rates, each once", found))
        if not all(0 < rate <= HIGHEST for rate in self.lr):
            raise UserError(Mistake(KEY, f"rates above 0, at most {HIGHEST:g}", found))

    def rates(self, optimizer: Optimizer) -> tuple[float, ...]:
        """The rates that are tried with `optimizer`, the smallest first; none where nothing is.

        Of True: lr/√10, lr and lr·√10, the outer ones rounded to two significant digits, so that
        they can be typed. Raises UserError where that leaves the rates that there are.
        """
        if isinstance(self.lr, tuple):
            return tuple(sorted(self.lr))
        if not self.lr:
            return ()
        low, high = (float(f"{rate:.1e}") for rate in (optimizer.lr / STEP, optimizer.lr * STEP))
        if not 0 < low < high <= HIGHEST:
            expected = f"{RATE} above 0 and up to {HIGHEST / STEP:.0f}"
            hint = "name the rates: tune.lr=[1e-4,1e-3,1e-2]"
            raise UserError(Mistake(KEY, expected, f"{optimizer.lr:g}", hint))
        return (low, optimizer.lr, high)


def tuning_mistakes(
    pairs: Iterable[tuple[Tune, Optimizer]], typed: Mapping[str, Sequence[str]], foreign: bool
) -> Iterator[Mistake]:
    """What in a command does not go together with its trials, each once.

    pairs: of every job. typed: the values of every key that the command or its experiment sets.
    foreign: whether a launcher of Hydra's carries out the jobs.
    """
    tried = dict.fromkeys((tune, optimizer) for tune, optimizer in pairs if tune.lr)
    if not tried:
        return
    if foreign:
        found = "one that divides a sweep by jobs, not by trials"
        yield Mistake(KEY, "tl-run's own launcher", found, "leave out hydra/launcher")
    values = typed.get(RATE, ())
    if len(values) > 1:
        hint = f"{KEY}=[{','.join(values)}] tries them in every arm, and chooses"
        yield Mistake(RATE, f"one value beside {KEY}", ",".join(values), hint)
        return
    if values and any(isinstance(tune.lr, tuple) for tune, _ in tried):
        hint = f"put it into the list, or set {KEY}=true for three rates around it"
        yield Mistake(RATE, f"none beside a list of {KEY}", values[0], hint)
    for tune, optimizer in tried:
        try:
            tune.rates(optimizer)
        except UserError as error:
            yield from error.mistakes
