"""Values that differ in nothing but how they are spelt: told, and read as they are written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from unicodedata import normalize

from tlrun.data.tables.column import Column

MANY = 100  # categories of one input; more than that is often no category
LONG = 2.0**53  # whole numbers from which on two may look like one
TRUE, FALSE = {"true", "t", "yes", "y", "1", "1.0"}, {"false", "f", "no", "n", "0", "0.0"}


def spellings(column: Column, what: str) -> Iterator[str]:
    """A line where values of a column differ in nothing but their spelling.

    what: the column, as the line is to call it. Values are kept as they are written.
    """
    names = column.values[0]
    if len(names) > MANY:
        return
    known = {name.casefold() for name in names}
    alike: dict[object, list[str]] = {}
    for name in names:
        number = column.notation.number(name)
        word: object = normalize("NFKC", " ".join(name.casefold().split()))
        if len(names) > 2 and known <= TRUE | FALSE:
            word = name.casefold() in TRUE
        elif number is not None and math.isfinite(number) and abs(number) >= LONG:
            word = column.notation.as_plain(name)  # floats take long ids for one
        elif number is not None:
            word = number
        alike.setdefault(word, []).append(name)
    groups = [group for group in alike.values() if len(group) > 1]
    same = [" and ".join(map(repr, group)) for group in groups]
    if same:
        one = f"one value in {len(groups[0])} spellings"
        if len(groups) > 1:
            one = "spellings of one value"
        yield f"{what}: {', '.join(same)} look like {one}, and are read as written"
