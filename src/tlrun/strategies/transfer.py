"""What every transfer's target stage has in common: its objective, and the domains λ has it draw.

    (L_S + λ L_T) / (1 + λ) = (1-α) L_S + α L_T,   α = λ/(1+λ)

The seed's equation is L_S + λ L_T. Dividing by 1+λ keeps the argmin, makes step sizes comparable
along λ, and is defined at λ=∞, where α=1.
"""

from __future__ import annotations

import math
from dataclasses import replace

from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.models.backbone import TrainedPart
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant

WARMUP = "target, heads alone"  # the stage of `warmup`


def weighted_losses(steps: Steps, lam: Lam) -> Objective:
    """(L_S + λ L_T) / (1 + λ) of one step, with the raw L_S and L_T as its terms.

    steps: L_S and L_T are the means of L_i over the tasks of the source's and of the target's
    domains in it (`Steps.loss`); a side that is not drawn counts 0. lam: λ of this step, which
    weighs L_T by α = λ/(1+λ) and L_S by 1-α.
    """
    L_S, L_T = steps.loss("source"), steps.loss("target")
    total = (1 - lam.alpha) * L_S + lam.alpha * L_T
    return Objective(total, {"L_S": L_S, "L_T": L_T})


def domains_drawn(problem: Problem, lam: Schedule) -> tuple[str, ...]:
    """The names of the domains that `weighted_losses` gives any weight.

    At λ=0 they are the sources, at λ=∞ the targets, else both, the sources first. Without a source
    domain they are the targets, and λ stands for ∞.

    Raises UserError at λ=0 where the target has a task that no source has: its head would never be
    trained.
    """
    if not problem.named("source"):
        return problem.named("target")
    if lam.always(0.0) and not problem.one_label_space:
        raise UserError(
            Mistake(
                "lam.value",
                "more than 0",
                "0: the target has a label space of its own, so at λ=0 its head is never trained",
                "try {key}=1",
            )
        )
    source = () if lam.always(math.inf) else problem.named("source")
    target = () if lam.always(0.0) else problem.named("target")
    return source + target


def target_stages(
    problem: Problem, lam: Schedule, steps: int, trained: TrainedPart, warmup: int
) -> tuple[Stage, ...]:
    """The target stage of a transfer, of `steps` updates; with a warmup, two stages.

    trained: what of φ the stage trains. warmup: how many of the updates train the heads alone,
    before (LP-FT: Kumar et al., "Fine-tuning can distort pretrained features and underperform
    out-of-distribution", ICLR 2022; differs from the paper: by a number of steps, not to
    convergence).

    Raises UserError as `domains_drawn` does, and where a warmup has nothing to warm up.
    """
    drawn = domains_drawn(problem, lam)
    whole = Stage("target", drawn, steps, lam=lam, trained=trained)
    if not warmup:
        return (whole,)
    expected, found = "", str(warmup)
    if trained == "head":
        expected = "0 with train=head, which trains no more than heads"
    elif warmup >= steps:
        expected = f"fewer than trainer.steps={steps}"
    elif not isinstance(lam, Constant):
        expected, found = "0 where λ moves over the stage", f"{warmup} and λ={lam.label}"
    if expected:
        raise UserError(Mistake("strategy.warmup", expected, found, "try {key}=0"))
    head = replace(whole, name=WARMUP, steps=warmup, trained="head")
    return (head, replace(whole, steps=steps - warmup))
