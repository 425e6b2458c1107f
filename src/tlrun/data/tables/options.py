"""The options of a table: what each column is for, and how its rows are split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form, Range
from tlrun.core.problem import MetricName

Name = str | int  # of a column; a command line reads 7 as a number


@dataclass(frozen=True)
class TableOptions:
    r"""A table in which a row is an example, and line 1 names the columns.

    path: the file; an empty cell, or nan, is missing. separator: what stands between cells; \t for
        a tab.
    predict: the columns to predict, each a task of one domain; null: the last column that has no
        other use.
    task: a column whose every value is a domain, all with the one task that `predict` names.
        target: the value whose rows are the target, the others being sources; null: all are tasks
            of multi-task learning.
    inputs: null: every other column. ignore: columns left out. categorical: inputs that are
        categories though they hold numbers; those with text are anyway.
    kind: of what is predicted. auto: text, or at most 10 different whole numbers, is
        classification.
    group: a column whose every value has its rows on one side: training, validation or test.
    split: a column with train, val or test in every row, instead of a seeded split.
    test_share: of the rows (of the groups) of each domain, every class in its share. Fixed by
        split_seed; with null, the run's seed draws the test set too.
    labels: labelled examples per task and domain, for training and validation together, every class
        in its share and at least once if it can be; null: all. Drawn by the run's seed, a larger
        draw containing a smaller one.
    val_share: the share of them that validates.
    metric: the primary metric; null: the first of the kind, auc of two classes, accuracy of more,
        r2 of numbers.
    duplicates: what becomes of test rows whose inputs stand in the rest of the table too.
    Raises UserError where options contradict each other.
    """

    # what stands in the file decides, not where it is
    places: ClassVar[frozenset[str]] = frozenset({"path"})
    split_options: ClassVar[frozenset[str]] = frozenset(
        {"group", "split", "test_share", "split_seed", "duplicates"}
    )

    path: str = ""
    separator: Annotated[str, Form(r'[^"\r\n]|\\t', "one character, or \\t for a tab")] = ","
    encoding: str = "utf-8"
    predict: tuple[Name, ...] | None = None
    task: Name | None = None
    target: Name | None = None
    inputs: tuple[Name, ...] | None = None
    ignore: tuple[Name, ...] | None = None
    categorical: tuple[Name, ...] | None = None
    kind: Literal["auto", "classification", "regression"] = "auto"
    group: Name | None = None
    split: Name | None = None
    test_share: Annotated[float, Range(0.05, 0.95)] = 0.3
    split_seed: Annotated[int, Range(0)] | None = 0
    labels: Annotated[int, Range(1)] | None = None
    val_share: Annotated[float, Range(0.0, 0.9)] = 0.0
    metric: MetricName | None = None
    duplicates: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if self.target is not None and self.task is None:
            raise UserError(
                Mistake(
                    "dataset.target",
                    expected="a value of the column dataset.task",
                    found=f"{self.target} and no task",
                    hint="try dataset.task=COLUMN",
                )
            )
        if self.task is not None and len(self.predict or ()) > 1:
            raise UserError(
                Mistake(
                    "dataset.predict",
                    expected="one column beside dataset.task",
                    found=f"{len(self.predict or ())}",
                    hint="try dataset.task=null",
                )
            )
        uses: dict[str, str] = {}
        for key, names in self.named().items():
            for name in names if key != "categorical" else ():
                if name in uses:
                    raise UserError(
                        Mistake(
                            f"dataset.{key}",
                            expected="columns that have no other use",
                            found=f"{name}, which dataset.{uses[name]} names too",
                        )
                    )
                uses[name] = key

    def named(self) -> dict[str, tuple[str, ...]]:
        """The columns that the options name, by the option."""
        one = {"task": self.task, "group": self.group, "split": self.split}
        many = {
            "predict": self.predict,
            "inputs": self.inputs,
            "ignore": self.ignore,
            "categorical": self.categorical,
        }
        return {key: tuple(map(str, names or ())) for key, names in many.items()} | {
            key: () if name is None else (str(name),) for key, name in one.items()
        }
