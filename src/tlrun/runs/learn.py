"""From a plan to what its run comes to: trained or fitted, then tested, fold by fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tlrun.core.objective import Relation
from tlrun.core.problem import Problem, Split
from tlrun.models.model import Model, state
from tlrun.runs.attempts import NOTHING_BEFORE, Attempt
from tlrun.runs.divergence import diverged
from tlrun.runs.final_evaluation import evaluate_test, statistics_pooled
from tlrun.runs.folds import pooled_predictions, pooled_result
from tlrun.runs.plan import Plan
from tlrun.runs.resuming import Resuming
from tlrun.runs.screen import Screen, shown
from tlrun.runs.stages import DoneStage, StageRunner
from tlrun.strategies.estimator import EstimatorStrategy

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Learnt:
    """What a run has come to: its stages, result.json, and the tensors that are kept.

    diverged: as of `divergence.diverged`, of the first fold that has; None where it has not.
    """

    stages: Sequence[DoneStage]
    result: Mapping[str, Any]
    predictions: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    diverged: Mapping[str, Any] | None = None


def learn(
    plan: Plan, name: str, problem: Problem, screen: Screen, attempt: Attempt = NOTHING_BEFORE
) -> Learnt:
    """Carry out the run of a plan. name: what the screen calls it. problem: its test set is opened.

    attempt: an earlier one, from whose checkpoints it goes on. In folds, each is learnt and tested
    by itself; the weights of all are kept.
    """
    resuming = Resuming(plan, screen, attempt)
    if not problem.folds:
        return _part(resuming, name, problem, None)
    learnt = []
    for fold, part in enumerate(problem.folds):
        called = f"{name}, fold {fold + 1} of {len(problem.folds)}"
        learnt.append(_part(resuming, called, part, fold))
    predictions = pooled_predictions([each.predictions for each in learnt])
    return Learnt(
        [stage for each in learnt for stage in each.stages],
        pooled_result(problem, [each.result for each in learnt], predictions),
        predictions,
        {f"fold{k}/{key}": w for k, each in enumerate(learnt) for key, w in each.weights.items()},
        next((each.diverged for each in learnt if each.diverged is not None), None),
    )


def _part(resuming: Resuming, name: str, problem: Problem, fold: int | None) -> Learnt:
    """One fold, or all there is."""
    plan = resuming.plan
    if not isinstance(plan.run.strategy, EstimatorStrategy):
        return _through_stages(resuming, name, problem, fold)
    from tlrun.runs.estimators import EstimatorRun

    fits = EstimatorRun(plan.run.strategy, problem, plan.run.seed)
    fits.fit(name, resuming.screen, plan.run.threads)
    result, predictions = fits.evaluate(plan.run.threads)
    return Learnt((), result, predictions, fits.weights)


def _through_stages(resuming: Resuming, name: str, problem: Problem, fold: int | None) -> Learnt:
    """Every stage in turn, then the test."""
    plan = resuming.plan
    runner = StageRunner(resuming, problem, name, stored=not plan.run.rerun, fold=fold)
    done: list[DoneStage] = []
    relation: Relation | None = None
    model: Model | None = None
    stages = plan.folds[fold or 0]
    for planned in stages:
        done.append(runner.run_stage(planned, model))
        model = done[-1].model
        relation = planned.strategy.relation_of(model) or relation  # the last that learns one
    encoder = runner.encoder

    def encode(domain: str, split: Split) -> Split:
        return encoder.encoded(stages[-1].stage, done[-1].model, domain, split)

    return tested(runner, done, relation, encode)


def tested(
    runner: StageRunner,
    done: Sequence[DoneStage],
    relation: Relation | None,
    encode: Callable[[str, Split], Split],
) -> Learnt:
    """What stages that are done come to: their last model, tested.

    relation: what was learnt about its tasks. encode: gives the examples of a domain as features,
    where φ was held fixed.
    """
    problem, screen, name = runner.problem, runner.screen, runner.name
    last, trained = done[-1].planned, done[-1].model
    pooled = statistics_pooled(name, problem, trained)
    if pooled is not None:
        screen.note(pooled)
    result, predictions = evaluate_test(
        problem,
        [each.planned.stage for each in done],
        runner.plan.run.trainer.batch_size,
        trained,
        relation,
        together=last.stage.trained_for == "all tasks",
        encode=encode,
        watch=lambda domain, split: partial(
            shown, screen=screen, run=name, doing=f"testing on {domain}", total=len(split)
        ),
    )
    far = diverged(problem, last.stage, trained, result, predictions)
    return Learnt(done, result, predictions, state(trained), far)
