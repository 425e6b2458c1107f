"""The options by which texts are read as tokens, and those of texts in a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form, Range
from tlrun.core.paths import own_path, path_to_read
from tlrun.core.task import MetricName
from tlrun.data.base import HoldoutFold, Sealed
from tlrun.data.tables.options import MISSING, Kind, Name, TableOptions, canonical
from tlrun.models.bert_files import NAME, tokenizer_file

LEARNT = ("word", "bpe")  # tokenizers that are learnt from texts
CACHE = "~/.cache/tl-run/texts"
VocabularySize = Annotated[int, Range(10, 1_000_000)]
MinCount = Annotated[int, Range(1)]
OF_LEARNT: Acts = dict.fromkeys(
    ("vocabulary", "min_count", "lowercase"), Where("tokenizer", None, *LEARNT)
)
MaxTokens = Annotated[int, Range(1, 8192)]
TABS = (".tsv", ".tab")  # how the names of files end whose cells stand between tabs


class ReadAs(NamedTuple):
    """How texts are read as tokens.

    tokenizer: word or bpe, learnt from the texts that do not test; minilm, that of the backbone of
        this name; or the path of a tokenizer.json. null: what the backbone needs, or word.
    vocabulary: the most tokens of one that is learnt; every character of the texts is one of bpe,
        though there be more. min_count: how often a word, or a pair of parts of words, stands in
        the texts to be learnt. lowercase: whether case is lost.
    max_tokens: to how many a text is cut. cache: the folder where all of it is kept.
    """

    tokenizer: str | None
    vocabulary: int
    min_count: int
    lowercase: bool
    max_tokens: int
    cache: str

    @classmethod
    def of(cls, options: object) -> ReadAs:
        """As the options of a data set say, which are called so."""
        return cls(*(getattr(options, name) for name in cls._fields))

    @property
    def files(self) -> list[Path]:
        """The tokenizer, where it is a file. Raises UserError where its package is not there."""
        if self.tokenizer in (None, *LEARNT):
            return []
        assert self.tokenizer is not None
        if self.tokenizer == NAME:
            return [tokenizer_file(NAME)]
        return [path_to_read(self.tokenizer, "dataset.tokenizer", "a file").absolute()]

    @property
    def contents(self) -> dict[str, str]:
        """The digest of a tokenizer whose path is given, for its path. Raises UserError."""
        if self.tokenizer in (None, NAME, *LEARNT):
            return {}
        (file,) = self.files
        try:
            return {"tokenizer": f"sha256 {sha256(file.read_bytes()).hexdigest()}"}
        except (OSError, ValueError):  # ValueError: a NUL in the path
            raise UserError(Mistake("dataset.tokenizer", "a file", f"none at {file}")) from None

    @property
    def folder(self) -> Path:
        """The cache. Raises UserError for the ~ of nobody."""
        if not self.cache.strip():
            raise UserError(Mistake("dataset.cache", "a folder", "nothing", f"try {{key}}={CACHE}"))
        return own_path(self.cache, "dataset.cache", "a folder", "give it whole").absolute()


@dataclass(frozen=True)
class TextOptions:
    r"""A table in which one column or several hold a text to learn from.

    path: a file of separated text, packed (.gz) or not, Parquet, or JSON lines (.jsonl); or a
        folder of such files, each then a domain of its name.
    separator: what stands between cells, \t for a tab; null: a tab in .tsv, else a comma.
    encoding, missing: as of `table_csv`.
    text: the column of the text, or several, put together in this order; null: the one with the
        most words.
    predict, task, target, sources, kind, group, split, test_share, test_folds, split_seed, sealed,
        holdout_fold, labels, val_share, metric, duplicates: as of `table_csv`. Without `task`, the
        files of a folder are the domains.
    empty: whether a row without a text is refused, or skipped and told.
    tokenizer, vocabulary, min_count, lowercase, max_tokens, cache: as of `ReadAs`.

    Raises UserError where options contradict each other.
    """

    places: ClassVar[frozenset[str]] = frozenset({"path", "cache"})
    split_options: ClassVar[frozenset[str]] = TableOptions.split_options
    acts: ClassVar[Acts] = {**TableOptions.acts, **OF_LEARNT}

    path: str = ""
    separator: Annotated[str, Form(r'[^"\r\n]|\\t', "one character, or \\t for a tab")] | None = (
        None
    )
    encoding: str = "utf-8"
    missing: tuple[str | int | float, ...] | None = MISSING
    text: tuple[Name, ...] | Name | None = None
    predict: tuple[Name, ...] | Name | None = None
    task: Name | None = None
    target: Name | None = None
    sources: tuple[Name, ...] | None = None
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
    empty: Literal["refuse", "skip"] = "refuse"
    tokenizer: str | None = None
    vocabulary: VocabularySize = 20_000
    min_count: MinCount = 2
    lowercase: bool = True
    max_tokens: MaxTokens = 256
    cache: str = CACHE

    def __post_init__(self) -> None:
        # one form for all spellings, for runs are known by their options
        object.__setattr__(self, "missing", canonical(self.missing))
        task = FILE if self.task is None and self.target is not None else self.task
        self.rows("" if self.text is None else self.text, task)

    @property
    def read_as(self) -> ReadAs:
        """How texts are read as tokens."""
        return ReadAs.of(self)

    def read(self) -> Mapping[str, str]:
        """What stands for the tokenizer's path in what a run is known by. Raises UserError."""
        return self.read_as.contents

    def separator_of(self, file: Path) -> str:
        """What stands between the cells of a file."""
        if self.separator is not None:
            return self.separator
        packed = file.name.lower().removesuffix(".gz")
        return r"\t" if packed.endswith(TABS) else ","

    def rows(self, text: tuple[Name, ...] | Name, task: Name | None) -> TableOptions:
        """The options of a table whose input is the column `text`.

        task: the column that says which domain a row is of. Raises UserError where they contradict
        each other.
        """
        shared = {name: getattr(self, name) for name in SHARED}
        inputs = text if isinstance(text, tuple) else (text,)
        try:
            return TableOptions(**shared, inputs=inputs, task=task)
        except UserError as error:  # of an option that texts have by another name
            own = [
                replace(
                    mistake,
                    key=mistake.key.replace("dataset.inputs", "dataset.text"),
                    found=mistake.found.replace("dataset.inputs", "dataset.text"),
                )
                for mistake in error.mistakes
            ]
            raise UserError(*own) from None


def published_rows(options: object, predict: str, target: str | None) -> TableOptions:
    """The options of a table of texts that come with their own training and test sets.

    Its columns are text, domain, split and `predict`. options: of the data set, which says sealed,
    labels, val_share, metric and duplicates. target: the domain that is; None: all are tasks. No
    word stands for a missing value, for a review may be NA.
    """
    said = {name: getattr(options, name) for name in PUBLISHED}
    return TableOptions(
        **said,
        predict=predict,
        inputs=("text",),
        task="domain",
        target=target,
        split="split",
        missing=None,
    )


FILE = "file"  # what the column is called that says which file a row is of
SHARED = (
    "encoding", "missing", "predict", "target", "sources", "kind", "group", "split", "test_share",
    "test_folds", "split_seed", "sealed", "holdout_fold", "labels", "val_share", "metric",
    "duplicates",
)  # fmt: skip
PUBLISHED = ("sealed", "holdout_fold", "labels", "val_share", "metric", "duplicates")
