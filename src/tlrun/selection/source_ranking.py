"""The candidate sources of a target, best first, before any transfer is trained.

What is looked at are the target's labels for training and validation; no test set is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from tlrun.config.build import Run
from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Domain, Problem, known
from tlrun.core.seeding import exactly
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.screen import Screen
from tlrun.selection.candidate_sources import Candidates, candidates, check_choice
from tlrun.selection.source_model import source_model
from tlrun.selection.source_scores import distance, log_likelihood

By = Literal["likelihood", "features"]
BY: tuple[By, ...] = get_args(By)


@dataclass(frozen=True)
class Source:
    """One candidate.

    likelihood: of the target's labels under its model (`source_scores`); None where it is not asked
    for, where the source has another label space, or no model of it is to be had. distance: of the
    means of inputs. shared: whether it has labels for every task of the target. labels: how many it
    learns and validates on.
    """

    name: str
    distance: float
    shared: bool
    labels: int
    likelihood: float | None = None

    def score(self, by: By) -> float | None:
        """The more, the better."""
        return self.likelihood if by == "likelihood" else -self.distance


@dataclass(frozen=True)
class Ranking:
    """The candidates of a target, best first.

    by: which score ranks. labels: of the target, for training and validation. chosen: the option
    and the value that choose the best. left_out: why a candidate could not be read, by its name.
    """

    target: str
    by: By
    sources: Sequence[Source]
    labels: int
    chosen: tuple[str, Any]
    left_out: Mapping[str, str]


@dataclass
class Scorer:
    """What scores the candidates of one target, for one seed.

    run: asks about the target; its data set may have any of them as sources. problem: of `run`.
    left_out: is told why a candidate could not be read, by its name.
    """

    run: Run
    problem: Problem
    found: Candidates
    problems: ProblemCache
    screen: Screen
    left_out: dict[str, str] = field(default_factory=dict)

    def sources(self) -> list[Source]:
        """Every candidate that can be read, without its likelihood."""
        return list(self._sources())

    def _sources(self) -> Iterator[Source]:
        for name in self.found.names:
            problem = self.problem
            if not self.found.at_once:
                try:
                    problem = self._problem(name)
                except UserError as error:
                    self.left_out[name] = str(error.mistakes[0])
                    continue
            source, target = problem.domains[name], problem.domains[self.found.target]
            shared = {*target.tasks} <= {*source.tasks}
            yield Source(name, distance(source, target), shared, labels_of(source))

    def with_likelihood(self, source: Source, *, train: bool = True) -> Source:
        """The source with its likelihood, where it shares the target's label space.

        train: whether its model may be trained, where it is not kept. Raises UserError and
        RunFailed as a run does.
        """
        if not source.shared:
            return source
        problem = self._problem(source.name)
        run = replace(self.run, dataset=self._dataset(source.name))
        scales = self.problem.tasks if self.found.at_once else {}
        with exactly(run.threads):
            model = source_model(run, problem, self.problems, self.screen, source.name, train=train)
            if model is None:
                return source
            return replace(source, likelihood=log_likelihood(model, problem, scales))

    def _problem(self, name: str) -> Problem:
        """That of one candidate alone, as a transfer from it has it."""
        return self.problems.load(self._dataset(name), self.run.seed)

    def _dataset(self, name: str) -> Any:
        return self.found.dataset(self.run.dataset, [name])


def rank(run: Run, by: By | None, problems: ProblemCache, screen: Screen) -> Ranking:
    """Rank the candidate sources of the target that `run` asks about, as its seed draws labels.

    by: which score ranks; None: the likelihood where every candidate shares the target's label
    space, else the features. screen: is told of every stage that is trained or found.

    Raises UserError where there is nothing to rank, as `candidates` does, or the likelihood is
    asked for and no candidate shares the target's label space; RunFailed as a run does.
    """
    problem = problems.load(run.dataset, run.seed)
    found = candidates(run, problem)
    scorer = Scorer(run, problem, found, problems, screen)
    sources = scorer.sources()
    check_choice([source.name for source in sources], " whose files can be read")
    by = by or ("likelihood" if all(source.shared for source in sources) else "features")
    if by == "likelihood":
        if not any(source.shared for source in sources):
            told = "likelihood, and no candidate with the target's label space"
            raise UserError(Mistake("--by", "features", told))
        sources = [scorer.with_likelihood(source) for source in sources]
    ranked = sorted(sources, key=lambda source: _place(source.score(by)))
    best = getattr(found.dataset(run.dataset, [ranked[0].name]), found.option)
    chosen = found.option, list(best) if isinstance(best, tuple) else best
    labels = labels_of(problem.domains[found.target])
    return Ranking(found.target, by, ranked, labels, chosen, scorer.left_out)


def _place(score: float | None) -> tuple[bool, float]:
    """What sorts the highest score first, and none last."""
    return score is None, -(score or 0.0)


def labels_of(domain: Domain) -> int:
    """How many labels a domain has for training and validation, of all its tasks."""
    splits = [split for split in (domain.train, domain.val) if split is not None]
    return sum(int(known(values).sum()) for split in splits for values in split.labels.values())
