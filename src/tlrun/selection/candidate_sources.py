"""Which domains may be the source of a target, and which option of the data set chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import fields
from tlrun.core.problem import Problem
from tlrun.data.base import Dataset

OPTIONS = ("sources", "domains", "source")  # of a data set, the first that it has
FEWEST = 2  # candidates, from which on there is something to choose


@dataclass(frozen=True)
class Candidates:
    """The candidate sources of one target.

    target: the name of its domain. names: of the candidates. option: which of the data set's
    options chooses among them.
    """

    target: str
    names: tuple[str, ...]
    option: str

    def value(self, names: Sequence[str]) -> Any:
        """What `option` is set to, so that the domains `names` are the sources."""
        if self.option == "source":
            return names[0]
        return [*names, self.target] if self.option == "domains" else list(names)

    def dataset(self, whole: Dataset, names: Sequence[str]) -> Dataset:
        """The data set `whole` with the domains `names` as the sources of the target.

        A set of its own that a candidate is, is not downloaded to be ranked.
        """
        value = self.value(names)
        changes = {self.option: tuple(value) if isinstance(value, list) else value}
        if self.option == "source" and "download" in fields(type(whole)):
            changes["download"] = False
        return replace(whole, **changes)  # type: ignore[type-var]  # a data set is a dataclass

    @property
    def at_once(self) -> bool:
        """Whether a problem may have all of them as its sources."""
        return self.option != "source"


def option_of(dataset: Dataset) -> str | None:
    """The option that chooses among the sources of a data set; None where it has none."""
    return next((option for option in OPTIONS if option in fields(type(dataset))), None)


def candidates(run: Run, problem: Problem) -> Candidates:
    """The candidates for the target of `problem`, which is that of `run`.

    Raises UserError where there is no target, where its rows all test in some fold, and where there
    are not two candidates or no option to choose one by.
    """
    targets, names = problem.named("target"), problem.named("source")
    if not targets:
        hint = "a data set with domains to choose it from"
        if "target" in fields(type(run.dataset)):
            hint = f"try dataset.target={'|'.join([*problem.domains][:3])}"
        raise UserError(Mistake("dataset.target", "the domain to rank sources for", "none", hint))
    if problem.folds:
        found = f"{len(problem.folds)} folds, in which every row of the target tests"
        hint = "leave it out: what tests is to say nothing about the choice"
        raise UserError(Mistake("dataset.test_folds", "null", found, hint))
    option = option_of(run.dataset)
    if option == "source":
        every = get_args(fields(type(run.dataset))["source"])
        names = tuple(n for each in every for n in get_args(each) or (each,) if isinstance(n, str))
        names = tuple(name for name in names if name not in targets)
    check_choice(names)
    if option is None:
        name = name_of("dataset", run.dataset)
        expected = "a data set with an option sources or domains, to choose one by"
        raise UserError(Mistake("dataset", expected, name))
    return Candidates(targets[0], names, option)


def check_choice(names: Sequence[str], among: str = "") -> None:
    """Raise UserError where there are not two candidates. among: of which ones they are left."""
    if len(names) < FEWEST:
        found = f"only one{among}, {names[0]}" if names else f"none{among}"
        hint = "there is nothing to rank"
        raise UserError(Mistake("sources", f"{FEWEST} candidate sources or more", found, hint))
