"""The finished transfers of a folder from different sources, each with its score and its gain.

A score is computed again, of the target's labels of that run's seed and with the model of its
source, which the run has left among the stages. Nothing is trained here, and no test set opened:
the gain is that of the two results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tlrun.config.build import Run
from tlrun.config.registry import GROUPS, name_of
from tlrun.core.errors import TlrunError
from tlrun.report.formatting import gain_of
from tlrun.runs.identity import deciding, digest_of
from tlrun.runs.kept_config import kept_run
from tlrun.runs.outcome import Outcome, load_runs
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.screen import QuietScreen, Screen
from tlrun.selection.candidate_sources import Candidates, option_of
from tlrun.selection.source_basis import FEWEST, Basis, Cell, basis_of
from tlrun.selection.source_ranking import By, Scorer, Source
from tlrun.store.rundir import RunDir
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant

TRANSFERS = ("parameter_transfer", "feature_transfer", "joint")
NAMES: Mapping[By, str] = {"likelihood": "log-likelihood", "features": "nearness of means"}


@dataclass(frozen=True)
class _Transfer:
    """One finished transfer from one source. gain: over scratch, in the headline `metric`."""

    run: Run
    source: str
    target: str
    gain: float
    metric: str


@dataclass(frozen=True)
class _Group:
    """Transfers that differ in their source alone, one of each."""

    way: str
    transfers: Mapping[str, _Transfer]

    @property
    def first(self) -> _Transfer:
        return next(iter(self.transfers.values()))


def measured(asked: Run, by: By, problems: ProblemCache, screen: Screen) -> Basis:
    """What the runs below the `runs_dir` of `asked`, of its data set, say of a score.

    by: which score. screen: is told how far it is.
    """
    found, unscored = cells(asked, by, problems, screen)
    return basis_of(found, NAMES[by], unscored)


def cells(asked: Run, by: By, problems: ProblemCache, screen: Screen) -> tuple[list[Cell], int]:
    """Every set of FEWEST transfers or more that differ in their source alone, with their scores.

    Also how many of these transfers cannot be scored: the model of their source is not kept, or
    their data are not there any more. Arguments as of `measured`.
    """
    groups = _groups(asked)
    scored: dict[tuple[str, str], float | None] = {}
    found = []
    total = sum(len(group.transfers) for group in groups)
    if total:
        runs = Stage("finished transfers", ("scored",), total, lam=Constant(0.0))
        screen.begin("basis", runs)
    try:
        done = 0
        for group in groups:
            scores = _scores(group, by, asked, problems, scored)
            pairs = {n: (s, group.transfers[n].gain) for n, s in scores.items() if s is not None}
            first = group.first
            found.append(Cell(first.target, first.run.seed, group.way, pairs, first.metric))
            done += len(group.transfers)
            screen.step(done, {})
    finally:
        if total:
            screen.end()
    return found, total - sum(len(cell.pairs) for cell in found)


def _groups(asked: Run) -> list[_Group]:
    """Every set of FEWEST transfers or more of the data set that differ in their source alone."""
    found: dict[tuple[str, int, str], dict[str, _Transfer]] = defaultdict(dict)
    name = name_of("dataset", asked.dataset)
    outcomes = load_runs(asked.runs_dir)
    tests = {(each.setting, each.seed): each.result["headline"] for each in outcomes}
    for outcome in outcomes:
        transfer = _transfer(outcome, tests) if outcome.strategy in TRANSFERS else None
        if transfer is None or name_of("dataset", transfer.run.dataset) != name:
            continue
        way = digest_of(_beside(transfer.run))
        found[transfer.target, outcome.seed, way][transfer.source] = transfer
    return [_Group(w, some) for (_, _, w), some in found.items() if len(some) >= FEWEST]


def _beside(run: Run) -> dict[str, Any]:
    """All that decides a run beside its source and its seed, by group."""
    nodes, option = deciding(run), option_of(run.dataset)
    dataset = {key: value for key, value in nodes["dataset"].items() if key != option}
    return {group: nodes[group] for group in GROUPS if group in nodes} | {"dataset": dataset}


def _transfer(outcome: Outcome, tests: Mapping[tuple[str, int], Any]) -> _Transfer | None:
    """A finished run as a transfer from one source; None where it is none, or lacks its scratch."""
    scratch = tests.get((outcome.controls.get("scratch", ""), outcome.seed))
    headline = outcome.result["headline"]
    if scratch is None:
        return None
    gain = gain_of(headline["name"], headline["test"], scratch["test"])
    try:
        splits = outcome.json("data.json")["splits"]
        outcome.check("config.yaml")
        run = kept_run(RunDir.at(outcome.path))
    except (OSError, ValueError, KeyError, TlrunError):  # of an older tl-run, or damaged
        return None
    sources = {row["domain"] for row in splits if row["role"] == "source"}
    targets = {row["domain"] for row in splits if row["role"] == "target"}
    if gain is None or len(sources) != 1 or len(targets) != 1:
        return None
    return _Transfer(run, sources.pop(), targets.pop(), gain, headline["name"])


def _scores(
    group: _Group,
    by: By,
    asked: Run,
    problems: ProblemCache,
    scored: dict[tuple[str, str], float | None],
) -> dict[str, float | None]:
    """The score of every source of a group; None where it cannot be told.

    scored: those that are known, by what decides them, and the source.
    """
    run = replace(group.first.run, runs_dir=asked.runs_dir, device=asked.device)
    run = replace(run, threads=asked.threads)
    names = tuple(sorted(group.transfers))
    nodes = {k: node for k, node in _beside(run).items() if k not in ("strategy", "lam")}
    key = digest_of([nodes, run.seed, names])
    missing = [name for name in names if (key, name) not in scored]
    for source in _scored(run, group.first.target, names, by, problems) if missing else ():
        scored[key, source.name] = source.score(by)
    return {name: scored.get((key, name)) for name in names}


def _scored(
    run: Run, target: str, names: Sequence[str], by: By, problems: ProblemCache
) -> Iterator[Source]:
    """The candidates `names` of a target, each scored, where that can be."""
    option = option_of(run.dataset)
    if option is None:
        return
    found = Candidates(target, tuple(names), option)
    try:
        whole = found.dataset(run.dataset, names if found.at_once else names[:1])
        problem = problems.load(whole, run.seed)
        scorer = Scorer(replace(run, dataset=whole), problem, found, problems, QuietScreen())
        for source in scorer.sources():
            yield scorer.with_likelihood(source, train=False) if by == "likelihood" else source
    except TlrunError:  # the data are not there any more, or not what they were
        return
