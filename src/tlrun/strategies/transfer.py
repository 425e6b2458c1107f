"""What every transfer's target stage has in common: its objective, and the domains λ has it draw.

    (L_S + λ L_T) / (1 + λ) = (1-α) L_S + α L_T,   α = λ/(1+λ)

The seed's equation is L_S + λ L_T. Dividing by 1+λ keeps the argmin, makes step sizes comparable
along λ, and is defined at λ=∞, where α=1.
"""

from __future__ import annotations

import math

from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem


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

    At λ=0 they are the sources, at λ=∞ the targets, else both, the sources first.

    Raises UserError at λ=0 where the target has a task that no source has: its head would never be
    trained.
    """
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
