"""A table in a CSV file: one task or many, several columns to predict or one in many domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form, Range
from tlrun.core.problem import Domain, MetricName, Problem, Split
from tlrun.data.assembly import Part, assemble

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.tables.columns import Columns
    from tlrun.data.tables.splits import Sides

Name = str | int  # of a column; a command line reads 7 as a number


@dataclass(frozen=True)
class TableCsv:
    r"""The problem of `dataset=table_csv`: a row is an example, line 1 names the columns.

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

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels. Raises UserError where the table is not what the
        options say.
        """
        from tlrun.data.tables.columns import columns
        from tlrun.data.tables.csv_file import read
        from tlrun.data.tables.encoding import inputs, labels, repeated
        from tlrun.data.tables.splits import sides

        table = columns(read(self.path, self.separator, self.encoding), self)
        drawn = sides(table, self, seed)
        values = inputs(table, drawn.train)
        answers = [
            labels(target, drawn.train & mine)
            for target, mine in zip(table.targets, drawn.bought, strict=True)
        ]
        twice = repeated(table, drawn.test, drawn.pool)
        test = drawn.test & ~twice if self.duplicates == "drop" else drawn.test
        counts = {
            name: int(twice[table.domain == place].sum())
            for place, (name, _) in enumerate(table.domains)
        }
        _check_tested(
            counts,
            {
                name: bool(test[table.domain == k].any())
                for k, (name, _) in enumerate(table.domains)
            },
        )
        notes = [*_duplicates_told(counts, self.duplicates), *table.notes, *_unused_told(table)]
        parts = [
            _part(table, drawn, place, test, values, answers) for place in range(len(table.domains))
        ]
        # Duplicates are known by their cells: scaled by what one seed saw, other rows would be
        # equal for every seed.
        problem = assemble(parts, notes, duplicates="seen to")
        rows = [_counted(row, table, drawn) for row in problem.report["splits"]]
        return dataclasses.replace(
            problem, report={**problem.report, "splits": rows, "duplicates": counts}
        )


def _part(
    table: Columns,
    drawn: Sides,
    place: int,
    test: np.ndarray,
    values: np.ndarray,
    answers: Sequence[np.ndarray],
) -> Part:
    """The domain at `place`. values, answers: the inputs and, per task, the labels of every row."""
    import numpy as np

    name, role = table.domains[place]
    here = table.domain == place

    def split(chosen: np.ndarray, known: Sequence[np.ndarray]) -> Split:
        rows = np.flatnonzero(chosen & here)
        labels = {
            target.task.name: np.where(mine, answer, -1 if answer.dtype.kind == "i" else np.nan)[
                rows
            ].astype(answer.dtype)
            for target, answer, mine in zip(table.targets, answers, known, strict=True)
        }
        return Split(values[rows], labels, rows.astype(np.int64))

    train, val = split(drawn.train, drawn.bought), split(drawn.val, drawn.bought)
    tasks = tuple(target.task for target in table.targets)
    tested = split(test, [target.present for target in table.targets])
    return Part(
        Domain(name, role, tasks, train, val if len(val) else None),
        tested,
        values[drawn.pool & here],
    )


def _counted(row: Mapping[str, Any], table: Columns, drawn: Sides) -> dict[str, Any]:
    """A row of the load report that tells labels which are missing from labels that were not
    bought.
    """
    place = [name for name, _ in table.domains].index(row["domain"])
    target = next(target for target in table.targets if target.task.name == row["task"])
    sides = {"train": drawn.train, "val": drawn.val}
    if row["split"] not in sides:
        return dict(row)
    missing = int((sides[row["split"]] & (table.domain == place) & ~target.present).sum())
    return {**row, "missing": missing, "not bought": row["missing"] - missing}


def _check_tested(twice: Mapping[str, int], tested: Mapping[str, bool]) -> None:
    """Raise UserError where nothing but duplicates would have been tested."""
    for name, some in tested.items():
        if twice[name] and not some:
            raise UserError(
                Mistake(
                    "dataset.duplicates",
                    expected=f"test rows of domain {name} that are not in the rest of the table "
                    "too",
                    found=f"{twice[name]} that are",
                    hint="try dataset.duplicates=keep",
                )
            )


def _duplicates_told(
    counts: Mapping[str, int], duplicates: Literal["drop", "keep"]
) -> Iterator[str]:
    if total := sum(counts.values()):
        rows, stand = ("rows", "stand") if total > 1 else ("row", "stands")
        done = "dropped (dataset.duplicates=keep keeps them)" if duplicates == "drop" else "kept"
        yield f"{total} test {rows} {stand} in the rest of the table too, input for input: {done}"


def _unused_told(table: Columns) -> Iterator[str]:
    used = table.used
    if rows := int((~used).sum()):
        yield (
            f"{rows} rows without any label: not used"
            if rows > 1
            else "1 row without any label: not used"
        )
    counts = {column.name: int((column.missing & used).sum()) for column in table.numbers}
    if some := {name: count for name, count in counts.items() if count}:
        where = (
            ", ".join(f"{name} ({count})" for name, count in some.items())
            if len(some) <= 6
            else f"{len(some)} inputs"
        )
        yield f"missing numbers, read as the mean of the training rows: {sum(some.values())}, in {where}"
