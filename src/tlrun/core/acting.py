"""Which options act: some do with certain values of another alone, and their class says which.

A class with such options declares them beside its fields:

    acts: ClassVar[Acts] = {"mu": Where("transfer", "asymmetric")}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from tlrun.core.options import name_of_class


@dataclasses.dataclass(frozen=True, init=False)
class Where:
    """With which values of another option an option acts.

    option: the other. values: its values, of a node within a node their names.
    """

    option: str
    values: tuple[Any, ...]

    def __init__(self, option: str, *values: object) -> None:
        object.__setattr__(self, "option", option)
        object.__setattr__(self, "values", values)

    @property
    def words(self) -> str:
        """The same for a user: structure=mask or width."""
        return f"{self.option}={' or '.join(map(_written, self.values))}"


# by the option that does not always act; of several, all have to hold
Acts = Mapping[str, Where | tuple[Where, ...]]


def idle(thing: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """The options of `thing` that are set and do not act, each with the choice that is why.

    An option is set where it differs from its default, or where the object says that it has left it
    aside (`unused`). prefix: the key of its node, which stands before both: ("strategy.mu",
    "strategy.transfer=distillation").
    """
    acts: Acts = getattr(type(thing), "acts", {})
    unused = getattr(thing, "unused", ())
    set_away = changed(thing)
    for option, conditions in acts.items():
        if option not in set_away and option not in unused:
            continue
        for where in (conditions,) if isinstance(conditions, Where) else conditions:
            chosen = getattr(thing, where.option)
            if dataclasses.is_dataclass(chosen):
                chosen = name_of_class(type(chosen))
            if chosen not in where.values:
                yield f"{prefix}.{option}", f"{prefix}.{where.option}={_written(chosen)}"
    for field in dataclasses.fields(thing):
        inner = getattr(thing, field.name)
        if dataclasses.is_dataclass(inner):
            yield from idle(inner, f"{prefix}.{field.name}")


def changed(thing: Any) -> list[str]:
    """The options of `thing` that differ from their default, in their order."""
    plain = type(thing)()
    fields = dataclasses.fields(thing)
    return [f.name for f in fields if getattr(thing, f.name) != getattr(plain, f.name)]


def _written(value: object) -> str:
    """A value as a command line has it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
