"""The settings of a run that change nothing of it, for a line before it is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tlrun.config.build import Run
from tlrun.config.registry import GROUPS, name_of
from tlrun.core.acting import changed, idle
from tlrun.core.notes import OptionIdle
from tlrun.core.problem import Problem
from tlrun.models.backbone import weights_file_of
from tlrun.runs.stage_key import computes_once
from tlrun.strategies.base import Stage

PLAIN = {"lam": "constant", "optimizer": "adam", "trainer": "trainer"}  # what nobody has to choose


def idle_options(run: Run, problem: Problem, stages: Sequence[Stage]) -> list[OptionIdle]:
    """What is set in `run`, that is, differs from its default, and decides nothing of it.

    stages: those of the run. λ that rescales each loss alone is told otherwise
    (`checks.lam_acts`).
    """
    found = [*_declared(run), *_of_data(run, problem), *_of_stages(run, stages)]
    return [OptionIdle(key=key, why=why) for key, why in dict(found).items()]


def _declared(run: Run) -> Iterator[tuple[str, str]]:
    """What another choice leaves without effect, as the classes and the strategy say."""
    for group in GROUPS:
        thing = getattr(run, group)
        if group not in run.strategy.ignores:
            for key, choice in idle(thing, group):
                yield key, f"with {choice}"
            continue
        why = f"with strategy={name_of('strategy', run.strategy)}"
        if name_of(group, thing) != PLAIN.get(group, name_of(group, thing)):
            yield group, why
        for option in changed(thing):
            yield f"{group}.{option}", why


def _of_data(run: Run, problem: Problem) -> Iterator[tuple[str, str]]:
    """What the data, or the backbone, leave without effect."""
    strategy, phi = run.strategy, name_of("backbone", run.backbone)
    twice = [name for name, n in Counter(k.task for k in problem.task_keys).items() if n > 1]
    for option, value in (("heads", "shared"), ("rows", "pooled")):
        if getattr(strategy, option, None) == value and not twice:
            yield f"strategy.{option}", "where no two domains have the same task"
    if getattr(strategy, "start", None) == "pretrained" and weights_file_of(run.backbone) is None:
        yield "strategy.start", f"where backbone={phi} has no pretrained weights"
    # any other part of φ is refused where there is none
    whole = getattr(strategy, "train", None) in ("all", "head") and "train" in changed(strategy)
    if whole and not run.backbone.learns:
        yield "strategy.train", f"where backbone={phi} has nothing to train"


def _of_stages(run: Run, stages: Sequence[Stage]) -> Iterator[tuple[str, str]]:
    """What would be done in stages, of which there is none."""
    trainer = run.trainer
    if "trainer" in run.strategy.ignores or trainer.cache_features:
        return
    if not computes_once(stages, replace(trainer, cache_features=True)):
        yield "trainer.cache_features", "where no stage has anything to compute once"
