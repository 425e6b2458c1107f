"""Your own texts in a table: one task or many, in one domain or a domain a value or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tlrun.core.errors import UserError
from tlrun.core.paths import path_to_read
from tlrun.core.problem import Problem
from tlrun.data.texts.options import FILE, TextOptions


@dataclass(frozen=True)
class TextCsv(TextOptions):
    """The problem of `dataset=text_csv`; its options are those of a table of texts."""

    def files(self) -> Sequence[Path]:
        """The table, or every file of the folder, and the tokenizer's.

        Raises UserError where there is none.
        """
        from tlrun.data.texts.text_table import files_of

        return [*files_of(self.path), *self.read_as.files]

    def suits(self) -> Mapping[str, str]:
        """A transfer to a target; else what learns several tasks together, or one alone."""
        in_folder = False
        with suppress(UserError):  # told where texts are read
            in_folder = bool(self.path) and path_to_read(self.path, "dataset.path").is_dir()
        task = FILE if in_folder and self.task is None else self.task
        strategy = "feature_transfer"
        if self.target is None:
            strategy = self.rows("", task).suits()["strategy"]
        return {"strategy": strategy, "backbone": "bag"}

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where there is no table at `path`, where it does not have what the options
        name, where a text cannot be read, and where there is too little to train or test on.
        """
        from tlrun.data.texts.problem import text_problem
        from tlrun.data.texts.text_table import text_table

        found = text_table(self)
        return text_problem(found, self.rows(found.made_of, found.task), self.read_as, seed)
