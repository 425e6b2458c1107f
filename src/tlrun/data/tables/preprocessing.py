"""How the rows of a table were read, as strict JSON, so that new rows can be encoded as these were.

It stands in preprocessing.json of every run on a table. Shapes: N rows, d input features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.task import Task
from tlrun.data.tables.column import Column, Table
from tlrun.data.tables.encoding import Encoder
from tlrun.data.tables.notation import Notation

VERSION = 1  # of the form of the JSON


@dataclass(frozen=True)
class Preprocessing:
    """All that turns rows of a table into what a network sees, and its outputs into answers.

    separator, encoding: of separated text. notation: how numbers and missing values are written.
    encoder: of the inputs. tasks: by the column that each predicts. domain_column: the column that
    says which domain a row is of; None where all are of one. domains: their names, by its values.
    """

    separator: str
    encoding: str
    notation: Notation
    encoder: Encoder
    tasks: Mapping[str, Task]
    domain_column: str | None
    domains: Mapping[str, str]

    def encode(self, table: Table) -> np.ndarray:
        """The inputs of the rows of another table, float32 [N, d]; whatever else it has is ignored.

        Raises UserError where it lacks an input, or a number is to stand where another text does.
        """
        key = "dataset.inputs"
        numbers = [table.column(scale.name, key) for scale in self.encoder.scales]
        categories = [table.column(levels.name, key) for levels in self.encoder.categories]
        for column in numbers:
            _check_numbers(column, key)
        return self.encoder.encode(numbers, categories)

    def to_json(self) -> dict[str, Any]:
        """All of it, as strict JSON."""
        tasks = [{"column": column, **asdict(task)} for column, task in self.tasks.items()]
        return {
            "version": VERSION,
            "separator": self.separator,
            "encoding": self.encoding,
            "missing": list(self.notation.missing),
            "decimal": self.notation.decimal,
            "thousands": self.notation.thousands,
            "inputs": self.encoder.to_json(),
            "tasks": [{**task, "classes": list(task["classes"])} for task in tasks],
            "domain column": self.domain_column,
            "domains": dict(self.domains),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Preprocessing:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        if kept["version"] != VERSION:
            raise ValueError(f"version: expected {VERSION}, found {kept['version']!r}")
        tasks = {}
        for each in kept["tasks"]:
            options = {key: value for key, value in each.items() if key != "column"}
            tasks[each["column"]] = Task(**options | {"classes": tuple(each["classes"])})
        return cls(
            kept["separator"],
            kept["encoding"],
            Notation(tuple(kept["missing"]), kept["decimal"], kept["thousands"]),
            Encoder.from_json(kept["inputs"]),
            tasks,
            kept["domain column"],
            dict(kept["domains"]),
        )


def _check_numbers(column: Column, key: str) -> None:
    """Raise UserError where a cell is neither a number that float32 can hold nor missing."""
    if not column.numeric:
        expected = f"numbers in column {column.name}, as in the table that was learnt from"
        found = column.at(int(column.words.argmax()))
        raise UserError(Mistake(key, expected, found, "empty the cell if it is missing"))
    column.check_finite(key)
