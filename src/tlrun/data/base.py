"""The protocol of a data set, and what the options may be that several of ours have.

They are types and no base class: its fields would come first, and every class lists its options in
the order in which its YAML explains them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form, Range
from tlrun.core.problem import Problem

# labelled examples a class, for training and validation together, drawn by the run's seed
LabelsPerClass = Annotated[int, Range(1)]
# the share of the examples that are labelled, of every class, likewise
LabelFraction = Annotated[float, Range(1e-6, 1.0)]
# the share of the labels that validates instead of training; where it is not 0, one a class or more
ValShare = Annotated[float, Range(0.0, 0.9)]
# What is done to an image at random. flip: left to right, one time in two. crop: a part of half to
# all of the area, scaled up again. color: brightness, contrast and saturation times 0.7 to 1.3.
Change = Literal["flip", "crop", "color"]
SOURCE_VAL_SHARE = 0.2  # of a source's labels, where any of the target's validate
# the share of a domain's examples that tests
TestShare = Annotated[float, Range(0.1, 0.9)]
# what draws the test set, and whatever else is the same for every seed of a run
SplitSeed = Annotated[int, Range(0)]
# the share of the test rows that no run sees (`data/sealed.py`)
Sealed = Annotated[float, Range(0.0, 0.9)]
# which part of the target's labels tests, of how many (`data/holdout.py`)
HoldoutFold = Annotated[str, Form(r"[0-9]{1,3}/[0-9]{1,3}", "k/K, such as 2/5")]


def check_at_most_one(options: object, one: str, other: str) -> None:
    """Raise UserError where two options of a data set have values that say the same otherwise."""
    if getattr(options, one) is not None and getattr(options, other) is not None:
        found = f"dataset.{one} too"
        raise UserError(Mistake(f"dataset.{other}", "one of the two", found, "leave out one"))


def checked_sources(
    sources: Sequence[str | int] | None, target: str | int | None
) -> tuple[str, ...] | None:
    """Some sources of a target in one order, each once; None: all there are.

    Raises UserError where there is no target, where it is among them, and where there is none.
    """
    if sources is None:
        return None
    named = tuple(sorted(set(map(str, sources))))
    key, told = "dataset.sources", ",".join(named)
    if target is None:
        hint = "try dataset.target=NAME"
        raise UserError(Mistake(key, "null without a target", told or "none", hint))
    if not named or str(target) in named:
        found = f"{told}, and dataset.target={target}" if named else "none"
        raise UserError(Mistake(key, "other domains than the target", found))
    return named


class Dataset(Protocol):
    """A source of problems: a frozen dataclass whose fields are its YAML options.

    One whose options say where its files are names those in `places: ClassVar[frozenset[str]]`: a
    run is known by the digest of its data, wherever they were read. One that splits the same
    examples in several ways names the options that do in `split_options: ClassVar[frozenset[str]]`;
    without it, any option makes another problem.

    An option may name a file that decides how the data are read. `read(self) -> Mapping[str, Any]`
    gives what tells it from another, such as its digest, by the name of the option: a run is known
    by that, in place of the path.

    One that has an option `sealed: Sealed = 0.0` lets test rows be kept back: `load` gives all of
    them, whatever it says, and `data/sealed.py` takes away its share. Its test set must be the same
    for every seed, its option `split_seed` draws which rows are sealed if it has one, and the
    `index` of an example says which row it is.

    One that has an option `holdout_fold: HoldoutFold | None = None` lets a part of its labels be
    held out instead: `load` gives all of them, whatever it says; `data/holdout.py` divides them.
    `tl-run deliver` needs it.

    One that reads files may name them all in a method `files(self) -> Sequence[Path]`. While these,
    its options, the seed, its own code and the versions that a run is known by are what they were,
    its problem is remembered, and a finished run is found without reading them again. Whatever else
    decides what it reads (a library of its own, say) belongs among them as a file. It is asked
    before the data are read: without it, or where it raises or names a file that is not there, they
    are read each time.

    One may say in `suits(self) -> Mapping[str, str]` which strategy and backbone suit its problem,
    by config group: they are taken where the user chooses none.

    One with several sources for a target may let some be chosen, by an option `sources`, or
    `domains`, which names the target too: a tuple of names of domains; None: all. `tl-run sources`
    then says which one to take.

    One whose `load` imports what takes long may name it in `imports(self) -> Sequence[str]`: the
    processes of a sweep then have it from the start.
    """

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where the options ask for more than there is.
        """
