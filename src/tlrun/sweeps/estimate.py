"""What the missing runs of a plan will take: seconds and bytes, and from what that is reckoned."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tlrun.runs.plan import Plan, PlannedStage
from tlrun.runs.remembered import ProblemCache
from tlrun.store.entries import MANIFEST
from tlrun.store.found import runs
from tlrun.sweeps.costs import MOST, Kind, Past, kind_of, middle, past_costs, start_gap
from tlrun.sweeps.timed_costs import add_timed

Basis = Literal["same", "timed", "nearest", "none"]  # the best first
BASES: tuple[Basis, ...] = ("same", "timed", "nearest", "none")


@dataclass(frozen=True)
class Cost:
    """What one run takes. seconds, size: None where nothing is known. size: bytes.

    basis: what `seconds` are reckoned from, of its stages the weakest.
    """

    seconds: float | None
    size: float | None
    basis: Basis


@dataclass(frozen=True)
class Shared:
    """Stages that runs share. train: to be trained, once. kept: already there. uses: of either."""

    train: int
    kept: int
    uses: int


@dataclass(frozen=True)
class Estimate:
    """What is left of a plan.

    costs: of every missing run, by its folder. shared: the stages that these share. same: how many
    finished runs of the same kinds were found. timed: how many kinds of run were timed. stages:
    bytes of the shared stages that will be kept. gap: seconds that starting a process takes, in
    sweeps so far.
    """

    costs: Mapping[Path, Cost]
    shared: Shared
    same: int = 0
    timed: int = 0
    stages: float = 0.0
    gap: float = 0.0

    def seconds(self, paths: Iterable[Path] | None = None) -> float:
        """Of the runs in `paths`, or of all, one after another; those unknown count nothing."""
        chosen = self.costs if paths is None else [path for path in paths if path in self.costs]
        return sum(self.costs[path].seconds or 0.0 for path in chosen)

    def elapsed(self, processes: int, paths: Iterable[Path] | None = None) -> float:
        """Seconds until the last of them is done, each by a process of its own.

        processes: at a time; 0 where all are done by this one.
        """
        chosen = self.costs if paths is None else [path for path in paths if path in self.costs]
        gap = self.gap if processes else 0.0
        return elapsed([gap + (self.costs[path].seconds or 0.0) for path in chosen], processes)

    def count(self, basis: Basis) -> int:
        """How many runs are reckoned from that."""
        return sum(cost.basis == basis for cost in self.costs.values())

    @property
    def size(self) -> float:
        """Bytes of all folders whose size is known, and of the shared stages."""
        return sum(cost.size or 0.0 for cost in self.costs.values()) + self.stages


def elapsed(durations: Sequence[float], processes: int) -> float:
    """When the last of some runs is done, each begun in turn by the first process that is free."""
    free = [0.0] * max(1, processes)
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def estimate(missing: Sequence[Plan], problems: ProblemCache, timing: bool = True) -> Estimate:
    """What runs will take. missing: in the order in which they are begun, each once.

    problems: has or reads the data whose steps are timed. timing: whether any may be: of a kind
    of which no run is finished, where the data are small.
    """
    if not missing:
        return Estimate({}, Shared(0, 0, 0))
    runs_dir = missing[0].run.runs_folder
    kinds = {plan.run_dir.path: kind_of(plan) for plan in missing}
    found = list(runs(runs_dir))
    past = past_costs(found, kinds.values())
    known = _Known(past, dict(past))
    if timing:
        known.timed |= add_timed(missing, kinds, known.past, problems)
    costs: dict[Path, Cost] = {}
    counted = _Stages()
    for plan in missing:
        path = plan.run_dir.path
        in_steps = any(each.stage.domains for each in plan.stages)
        costs[path] = known.cost(kinds[path], counted.own(plan), in_steps)
        counted.weigh(known.weights(kinds[path]))
    same = sum(past[kind].runs for kind in set(kinds.values()) if kind in past)
    shared = Shared(len(counted.train), len(counted.kept), counted.uses)
    gap = start_gap(found[-MOST:])
    return Estimate(costs, shared, same, len(known.timed), counted.size, gap)


@dataclass
class _Stages:
    """The shared stages met so far: those that have to be trained, and those that are kept."""

    train: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    uses: int = 0
    size: float = 0.0
    _new: int = 0

    def own(self, plan: Plan) -> list[PlannedStage]:
        """The stages that a run trains itself, given those before it."""
        mine: list[PlannedStage] = []
        self._new = 0
        for planned in (each for stages in plan.folds for each in stages):
            if planned.entry is None or plan.run.rerun:
                mine.append(planned)
                continue
            self.uses += 1
            if planned.key in self.train or planned.key in self.kept:
                continue
            if (planned.entry.path / MANIFEST).is_file():
                self.kept.add(planned.key)
                continue
            self.train.add(planned.key)
            self._new += 1
            mine.append(planned)
        return mine

    def weigh(self, weights: float) -> None:
        """Count the bytes of those that the last run trains. weights: of one."""
        self.size += self._new * weights


@dataclass
class _Known:
    """What is known of kinds of run. same: from finished runs. past: those, and what was timed."""

    same: Mapping[Kind, Past]
    past: dict[Kind, Past]
    timed: set[Kind] = field(default_factory=set)

    def cost(self, kind: Kind, own: Sequence[PlannedStage], in_steps: bool) -> Cost:
        """Of a run that trains these stages. in_steps: whether it has any, its own or found."""
        rest, far = self._rest(kind)
        if rest is None and not (own or (in_steps and self.past)):
            # fitted at once, and never here; or its stages are found, and nothing else is known
            return Cost(None, self._size(kind), "none")
        basis: Basis = "nearest" if far else "same"
        seconds = rest or 0.0
        if kind in self.timed or (self.timed and rest is None and not own):
            basis = "timed"
        for planned in own:
            if not planned.stage.domains:
                continue
            rate, found = self._rate(kind, planned.stage.name)
            if rate is None:
                return Cost(None, self._size(kind), "none")
            seconds += rate * planned.stage.steps
            basis = max(basis, found, key=BASES.index)
        return Cost(seconds, self._size(kind), basis)

    def weights(self, kind: Kind) -> float:
        """Bytes of the weights of a run of a kind; 0 where nothing is known."""
        weights = _first(self._near(kind), lambda past: past.weights)
        return 0.0 if weights is None else weights

    def _rate(self, kind: Kind, stage: str) -> tuple[float | None, Basis]:
        """Seconds a step, and from what."""
        if kind in self.past and self.past[kind].rates.get(stage):
            found: Basis = "timed" if kind in self.timed else "same"
            return middle(self.past[kind].rates[stage]), found
        near = self._near(kind)
        rate = _first(near, lambda past: past.rates.get(stage, []))
        if rate is None:
            rate = _first(near, lambda past: [r for rates in past.rates.values() for r in rates])
        return rate, "none" if rate is None else "nearest"

    def _rest(self, kind: Kind) -> tuple[float | None, bool]:
        """Seconds of a run beside its stages, and whether they are those of another kind."""
        if kind in self.same:
            return middle(self.same[kind].rests), False
        return _first(self._near(kind), lambda past: past.rests), True

    def _size(self, kind: Kind) -> float | None:
        return _first(self._near(kind), lambda past: past.folders)

    def _near(self, kind: Kind) -> list[list[Past]]:
        """What is known of kinds, the nearest first: same loop, same network, same problem."""
        alike = [
            [past for other, past in self.past.items() if other == kind],
            self._sharing(kind, "problem", "backbone", "loop", "device", "strategy"),
            self._sharing(kind, "problem", "backbone", "loop", "device"),
            self._sharing(kind, "data", "backbone", "loop", "device"),
        ]
        return [pasts for pasts in alike if pasts]

    def _sharing(self, kind: Kind, *parts: str) -> list[Past]:
        wanted = [getattr(kind, part) for part in parts]
        return [
            past
            for other, past in self.past.items()
            if [getattr(other, part) for part in parts] == wanted
        ]


def _first(
    near: Sequence[Sequence[Past]], values: Callable[[Past], Sequence[float]]
) -> float | None:
    """The median of `values` over the nearest kinds that have any."""
    for pasts in near:
        every = [value for past in pasts for value in values(past)]
        if every:
            return middle(every)
    return None
