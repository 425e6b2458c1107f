"""Reviews of sixteen kinds of products, each for or against: sixteen domains with one task.

X. Liu, P. Qiu & X. Huang, "Adversarial multi-task learning for text classification", 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from tlrun.core.acting import Acts
from tlrun.core.options import Range
from tlrun.core.problem import Problem
from tlrun.core.task import ClassificationMetric
from tlrun.data.base import HoldoutFold, Sealed
from tlrun.data.texts.options import (
    CACHE,
    OF_LEARNT,
    MaxTokens,
    MinCount,
    ReadAs,
    VocabularySize,
    published_rows,
)

Name = Literal[
    "apparel", "baby", "books", "camera_photo", "dvd", "electronics", "health_personal_care",
    "imdb", "kitchen_housewares", "magazines", "MR", "music", "software", "sports_outdoors",
    "toys_games", "video",
]  # fmt: skip


@dataclass(frozen=True)
class FduMtl:
    """The problem of `dataset=fdu_mtl`: the reviews as published, each domain with its test set.

    Of the test reviews those are dropped that stand word for word among the training reviews of any
    domain, which more than one in twenty does.

    path: the folder of <domain>.task.train and <domain>.task.test, or an archive (.tar, .tar.xz,
        .tar.gz) that has them.
    domains: those that are read; null: all. target: one of them, the others being sources, which
        keep all their labels; null: all are tasks of multi-task learning.
    labels: labelled reviews of each domain (of the target alone, if there is one), for training and
        validation together; null: all.
    val_share: the share of them that validates.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    metric: the primary metric. duplicates: what becomes of those test reviews.
    tokenizer, vocabulary, min_count, lowercase, max_tokens, cache: as of `texts.options.ReadAs`.
    """

    places: ClassVar[frozenset[str]] = frozenset({"path", "cache"})
    split_options: ClassVar[frozenset[str]] = frozenset({"duplicates"})
    acts: ClassVar[Acts] = OF_LEARNT

    path: str = "fdu-mtl"
    domains: tuple[Name, ...] | None = None
    target: Name | None = None
    labels: Annotated[int, Range(1)] | None = None
    val_share: Annotated[float, Range(0.0, 0.9)] = 0.0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    metric: ClassificationMetric = "accuracy"
    duplicates: Literal["drop", "keep"] = "drop"
    tokenizer: str | None = None
    vocabulary: VocabularySize = 20_000
    min_count: MinCount = 2
    lowercase: bool = True
    max_tokens: MaxTokens = 256
    cache: str = CACHE

    def __post_init__(self) -> None:
        # one form for all spellings, for runs are known by their options
        if self.domains is not None:
            object.__setattr__(self, "domains", tuple(sorted(set(self.domains))))

    @property
    def names(self) -> tuple[Name, ...]:
        """The domains that are read."""
        return self.domains or get_args(Name)

    def suits(self) -> Mapping[str, str]:
        """A transfer to the target; without one, what learns all domains together."""
        strategy = "shared_parameters" if self.target is None else "parameter_transfer"
        return {"strategy": strategy, "backbone": "bag"}

    def files(self) -> Sequence[Path]:
        """The archive, or the files of every domain, and the tokenizer's."""
        from tlrun.data.texts.fdu_files import files_of

        return [*files_of(self.path, self.names), *ReadAs.of(self).files]

    def read(self) -> Mapping[str, str]:
        """What stands for the tokenizer's path in what a run is known by. Raises UserError."""
        return ReadAs.of(self).contents

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where the files are not there or not as published, and for a target that is
        not read.
        """
        from tlrun.data.texts.fdu_files import reviews
        from tlrun.data.texts.problem import text_problem

        options = published_rows(self, "label", self.target)
        return text_problem(reviews(self.path, self.names), options, ReadAs.of(self), seed)
