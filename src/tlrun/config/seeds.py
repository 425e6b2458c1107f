"""`seeds=10` for seed=range(10), and `seeds=auto`: as many seeds as the results turn out to need.

It is a word of the command line alone, and no key of a config: whoever reads on finds the axis of
`seed` that it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.config.overrides import MOST_VALUES, Axis, value_of
from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.store.studydir import LOOKS

KEY, AUTO = "seeds", "auto"
NUMBER = f"a whole number from 1 to {MOST_VALUES}, or {AUTO}"
IN_YAML = Mistake(KEY, found="no key of a YAML", hint="there it is seed: range(10)")


def axis_of_seeds(axis: Axis) -> Axis:
    """The axis of `seed` that an axis of `seeds` stands for.

    seeds=10 gives 0 to 9; seeds=auto those of the last look. Raises UserError for all else.
    """
    return _axis(_number(axis))


def looks_of(axis: Axis | None) -> tuple[int, ...]:
    """LOOKS of seeds=auto; none of a number, and where `seeds` is not set."""
    return LOOKS if axis is not None and axis.values == [AUTO] else ()


def first_seeds(overrides: Sequence[str], count: int) -> list[str]:
    """The overrides of a sweep, as Hydra is handed them, with the first `count` seeds alone."""
    few = _axis(count)
    return [
        f"++{few.key}={','.join(few.values)}" if override.startswith(f"++{few.key}=") else override
        for override in overrides
    ]


def check_seed(axis: Axis) -> None:
    """Raises UserError for a `seed` that is meant as `seeds`."""
    if axis.key == "seed" and AUTO in axis.values:
        found = ",".join(axis.values)
        hint = f"{KEY}={AUTO} runs as many seeds as are needed"
        raise UserError(Mistake("seed", "whole numbers >= 0", found, hint))


def _axis(count: int) -> Axis:
    return Axis("seed", [str(seed) for seed in range(count)], sweeps=True)


def _number(axis: Axis) -> int:
    """How many seeds are asked for. Raises UserError."""
    text = ",".join(axis.values)
    if axis.sweeps:
        names = f"{KEY}=10 is the number of seeds; seed={text} names them"
        raise UserError(Mistake(KEY, "one number", text, names))
    if looks_of(axis):
        return LOOKS[-1]
    value = value_of(KEY, text)
    if type(value) is not int:
        near = nearest(text, (AUTO,)) if isinstance(value, str) else ""
        hint = near.partition(" (")[0] if near.startswith("did you mean") else ""
        raise UserError(Mistake(KEY, NUMBER, text or "nothing", hint))
    if not 1 <= value <= MOST_VALUES:
        raise UserError(Mistake(KEY, NUMBER, text))
    return value
