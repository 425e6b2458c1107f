"""What runs of a stack need before they are trained: their data, earlier stages and features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from tlrun.core.problem import Domain, Problem, Split
from tlrun.data.batches import Batches, fits
from tlrun.runs.plan import Plan
from tlrun.runs.resuming import Resuming
from tlrun.runs.screen import Screen
from tlrun.runs.stages import DoneStage, StageRunner
from tlrun.training.evaluation import in_order, slices
from tlrun.training.stacked.layout import Family, Features, Member, aligned

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model


@dataclass(frozen=True)
class Opened:
    """The runs of one family, ready to be trained.

    plans: of each, in order. problem: that they share, its test set not opened yet. runner: of the
    first, which has carried out the stages before the last. before: these. model: the last one's,
    as it starts. domains, train, val: as of `layout.Family`. encoded: splits as features, by the
    identity of the split.
    """

    plans: Sequence[Plan]
    problem: Problem
    runner: StageRunner
    before: Sequence[DoneStage]
    model: Model
    domains: Mapping[str, Domain]
    train: Mapping[str, Features]
    val: Mapping[str, Tensor]
    encoded: dict[int, Split] = field(default_factory=dict)

    def before_of(self, plan: Plan) -> list[DoneStage]:
        """The stages before the last, as a run of the family has them; all but one find them."""
        if plan is self.plans[0]:
            return list(self.before)
        stages = zip(plan.stages, self.before, strict=False)
        return [
            replace(done, planned=planned, found=True, earlier=done.seconds)
            for planned, done in stages
        ]

    def family(self, logs: Sequence[Callable[[Mapping[str, object]], None]]) -> Family:
        """The family that is trained. logs: of each run, what is handed its evaluations."""
        members = []
        for plan, log in zip(self.plans, logs, strict=True):
            members.append(Member(plan.stages[-1].stage, plan.run.optimizer, log))
        planned = self.plans[0].stages[-1]
        begin = self.runner.beginning.batches
        batches = {name: begin(planned, domain) for name, domain in self.domains.items()}
        return Family(self.model, self.domains, batches, self.train, self.val, members)

    def encode(self, domain: str, split: Split) -> Split:
        """The examples of a domain as features, each split made once for all runs."""
        if id(split) not in self.encoded:
            stage = self.plans[0].stages[-1].stage
            made = self.runner.encoder.encoded(stage, self.model, domain, split)
            # read once, where that is little
            self.encoded[id(split)] = replace(made, inputs=made.array) if fits(made) else made
        return self.encoded[id(split)]


def open_family(plans: Sequence[Plan], name: str, problem: Problem, screen: Screen) -> Opened:
    """Carry out all but the last stage, once for all of a family, and compute the features.

    plans: of its runs. name: what the screen calls them. problem: as their seed draws it.
    """
    first = plans[0]
    resuming = Resuming(first, screen)
    runner = StageRunner(resuming, problem, name, stored=not first.run.rerun)
    before: list[DoneStage] = []
    for planned in first.stages[:-1]:
        before.append(runner.run_stage(planned, before[-1].model if before else None))
    last = first.stages[-1]
    model = runner.beginning.initial(last, before[-1].model if before else None)
    model.track(last.stage.domains)
    domains: dict[str, Domain] = {}
    train: dict[str, Features] = {}
    val: dict[str, Tensor] = {}
    for domain in last.stage.domains:
        seen = runner.encoder.as_trained(last.stage, model, problem.domains[domain])
        domains[domain] = seen
        train[domain] = _drawn(model, seen, runner.beginning.batches(last, seen), last.stage.steps)
        if seen.val is not None:
            val[domain] = _features(model, seen, seen.val)
    return Opened(plans, problem, runner, before, model, domains, train, val)


def _drawn(model: Model, domain: Domain, batches: Batches, steps: int) -> Features:
    """The features of those training examples of a domain that are drawn in so many `steps`.

    batches: the order, at its beginning. A long stage draws all; of a large set a short one draws
    a part, and features of the others would be for nothing.
    """
    split = domain.train
    rows = torch.cat([batches.next_rows() for _ in range(steps)]).unique()  # type: ignore[no-untyped-call]  # theirs
    if len(rows) == len(split):
        return Features(_features(model, domain, split))
    places = torch.zeros(len(split), dtype=torch.int64)
    places[rows] = torch.arange(len(rows))
    return Features(_features(model, domain, split.select(rows.numpy())), places)


def _features(model: Model, domain: Domain, split: Split) -> Tensor:
    """A split of a domain as features z [N, D]."""
    first = domain.tasks[0]

    def through(inputs: Tensor) -> list[Tensor]:
        return [model.features(inputs, domain.name, (first,), split.passed)[first.name]]

    model.eval()
    with torch.no_grad():
        parts = [in_order(split, part, model.device, through)[0] for part in slices(split)]
    return aligned(torch.cat(parts))
