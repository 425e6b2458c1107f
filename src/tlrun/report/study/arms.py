"""Which runs are compared: the arms of a study, seed by seed, and what each is measured against.

An arm is one strategy with all its options. Along a λ axis it is one arm where validation can
choose λ, and as many as there are λ where nothing can.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlrun.report.statistics.axis import chosen
from tlrun.report.study.folder import Folder
from tlrun.runs.outcome import Outcome

INFINITE, SHOWN_INFINITE = "inf", "∞"  # how λ is kept, and how it is shown


@dataclass(frozen=True)
class Axis:
    """All runs of one family: of one strategy with one set of options.

    label: what tells it from the other families. by_lam: of each λ, as it is written ("" where it
    decides nothing), its runs by seed.
    """

    label: str
    strategy: str
    family: str
    by_lam: Mapping[str, Mapping[int, Outcome]]

    @property
    def runs(self) -> list[Outcome]:
        """All of them, whatever their λ."""
        return [run for by_seed in self.by_lam.values() for run in by_seed.values()]


@dataclass(frozen=True)
class Series:
    """What is compared: one run a seed.

    lam: λ as written, of several those chosen; chosen: how, a sentence. controls: of each control's
    name its runs by seed.
    """

    label: str
    strategy: str
    family: str
    lam: str
    runs: Mapping[int, Outcome]
    controls: Mapping[str, Mapping[int, Outcome]] = field(default_factory=dict)
    chosen: str = ""

    @property
    def first(self) -> Outcome:
        """The run of the first seed."""
        return next(iter(self.runs.values()))

    @property
    def settings(self) -> frozenset[str]:
        """The settings of its runs."""
        return frozenset(run.setting for run in self.runs.values())


def series_of(axis: Axis, folder: Folder) -> list[Series]:
    """The arms that an axis is: one where validation chooses λ, else one a λ."""
    picked = chosen_lams(axis.by_lam)
    if picked is None:
        found = []
        for lam, by_seed in axis.by_lam.items():
            runs = dict(sorted(by_seed.items()))
            controls = controls_of(runs, folder)
            found.append(Series(axis.label, axis.strategy, axis.family, shown(lam), runs, controls))
        return found
    runs = {seed: axis.by_lam[lam][seed] for seed, lam in sorted(picked.items())}
    counts = Counter(picked.values()).most_common()
    how = ", ".join(f"{shown(lam)} for {count} of {len(picked)} seeds" for lam, count in counts)
    words = f"λ chosen by the other seeds' validation loss: {how}"
    lams = ", ".join(shown(lam) for lam, _ in counts)
    controls = controls_of(runs, folder)
    return [Series(axis.label, axis.strategy, axis.family, lams, runs, controls, words)]


def controls_of(runs: Mapping[int, Outcome], folder: Folder) -> dict[str, Mapping[int, Outcome]]:
    """Of each control's name its finished runs, by the seed of the run it is the control of."""
    controls: dict[str, dict[int, Outcome]] = {}
    for seed, run in runs.items():
        for name, setting in run.controls.items():
            control = folder.by_setting.get((setting, seed))
            if control is not None:
                controls.setdefault(name, {})[seed] = control
    return dict(controls)


def chosen_lams(by_lam: Mapping[str, Mapping[int, Outcome]]) -> dict[int, str] | None:
    """Of each seed the λ of the lowest mean validation loss on the *other* seeds.

    On the seeds that every λ has. None for a single λ, where `chosen` gives none, and where no run
    has a validation loss; where only some have none, those have diverged.
    """
    seeds = sorted(set.intersection(*map(set, by_lam.values())))
    if len(by_lam) < 2:
        return None
    lams = list(by_lam)
    losses: dict[float, dict[int, float]] = {}
    for place, lam in enumerate(lams):
        losses[place] = {}
        for seed in seeds:
            loss = by_lam[lam][seed].result["headline"].get("val_loss")
            losses[place][seed] = math.inf if loss is None else loss
    picked = chosen(losses)
    return None if picked is None else {seed: lams[int(k)] for seed, k in picked.items()}


def axes_of(runs: Sequence[Outcome], labels: Mapping[str, str]) -> list[Axis]:
    """The axes of some runs. labels: of each family."""
    families: dict[str, dict[str, dict[int, Outcome]]] = {}
    for run in runs:
        families.setdefault(run.family, {}).setdefault(run.lam_label, {})[run.seed] = run
    axes = []
    for family, by_lam in families.items():
        ordered = {lam: by_lam[lam] for lam in sorted(by_lam, key=_place)}
        strategy = next(run.strategy for run in runs if run.family == family)
        axes.append(Axis(labels.get(family, strategy), strategy, family, ordered))
    return axes


def shown(lam: str) -> str:
    """λ as it is shown: ∞ for inf, – where it decides nothing."""
    return SHOWN_INFINITE if lam == INFINITE else lam or "–"


def number_of(lam: str) -> float | None:
    """λ as a number, from how it is written; None for a schedule, and where there is none."""
    try:
        return float(lam)
    except ValueError:
        return None


def _place(lam: str) -> tuple[bool, float, str]:
    """Where a λ stands among others: numbers by size, then schedules by name."""
    number = number_of(lam)
    return (number is None, 0.0 if number is None else number, lam)
