"""Which domain each row of a table is of, and which role each domain plays."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.problem import Role
from tlrun.data.tables.column import Column, Table, as_written, shown
from tlrun.data.tables.options import TableOptions


def domains_of(
    table: Table, options: TableOptions
) -> tuple[tuple[tuple[str, Role], ...], np.ndarray]:
    """The name and role of every domain, sources first, and each row's position among them.

    It is -1 of rows of a source that is not read. Raises UserError for a target or a source that is
    no value of the column, and where two values give one name.
    """
    if options.task is None:
        return (("table", "peer"),), np.zeros(table.rows, dtype=np.int64)
    column = complete(table, str(options.task), "dataset.task")
    values, codes = column.values
    check_names_differ(values, "dataset.task")
    if options.target is None:
        return tuple((tidy(value), "peer") for value in values), codes
    target = as_written(str(options.target), values)
    if target is None:
        raise UserError(
            Mistake(
                "dataset.target",
                expected=f"a value of column {column.name}",
                found=shown(str(options.target)),
                hint=nearest(str(options.target), values),
            )
        )
    sources = [value for value in values if value != target]
    if options.sources is not None:
        sources = _chosen(options.sources, sources)
    domains: list[tuple[str, Role]] = [(tidy(value), "source") for value in sources]
    places = {value: place for place, value in enumerate([*sources, target])}
    domain: np.ndarray = np.array([places.get(value, -1) for value in values], np.int64)[codes]
    return (*domains, (tidy(target), "target")), domain


def _chosen(names: Sequence[str | int], sources: Sequence[str]) -> list[str]:
    """Those of the `sources` that are named as they are written, or as domains are called."""
    chosen = set()
    for name in map(str, names):
        alike = [value for value in sources if tidy(value) == name]
        found = as_written(name, sources) or (alike[0] if alike else None)
        if found is None:
            hint = nearest(name, sources)
            raise UserError(Mistake("dataset.sources", "other domains", shown(name), hint))
        chosen.add(found)
    return [value for value in sources if value in chosen]


def domain_values(table: Table, options: TableOptions) -> dict[str, str]:
    """The name of each domain, by the text that stands for it in the table."""
    if options.task is None:
        return {}
    values, _ = table.column(str(options.task), "dataset.task").values
    return {value: tidy(value) for value in values}


def tidy(name: str) -> str:
    """The name of a domain or task without the dot and the slash, which stand between names."""
    return re.sub(r"[./]", "_", name)


def check_names_differ(names: Sequence[str], key: str) -> None:
    """Raise UserError, naming the option `key`, where two names of domains or tasks become one."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(tidy(name), name)
        if other != name:
            raise UserError(
                Mistake(
                    key,
                    expected="names that differ once dot and slash are _",
                    found=f"{shown(other)} and {shown(name)}",
                    hint="rename one",
                )
            )


def complete(table: Table, name: str, key: str) -> Column:
    """A column that must say something of every row. Raises UserError where it does not."""
    column = table.column(name, key)
    column.check_present(key)
    return column
