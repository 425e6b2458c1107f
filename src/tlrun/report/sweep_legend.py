"""What the figures of a sweep mean, and what all of its arms have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tlrun.report.relations import Seeds, asked_runs
from tlrun.report.sizes import SIZE_LEGEND, largest
from tlrun.runs.outcome import Outcome

Settings = Sequence[tuple[str, Seeds]]  # each setting, under its label


def legend(settings: Settings, every: Sequence[Outcome], compares: bool) -> str:
    """What the figures mean, and what all of them have in common; nothing that is not so.

    every: the runs and controls of all `settings`. compares: whether the table has gains.
    """
    parts = []
    if compares:
        parts.append("over X: gain, by how much the setting is better than X on the same seeds.")
    drawn = f"draws of labels, weights and order; {_test_examples(settings)}"
    parts.append(
        f"± 95 % t interval over seeds ({drawn}), paired for gains, one interval each, not "
        "corrected for the number of arms."
    )
    parts.append(_optimizers(every))
    if largest(every):
        parts.append(SIZE_LEGEND)
    return " ".join(parts)


def _test_examples(settings: Settings) -> str:
    """Whether the seeds of a setting are tested on the same examples."""
    apart = [len({run.test_examples for run in asked_runs(seeds)}) > 1 for _, seeds in settings]
    if not any(apart):
        return "same test examples"
    if all(apart):
        return "every seed on test examples of its own"
    return "in some rows every seed on test examples of its own"


def _optimizers(every: Sequence[Outcome]) -> str:
    """Whether all arms, controls too, are trained by the same optimizer."""
    # those without one are no networks
    differing = _differing([outcome.optimizer for outcome in every if outcome.optimizer])
    if not differing:
        return "All networks have the same optimizer settings."
    return f"Networks differ in {', '.join(differing)}; a control has what its run has."


def _differing(nodes: Sequence[Mapping[str, object]]) -> list[str]:
    """The keys of `optimizer` that are not the same in all of its `nodes`."""
    keys: dict[str, None] = {}
    for node in nodes:
        keys |= dict.fromkeys(node)
    differing = []
    for key in keys:
        first = nodes[0].get(key)
        if any(node.get(key) != first for node in nodes):
            differing.append(f"optimizer.{key}".removesuffix(".name"))
    return differing
