"""Reviews of films, each for or against: one domain, or one by how decided they are.

A. Maas et al., "Learning word vectors for sentiment analysis", 2011.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.acting import Acts
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Range
from tlrun.core.problem import Problem
from tlrun.core.task import ClassificationMetric
from tlrun.data.base import HoldoutFold, Sealed, SplitSeed
from tlrun.data.texts.options import (
    CACHE,
    OF_LEARNT,
    MaxTokens,
    MinCount,
    ReadAs,
    VocabularySize,
    published_rows,
)

if TYPE_CHECKING:
    from tlrun.data.texts.imdb_places import Where

Name = Literal["ratings_1_10", "ratings_2_9", "ratings_3_8", "ratings_4_7"]
Limit = Annotated[int, Range(2)]


@dataclass(frozen=True)
class Imdb:
    """The problem of `dataset=imdb`: the task `sentiment`, trained and tested as published.

    Of the test reviews those are dropped that stand word for word among the training reviews.

    path: the folder aclImdb, or the archive aclImdb_v1.tar.gz, which is read as it is.
    download: whether it is downloaded into `cache` where it is not at `path`.
    stand_in: whether texts are made where it can be had in neither way; all that is told of them
        says so, and the names of their domains begin with stand_in.
    by: rating makes four domains: reviews rated 1 or 10, 2 or 9, 3 or 8, 4 or 7 of 10, each less
        decided than the one before; null: all are one domain.
    target: one of the four, the others being sources, which keep all their labels; null: all are
        tasks of multi-task learning.
    train_limit, test_limit: the most reviews of each domain to learn from, and to test on, for and
        against in its own proportion; null: all. Drawn by `split_seed`, so that they are the same
        for every seed, and a higher limit has those of a lower one.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    labels: labelled reviews of each domain (of the target alone, if there is one), for training and
        validation together; null: all.
    val_share: the share of them that validates.
    metric: the primary metric. duplicates: what becomes of those test reviews.
    tokenizer, vocabulary, min_count, lowercase, max_tokens, cache: as of `texts.options.ReadAs`.

    Raises UserError for a target where there is one domain.
    """

    places: ClassVar[frozenset[str]] = frozenset({"path", "download", "stand_in", "cache"})
    split_options: ClassVar[frozenset[str]] = frozenset({"duplicates"})
    acts: ClassVar[Acts] = OF_LEARNT

    path: str = "aclImdb"
    download: bool = True
    stand_in: bool = False
    by: Literal["rating"] | None = "rating"
    target: Name | None = None
    train_limit: Limit | None = None
    test_limit: Limit | None = None
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    labels: Annotated[int, Range(1)] | None = None
    val_share: Annotated[float, Range(0.0, 0.9)] = 0.0
    metric: ClassificationMetric = "accuracy"
    duplicates: Literal["drop", "keep"] = "drop"
    tokenizer: str | None = None
    vocabulary: VocabularySize = 20_000
    min_count: MinCount = 2
    lowercase: bool = True
    max_tokens: MaxTokens = 256
    cache: str = CACHE

    def __post_init__(self) -> None:
        if self.target is not None and self.by is None:
            found = f"{self.target}, and dataset.by=null makes one domain"
            raise UserError(Mistake("dataset.target", "null", found, "try dataset.by=rating"))

    def suits(self) -> Mapping[str, str]:
        """A transfer to the target; without one, what learns all domains together, or one alone."""
        strategy = "single_task" if self.by is None else "shared_parameters"
        if self.target is not None:
            strategy = "parameter_transfer"
        return {"strategy": strategy, "backbone": "lstm"}

    def files(self) -> Sequence[Path]:
        """Every review of a folder, or the archive, and the tokenizer's.

        Of reviews none where they have to be brought first. Raises UserError for a path that is
        none.
        """
        from tlrun.data.texts.imdb_files import files_at
        from tlrun.data.texts.imdb_places import there

        place = there(self._where)
        return [*([] if place is None else files_at(place)), *ReadAs.of(self).files]

    def read(self) -> Mapping[str, str]:
        """What stands for the tokenizer's path in what a run is known by. Raises UserError."""
        return ReadAs.of(self).contents

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where there are no reviews and none can be had, where they are not as
        published, and where the options ask for more than there are.
        """
        from tlrun.data.texts.imdb_files import STAND_IN, Drawn, imdb_table
        from tlrun.data.texts.imdb_places import brought
        from tlrun.data.texts.problem import text_problem

        place = brought(self._where)
        target = STAND_IN + self.target if self.target and place.stand_in else self.target
        options = published_rows(self, "sentiment", target)
        limits = {"train": self.train_limit, "test": self.test_limit}
        found = imdb_table(place, Drawn(self.by is not None, limits, self.split_seed))
        return text_problem(found, options, ReadAs.of(self), seed)

    @property
    def _where(self) -> Where:
        from tlrun.data.texts.imdb_places import Where

        return Where(self.path, ReadAs.of(self).folder, self.download, self.stand_in)
