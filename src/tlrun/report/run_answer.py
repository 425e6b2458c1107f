"""What one run and its controls answer, in a sentence or two, before any number of a table."""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.core.metrics import metric_of
from tlrun.report.formatting import PERCENT, number, unit_of
from tlrun.report.primary import is_primary
from tlrun.report.study.sentences import TOTAL, amount
from tlrun.report.task_gains import alone, difference, tasks_up
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

OUTSIDE = "the best without a network"
ONE_SEED = "One seed: no verdict."
LEVEL = "level with"


def run_answer(outcomes: Sequence[Outcome]) -> str:
    """The score of a run, and how far above or below its controls it is.

    outcomes: the run, then its controls. Of a control at two budgets the better one counts, and of
    methods from outside (no network) the best one.
    """
    this = outcomes[0]
    headline = this.result["headline"]
    name = called(this)
    if this.lam_label:
        name += f" (λ={this.lam_label.replace('inf', '∞')})"
    if metric_of(headline["name"]) is None:
        single = alone(outcomes)
        up = f"{tasks_up([(this, single)])} over {single.name}" if single else "of several metrics"
        return f"{name}: {up}. {ONE_SEED}"
    score = number(headline["name"], headline["test"])
    said = f"{name}: {headline['name']} {score}"
    if unit_of(headline["name"]) == PERCENT and headline["test"] is not None:
        said = f"{name}: {score} % {headline['name']}"
    if compared := _compared(this, outcomes[1:]):
        said += f", {compared}"
    if spoilt := [called(one) for one in (this, *outcomes[1:]) if one.diverged]:
        return f"{said}. {', '.join(spoilt)} diverged: that says nothing of what is compared."
    return f"{said}. {ONE_SEED}"


def called(outcome: Outcome) -> str:
    """The name of a row: the run that was asked for by its strategy, a control by its own."""
    return outcome.strategy if outcome.name == THIS else outcome.name


def main_control(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The control that every row is compared with; None where there is no control.

    Each task alone, of several tasks; else the first that a verdict would depend on: training on
    the target alone, where there is such a control.
    """
    controls = outcomes[1:]
    primary = [control for control in controls if is_primary(control)]
    return alone(outcomes) or next(iter([*primary, *controls]), None)


def _compared(this: Outcome, controls: Sequence[Outcome]) -> str:
    """How far a run is above or below each control, the largest gain first."""
    metric = this.result["headline"]["name"]
    gains: dict[str, tuple[float, str]] = {}  # of each kind of control the smallest, and over which
    for control in controls:
        gain = difference(this, control)
        if gain is None:
            continue
        kind, name = control.name.removesuffix(TOTAL), control.name
        if control.result["size"] is None:
            kind, name = OUTSIDE, f"{name} ({OUTSIDE})"
        gains[kind] = min((gain, name), gains.get(kind, (gain, name)))
    said: list[str] = []
    first = True
    for gain, name in sorted(gains.values(), reverse=True):
        said.append(_how_far(metric, gain, name, first))
        first = first and said[-1].startswith(LEVEL)
    return ", ".join(said)


def _how_far(metric: str, gain: float, name: str, first: bool) -> str:
    """Such as "10.2 points above scratch"; without the unit after the first."""
    in_points = first and unit_of(metric) == PERCENT
    written = amount(metric, gain) if in_points else number(metric, abs(gain))
    if not any(digit in "123456789" for digit in number(metric, gain)):
        return f"{LEVEL} {name}"
    found = metric_of(metric)
    if found is None or found.higher_is_better:
        side = "above" if gain > 0 else "below"
    else:
        side = "better than" if gain > 0 else "worse than"
    return f"{written} {side} {name}"
