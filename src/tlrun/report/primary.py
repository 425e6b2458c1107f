"""Which controls a word depends on."""

from __future__ import annotations

from tlrun.runs.outcome import Outcome

JOINT = "joint"


def is_primary(control: Outcome) -> bool:
    """Whether a word depends on a control: on all but `joint` and those that are no network.

    Training on source and target together is another way of using both, and not what a transfer
    has to beat to have helped.
    """
    return control.result["size"] is not None and control.strategy != JOINT
