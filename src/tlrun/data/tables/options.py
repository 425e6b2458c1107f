"""The options of a table: what each column is for, and how its rows are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form, Range
from tlrun.core.task import MetricName
from tlrun.data.base import HoldoutFold, Sealed, checked_sources

if TYPE_CHECKING:
    from tlrun.data.tables.notation import Notation

Name = str | int  # of a column; a command line reads 7 as a number
Kind = Literal["auto", "classification", "regression"]
# Words that people and programs write where there is no value.
MISSING = ("NA", "N/A", "NaN", "null", "None", "?")


@dataclass(frozen=True)
class TableOptions:
    r"""A table in which a row is an example, and line 1 names the columns.

    path: the file: separated text, packed (.gz) or not, or Parquet.
    separator: what stands between cells; \t for a tab.
    encoding: of the file, by a name that Python knows.
    missing: words that stand for a missing value, in any case; an empty cell always does; null: no
        word does.
    decimal: what stands before decimals. thousands: what stands between thousands; null: nothing.
    predict: the column to predict, or several, each a task of one domain; null: the last column
        that has no other use.
    task: a column whose every value is a domain, all with the one task that `predict` names.
    target: the value of that column whose rows are the target, the others being sources; null: all
        are tasks of multi-task learning.
    sources: the other values whose rows are read, each a source; null: all.
    inputs: the input columns; null: every other column.
    ignore: columns left out.
    categorical: inputs that are categories though they hold numbers; those with text are anyway.
    kind: of what is predicted, or one for each column. auto: text, or at most 10 different whole
        numbers, is classification.
    group: a column whose every value has its rows in one split: training, validation or test.
    split: a column with train, val or test in every row, instead of a seeded split.
    test_share: of the rows (of the groups) of each domain, every class in its share.
    test_folds: so many folds instead, in each of which other rows test and all others may be learnt
        from: a run learns once for each, and every row (with a target, every row of it) tests once.
        Folds keep groups and equal rows together.
    split_seed: draws the test set, or the folds; null: the run's seed draws it too.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    labels: labelled examples per task and domain, for training and validation together, every class
        in its share and at least once if it can be; null: all. Where there is a target they are
        its own, and the sources keep all. Drawn by the run's seed, a larger draw containing a
        smaller one.
    val_share: the share of them that validates.
    metric: the primary metric; null: the first of the kind, auc of two classes, accuracy of more,
        r2 of numbers.
    duplicates: what becomes of test rows whose inputs stand in the rest of the table too, and of
        validation rows that stand among those that train, where that is more than chance.

    Raises UserError where options contradict each other.
    """

    # what stands in the file decides, not where it is
    places: ClassVar[frozenset[str]] = frozenset({"path"})
    split_options: ClassVar[frozenset[str]] = frozenset(
        {"group", "split", "test_share", "test_folds", "split_seed", "duplicates"}
    )

    acts: ClassVar[Acts] = {"test_share": Where("split", None)}

    path: str = ""
    separator: Annotated[str, Form(r'[^"\r\n]|\\t', "one character, or \\t for a tab")] = ","
    encoding: str = "utf-8"
    missing: tuple[str | int | float, ...] | None = MISSING  # as text, once it is made
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None
    predict: tuple[Name, ...] | Name | None = None
    task: Name | None = None
    target: Name | None = None
    sources: tuple[Name, ...] | None = None
    inputs: tuple[Name, ...] | None = None
    ignore: tuple[Name, ...] | None = None
    categorical: tuple[Name, ...] | None = None
    kind: Kind | Mapping[str, Kind] = "auto"
    group: Name | None = None
    split: Name | None = None
    test_share: Annotated[float, Range(0.05, 0.95)] = 0.3
    test_folds: Annotated[int, Range(2, 50)] | None = None
    split_seed: Annotated[int, Range(0)] | None = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    labels: Annotated[int, Range(1)] | None = None
    val_share: Annotated[float, Range(0.0, 0.9)] = 0.0
    metric: MetricName | None = None
    duplicates: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        # one form for all spellings, for runs are known by their options
        object.__setattr__(self, "missing", canonical(self.missing))
        object.__setattr__(self, "sources", checked_sources(self.sources, self.target))
        if self.target is not None and self.task is None:
            raise UserError(
                Mistake(
                    "dataset.target",
                    expected="a value of the column dataset.task",
                    found=f"{self.target} and no task",
                    hint="try dataset.task=COLUMN",
                )
            )
        predicted = _names(self.predict)
        if self.thousands == self.decimal:
            raise UserError(
                Mistake(
                    "dataset.thousands",
                    expected="another mark than dataset.decimal",
                    found=f"{self.thousands!r} twice",
                )
            )
        if self.task is not None and len(predicted) > 1:
            raise UserError(
                Mistake(
                    "dataset.predict",
                    expected="one column beside dataset.task",
                    found=f"{len(predicted)}",
                    hint="try dataset.task=null",
                )
            )
        if self.test_folds is not None and self.split is not None:
            raise UserError(
                Mistake(
                    "dataset.test_folds",
                    expected="null, for dataset.split says what tests",
                    found=f"{self.test_folds}",
                    hint="leave out one",
                )
            )
        self._check_one_use()

    def _check_one_use(self) -> None:
        """Raise UserError where two options name one column; an input may be categorical too."""
        uses: dict[str, str] = {}
        for key, names in self.named().items():
            if key == "categorical":
                continue
            for name in names:
                if name in uses:
                    raise UserError(
                        Mistake(
                            f"dataset.{key}",
                            expected="columns that have no other use",
                            found=f"{name}, which dataset.{uses[name]} names too",
                        )
                    )
                uses[name] = key

    def suits(self) -> Mapping[str, str]:
        """A transfer to a target; else what learns several tasks together, or one alone."""
        strategy = "single_task"
        if self.target is not None:
            strategy = "feature_transfer"
        elif self.task is not None or len(_names(self.predict)) > 1:
            strategy = "shared_parameters"
        return {"strategy": strategy, "backbone": "mlp"}

    @cached_property
    def notation(self) -> Notation:
        """How the file writes."""
        from tlrun.data.tables.notation import Notation

        return Notation(tuple(map(str, self.missing or ())), self.decimal, self.thousands or "")

    def kind_of(self, name: str) -> Kind:
        """The kind that was asked for of a column to predict."""
        return self.kind if isinstance(self.kind, str) else self.kind.get(name, "auto")

    def named(self) -> dict[str, tuple[str, ...]]:
        """The names of the columns that each option names, by the option; () where it is null."""
        return {
            "predict": _names(self.predict),
            "inputs": _names(self.inputs),
            "ignore": _names(self.ignore),
            "categorical": _names(self.categorical),
            "task": _names(self.task),
            "group": _names(self.group),
            "split": _names(self.split),
        }


def canonical(words: tuple[str | int | float, ...] | None) -> tuple[str, ...] | None:
    """Words that stand for a missing value, as text, in one case and order, each once."""
    if words is None:
        return None
    return tuple(sorted({str(word).strip().casefold() for word in words}))


def _names(option: tuple[Name, ...] | Name | None) -> tuple[str, ...]:
    if option is None:
        return ()
    if isinstance(option, str | int):
        return (str(option),)
    return tuple(map(str, option))
