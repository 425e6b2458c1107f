"""A table in a CSV file: one task or many, several columns to predict or one in many domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.paths import path_to_read
from tlrun.core.problem import Problem
from tlrun.data.tables.options import TableOptions

if TYPE_CHECKING:
    from tlrun.data.tables.column_roles import Columns
    from tlrun.data.tables.encoding import Encoder
    from tlrun.data.tables.problem import Read
    from tlrun.data.tables.splits import Splits


@dataclass(frozen=True)
class TableCsv(TableOptions):
    """The problem of `dataset=table_csv`; its options are those of every table."""

    def files(self) -> Sequence[Path]:
        """The table. Raises UserError for a path that none can have."""
        return [path_to_read(self.path, "dataset.path", "a CSV file").absolute()]

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where there is no table at `path`, where it does not have what the options
        name, and where there is too little to train or test on.
        """
        from tlrun.data.tables.column_roles import columns
        from tlrun.data.tables.problem import problem_of
        from tlrun.data.tables.table_file import read
        from tlrun.data.tables.table_notes import table_notes

        table = columns(read(self.path, self.separator, self.encoding, self.notation), self)
        return problem_of(table, self, seed, table_notes(table), self._encoded)

    def _encoded(self, table: Columns, splits: Splits) -> Read:
        """The inputs of a table that is split."""
        from tlrun.data.tables.encoding import fit
        from tlrun.data.tables.problem import Read, fitted_on
        from tlrun.data.tables.table_notes import encoding_notes, far_values_notes

        fitted = fitted_on(table, splits.pool)
        far = far_values_notes(table, fitted, self.named()["inputs"])
        encoder = fit(table, fitted)
        told = [*far, *encoding_notes(table, encoder)]
        inputs = encoder.encode(table.numbers, table.categories)
        return Read(inputs, told, _preprocessing(table, self, encoder))


def _preprocessing(table: Columns, options: TableOptions, encoder: Encoder) -> dict[str, Any]:
    """How the table was read, as strict JSON."""
    from tlrun.data.tables.preprocessing import Preprocessing

    column = None if options.task is None else str(options.task)
    read = Preprocessing(
        options.separator,
        options.encoding,
        options.notation,
        encoder,
        {target.column.name: target.task for target in table.targets},
        column,
        table.domain_values,
    )
    return read.to_json()
