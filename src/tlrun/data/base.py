"""The protocol of a data set."""

from __future__ import annotations

from typing import Protocol

from tlrun.core.problem import Problem


class Dataset(Protocol):
    """A source of problems: a frozen dataclass whose fields are its YAML options.

    One whose options say where its files are names those in `places: ClassVar[frozenset[str]]`: a
    run is known by the digest of its data, wherever they were read. One that splits the same
    examples in several ways names the options that do in `split_options: ClassVar[frozenset[str]]`;
    without it, any option makes another problem.
    """

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels. Raises UserError where the options ask for more
        than there is.
        """
