"""The runs of a tuned study: of every arm, control and seed the trial that validation has chosen.

Every arm and every control has the same trials of the learning rate (`tune.lr`), each an ordinary
run. Of the trials of one seed that of the lowest validation loss stands for all, of two the one of
the smaller rate; the loss is that of what the headline measures, on that seed's own validation
labels. Seed by seed, not pooled over seeds: so each seed is a whole procedure, choice included, and
the spread over seeds has the luck of the choice in it. It is fair, for every arm gets as many
trials, and chooses by labels that all arms of the seed have: validation labels are labels, and are
counted with them. No test example is looked at to choose, and the trials that were not chosen are
in no figure: they are no arms, m does not count them, and none can be the best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tlrun.report.study.folder import Folder
from tlrun.runs.outcome import Outcome
from tlrun.store.studydir import StudyPlan


@dataclass(frozen=True)
class Lacking:
    """A seed of which some trials have no finished run, so that none is chosen.

    setting: that stands for all trials. rates: those that are missing. strategy: of the others.
    """

    setting: str
    strategy: str
    seed: int
    rates: tuple[float, ...]


def chosen_trial(trials: Mapping[float, Outcome]) -> float:
    """The rate of the trial of the lowest validation loss; of two the smaller.

    trials: the run of one seed at every rate. One without a loss has diverged, and is chosen only
    where all have.
    """

    def height(rate: float) -> tuple[float, float]:
        loss = trials[rate].result["headline"].get("val_loss")
        return (math.inf if loss is None else loss, rate)

    return min(trials, key=height)


def as_tuned(folder: Folder, plan: StudyPlan) -> Folder:
    """The folder as a plan's figures see it: of the trials of a seed the chosen one alone.

    It has the setting that stands for all, as the controls of every run have. Where a trial of a
    seed has no finished run, that seed has none. The folder itself where nothing is tuned.
    """
    if not plan.tuning:
        return folder
    first = {setting: t.settings[0] for t in plan.tuning for setting in t.settings}
    families = {setting: arm.family for arm in plan.arms for setting in arm.settings}
    chosen = {run.path: setting for setting, run in _chosen(folder, plan)}
    finished: list[Outcome] = []
    for run in folder.finished:
        if run.setting in first and run.path not in chosen:
            continue
        setting = chosen.get(run.path, run.setting)
        controls = {name: first.get(each, each) for name, each in run.controls.items()}
        family = families.get(setting, run.family)
        finished.append(replace(run, setting=setting, family=family, controls=controls))
    return replace(folder, finished=finished)


def lacking_trials(folder: Folder, plan: StudyPlan) -> list[Lacking]:
    """The seeds of which some trials have finished, and not all. folder: as it is read."""
    found = []
    for trials in plan.tuning or ():
        for seed, done in _by_seed(folder, trials.rates, trials.settings).items():
            if rates := tuple(rate for rate in trials.rates if rate not in done):
                strategy = next(iter(done.values())).strategy
                found.append(Lacking(trials.settings[0], strategy, seed, rates))
    return found


def _chosen(folder: Folder, plan: StudyPlan) -> list[tuple[str, Outcome]]:
    """The chosen run of every setting and seed with all its trials, and that setting."""
    return [
        (trials.settings[0], done[chosen_trial(done)])
        for trials in plan.tuning or ()
        for done in _by_seed(folder, trials.rates, trials.settings).values()
        if len(done) == len(trials.rates)
    ]


def _by_seed(
    folder: Folder, rates: Sequence[float], settings: Sequence[str]
) -> dict[int, dict[float, Outcome]]:
    """Of every seed with a finished trial, its runs by rate."""
    rate_of = dict(zip(settings, rates, strict=True))
    found: dict[int, dict[float, Outcome]] = {}
    for (setting, seed), run in folder.by_setting.items():
        if setting in rate_of:
            found.setdefault(seed, {})[rate_of[setting]] = run
    return dict(sorted(found.items()))
