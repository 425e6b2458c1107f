"""What a config comes to before anything is trained: checked against its data, cut into stages, and given its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlrun.build import Config, Run, build, identity, science
from tlrun.core import Backbone, Screen, Stage
from tlrun.errors import UserError
from tlrun.problem import Problem
from tlrun.store.rundir import RunDir

NO_EFFECT = "λ has no effect here (the losses share no free parameter): running as λ=inf"


@dataclass(frozen=True)
class Plan:
    """One run, ready to be trained or found."""

    run: Run
    science: Mapping[str, Any]
    problem: Problem
    stages: Sequence[Stage]
    place: RunDir

    @property
    def lam(self) -> str:
        return self.run.lam.label if "lam" in self.science else ""


def plan(config: Config, screen: Screen) -> Plan:
    """Check a config against its data and say where its run belongs. Raises UserError where they do not fit."""
    run = build(config)
    problem = run.dataset.load(run.seed)
    run.backbone.width(problem.shape)  # raises here, before anything starts
    check_selection(run, problem)
    stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
    if not lam_acts(problem, stages, run.backbone):
        screen.note(NO_EFFECT)
        return plan({**config, "lam": {"name": "constant", "value": math.inf}}, screen)
    decisive = science(config, run.strategy.ignores)
    lam = f"lam={run.lam.label}_" if "lam" in decisive else ""
    name = f"{lam}seed={run.seed}_{identity(decisive, problem.digest)}"
    group = f"{decisive['dataset']['name']}/{decisive['strategy']['name']}"
    return Plan(run, decisive, problem, stages, RunDir(Path(run.runs_dir).expanduser(), group, name))


def lam_acts(problem: Problem, stages: Sequence[Stage], backbone: Backbone) -> bool:
    """Whether L_S and L_T share a free parameter, in φ or in a head, in every stage that draws both.

    Where they share none, λ only rescales each loss's own step, and every λ > 0 stands for the run of λ=∞.
    """
    both = [s for s in stages if {problem.domains[name].role for name in s.domains} >= {"source", "target"}]
    return all(problem.one_label_space or (backbone.learns and not stage.frozen) for stage in both)


def check_selection(run: Run, problem: Problem) -> None:
    """Raises UserError where `trainer.select=best` has no validation labels to choose by."""
    lacking = [name for name, domain in problem.domains.items() if domain.val is None]
    if run.trainer.select == "best" and lacking:
        raise UserError(
            f"trainer.select: best expects validation labels in every domain, found none in {', '.join(lacking)}; try "
            "dataset.val_share=0.2 (the labels asked for then buy training and validation together)"
        )
