"""The loop of `training/loop.py` for the linear heads of many runs at once.

Every run minimises its own objective, the strategy's own equation, on its own batches, at its own
λ, rate and weight decay: what they share is the product. Of run m with heads W_m

    W_m ← update(W_m, Σ_i a_mi ∂L_mi/∂W_m),   a_mi = ∂total_m/∂L_mi

so an equation has to be arithmetic of losses and λ alone (`Strategy.of_losses`). What a run comes
to is that of the loop up to rounding, and to the bit the same whatever runs stand beside it.

Shapes: F tiles, T slots (`layout`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tlrun.core.errors import SMALLER_LR
from tlrun.core.objective import Lam, Step, Steps
from tlrun.core.task import TaskKey
from tlrun.training.evaluation import Scores, scored
from tlrun.training.finite import first_not_finite, where
from tlrun.training.loop import row_of, selection_losses
from tlrun.training.stacked.best import BestHeads
from tlrun.training.stacked.heads import linear, stacked_heads
from tlrun.training.stacked.layout import Family, Layout, layout_of
from tlrun.training.stacked.updates import StackedUpdates

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.objective import Objective
    from tlrun.models.model import Model
    from tlrun.strategies.base import Strategy
    from tlrun.training.options import TrainerOptions


@dataclass(frozen=True)
class StackedLam:
    """λ of one step of every run, as `Lam` has it of one. alpha: [F, T]."""

    alpha: Tensor


class Stack:
    """The heads of many runs at work.

    families: their stages differ in λ alone, their optimizers in lr and weight_decay. strategy:
    whose objective they minimise.
    """

    def __init__(
        self, families: Sequence[Family], strategy: Strategy, trainer: TrainerOptions
    ) -> None:
        self.families, self.strategy, self.trainer = families, strategy, trainer
        self.members = [member for family in families for member in family.members]
        self.stage = self.members[0].stage
        widest = max(task.outputs for d in families[0].domains.values() for task in d.tasks)
        self.layout: Layout = layout_of([len(f.members) for f in families], widest)
        self.heads = stacked_heads(families, self.layout, trainer.batch_size)
        decay = self.layout.spread([m.optimizer.weight_decay for m in self.members])
        parameters = [(head.weights, head.gradient) for head in self.heads]
        self.updates = StackedUpdates(self.members[0].optimizer, parameters, decay)
        names = self.stage.domains
        self.inputs = {name: [family.train[name] for family in families] for name in names}
        # families agree in which domains have some
        self._validation = {name: [f.val[name] for f in families] for name in families[0].val}
        self.failed: dict[int, str] = {}  # why, by the number of a member
        self._last: dict[str, tuple[list[float], Tensor]] = {}
        self._weights: tuple[list[Lam], Mapping[TaskKey, Tensor]] = ([], {})
        self._best = BestHeads(self.heads, len(self.members))

    def fit(self, tell: Callable[[int], None]) -> dict[int, str]:
        """Train every run to the end of its stage.

        tell: is called after every step, with its number. Returns why runs have failed, by their
        number: those whose objective, or a weight, was not finite; the others go on without them.
        """
        with torch.no_grad():
            for step in range(1, self.stage.steps + 1):
                progress = step / self.stage.steps
                lams = [member.stage.lam.at(progress) for member in self.members]
                losses = self._step(step, lams)
                if step % self.trainer.eval_every == 0 or step == self.stage.steps:
                    self._refuse_weights(step)
                    self._evaluate(step, lams, self._terms(lams, losses))
                tell(step)
            self._best.take(self.layout.places)
        return self.failed

    def load(self, number: int, model: Model) -> None:
        """Copy what a run has learnt into the heads of `model`, one of its family's."""
        tile, slot = self.layout.places[number]
        with torch.no_grad():
            for head in self.heads:
                own = linear(model, head.name)
                own.weight.copy_(head.weights[tile, slot, :, : own.in_features])
                own.bias.copy_(head.weights[tile, slot, :, own.in_features])

    def _step(self, step: int, lams: Sequence[Lam]) -> Mapping[TaskKey, Tensor]:
        """One update of every run; its L_i [F, T] before it."""
        rows: dict[str, list[Tensor]] = {}
        for name in self.stage.domains:
            rows[name] = [family.batches[name].next_rows() for family in self.families]
        losses: dict[TaskKey, Tensor] = {}
        for head in self.heads:
            head.read(rows, self.inputs)
            losses |= head.losses()
        self._refuse_infinite(step, lams, losses)
        weights = self._weights_at(lams, losses)
        for head in self.heads:
            head.differentiate(weights)
        n, steps = self.updates.made, self.stage.steps
        rates = [member.optimizer.rate(n, steps) for member in self.members]
        self.updates.step(self._spread("rate", rates, torch.float32))
        return losses

    def _spread(self, what: str, values: list[float], dtype: torch.dtype) -> Tensor:
        """A number of each member as [F, T], made anew only where one has moved."""
        if what not in self._last or self._last[what][0] != values:
            self._last[what] = values, self.layout.spread(values, dtype)
        return self._last[what][1]

    def _objective(self, lams: Sequence[Lam], losses: Mapping[TaskKey, Tensor]) -> Objective:
        """The objective of every run: its total and terms are [F, T], as the losses are.

        α is float64, as that of a run alone: of a large λ, 1-α would have no digit left in float32.
        """
        alpha = self._spread("alpha", [lam.alpha for lam in lams], torch.float64)
        steps = Steps()
        for name in self.stage.domains:
            domain = self.families[0].domains[name]
            own = {key.task: loss for key, loss in losses.items() if key.domain == name}
            steps[name] = Step(domain.role, alpha, domain.tasks, {}, {}, own)
        lam: Lam = StackedLam(alpha)  # type: ignore[assignment]  # all that an equation asks of one
        return self.strategy.objective(steps, self.families[0].model, lam)

    def _weights_at(
        self, lams: Sequence[Lam], losses: Mapping[TaskKey, Tensor]
    ) -> Mapping[TaskKey, Tensor]:
        """a_i [F, T], the slope of the total by each L_i, which λ alone decides."""
        if self._weights[0] != lams:
            with torch.enable_grad():
                leaves = {key: loss.double().requires_grad_() for key, loss in losses.items()}
                total = self._objective(lams, leaves).total
                assert isinstance(total, torch.Tensor)
                every = list(leaves.values())
                slopes = torch.autograd.grad(total.sum(), every, materialize_grads=True)
            weights = [slope.float() for slope in slopes]
            self._weights = list(lams), dict(zip(leaves, weights, strict=True))
        return self._weights[1]

    def _terms(
        self, lams: Sequence[Lam], losses: Mapping[TaskKey, Tensor]
    ) -> dict[str, list[list[float]]]:
        """The terms of every run's objective, and their total, as numbers by tile and slot."""
        objective = self._objective(lams, losses)
        terms = dict(objective.terms) | {"total": objective.total}
        return {n: term.tolist() for n, term in terms.items() if isinstance(term, torch.Tensor)}

    def _refuse_infinite(
        self, step: int, lams: Sequence[Lam], losses: Mapping[TaskKey, Tensor]
    ) -> None:
        """Take down, as failed, the runs with a term that is not finite."""
        if math.isfinite(float(torch.stack(list(losses.values())).sum())):
            return
        terms = self._terms(lams, losses)
        for number, (tile, slot) in enumerate(self.layout.places):
            for name, values in terms.items():
                if not math.isfinite(values[tile][slot]) and number not in self.failed:
                    mistake = f"expected a finite {name}, found {values[tile][slot]}"
                    place = where(self.members[number].stage, step)
                    self.failed[number] = f"{place}: {mistake}; {SMALLER_LR}"

    def _refuse_weights(self, step: int) -> None:
        """Take down, as failed, the runs with a weight that is not finite, before any is kept."""
        if first_not_finite({str(head.name): head.weights for head in self.heads}) is None:
            return
        for number, place in enumerate(self.layout.places):
            own = {str(head.name): head.weights[place] for head in self.heads}
            name = first_not_finite(own)
            if name is not None and number not in self.failed:
                mistake = f"expected a finite weight heads.{name}, found one that is not"
                told = where(self.members[number].stage, step)
                self.failed[number] = f"{told}: {mistake}; {SMALLER_LR}"

    def _evaluate(
        self, step: int, lams: Sequence[Lam], terms: Mapping[str, list[list[float]]]
    ) -> None:
        """Hand every run its line of metrics.jsonl, and keep its weights if they are its best."""
        every = self.validated()
        for number, (tile, slot) in enumerate(self.layout.places):
            if number in self.failed:
                continue
            member, scores = self.members[number], every[number]
            own = {name: values[tile][slot] for name, values in terms.items()}
            member.log(row_of(member.stage, step, lams[number], own, scores))
            if self.trainer.select == "best":
                domains = self._family_of(number).domains
                losses = selection_losses(domains, self.stage, scores)
                self._best.keep(number, (tile, slot), losses)

    def validated(self) -> list[Scores]:
        """Of every run, the scores on the validation examples of the domains that are drawn."""
        found: list[Scores] = [{} for _ in self.members]
        for name, features in self._validation.items():
            for number, outputs in self.outputs(name, features):
                domain = self._family_of(number).domains[name]
                assert domain.val is not None
                found[number] |= scored(name, domain.tasks, outputs, domain.val)[0]
        return found

    def outputs(
        self, domain: str, features: Sequence[Tensor]
    ) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """What the heads of each run say of examples of a domain: [N, k], by task name.

        With the run's number, tile by tile, so that no more than a tile's are in memory.
        features: of each family, z [N, D] (`layout.aligned`).
        """
        heads = [
            (head, [seen.key.task for seen in head.seen if seen.key.domain == domain])
            for head in self.heads
        ]
        for tile, family in enumerate(self.layout.families):
            said = [head.outputs(tile, features[family]) for head, tasks in heads if tasks]
            named = [tasks for _, tasks in heads if tasks]
            for number, (its_tile, slot) in enumerate(self.layout.places):
                if its_tile == tile:
                    own: dict[str, Tensor] = {}
                    for outputs, tasks in zip(said, named, strict=True):
                        own |= dict.fromkeys(tasks, outputs[slot].T.contiguous())
                    yield number, own

    def _family_of(self, number: int) -> Family:
        tile, _ = self.layout.places[number]
        return self.families[self.layout.families[tile]]
