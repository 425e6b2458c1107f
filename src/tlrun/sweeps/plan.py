"""The union of the runs and controls of many jobs, planned and checked before any starts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlrun.config.registry import Config
from tlrun.core.errors import UserError
from tlrun.core.options import strict
from tlrun.data.assembly import told
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan, planned
from tlrun.runs.run import find
from tlrun.runs.screen import Screen
from tlrun.strategies.base import Stage

Arms = Mapping[str, Plan]  # the run that a job asks for, as THIS, and its controls by name


@dataclass
class Union:
    """arms: of every job, in order. runs: each run once, by its folder, those asked for first.
    found: the finished.
    """

    arms: list[Arms]
    runs: dict[Path, tuple[str, Plan]]
    found: dict[Path, Outcome]

    @property
    def missing(self) -> dict[Path, tuple[str, Plan]]:
        """The runs still to be trained.

        Those that are the first to need a stage come first, so that few wait for a stage that
        another is training.
        """
        missing = {path: run for path, run in self.runs.items() if path not in self.found}
        known: set[str] = set()
        first = {}
        for path, (_, plan) in missing.items():
            keys = plan.shared.keys()
            first[path] = not keys <= known
            known |= keys
        return dict(sorted(missing.items(), key=lambda item: not first[item[0]]))


@dataclass
class Notes:
    """A screen that gathers what planning has to say, so that a hundred runs say it once."""

    said: Counter[str] = field(default_factory=Counter)

    def note(self, text: str) -> None:
        """Count a note; the folder it begins with is left out."""
        _, _, rest = text.partition(": ")
        self.said[rest if rest and "/" in text.partition(": ")[0] else text] += 1

    def begin(self, run: str, stage: Stage) -> None:
        """Nothing runs while a sweep is planned."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Nothing runs while a sweep is planned."""

    def end(self) -> None:
        """Nothing runs while a sweep is planned."""

    def tell(self, screen: Screen) -> None:
        """Every note once, with how many runs it is about."""
        for text, count in self.said.items():
            screen.note(text if count == 1 else f"{count} runs: {text}")


def plan_sweep(configs: Sequence[Config], screen: Screen) -> Union:
    """Plan every job. Raises UserError, with nothing started, for all mistakes that only the data
    can tell.
    """
    notes, lines = Notes(), dict[str, None]()
    arms: dict[int, Arms] = {}
    # Jobs of one data set and seed stand together, so that each is loaded once.
    order = sorted(
        range(len(configs)), key=lambda k: (_text(configs[k]["dataset"]), configs[k]["seed"], k)
    )
    report: list[str] = []
    one_data_set = len({_text(config["dataset"]) for config in configs}) == 1
    for k in order:
        try:
            arms[k] = planned(configs[k], notes)
            if one_data_set and not report:
                report = told(arms[k][THIS].problem().report)  # while its data are at hand
        except UserError as error:
            lines |= dict.fromkeys(error.lines)
    if lines:
        raise UserError(*lines)
    for line in report:
        screen.note(line)
    runs: dict[Path, tuple[str, Plan]] = {}
    for name, plan in [(THIS, arms[k][THIS]) for k in range(len(configs))] + [
        (name, plan) for k in range(len(configs)) for name, plan in arms[k].items() if name != THIS
    ]:
        runs.setdefault(plan.place.path, (name, plan))
    found = {
        path: outcome
        for path, (name, plan) in runs.items()
        if not (plan.run.rerun and name == THIS)
        and (outcome := find(plan, name, notes)) is not None
    }
    notes.tell(screen)
    return Union([arms[k] for k in range(len(configs))], runs, found)


def _text(node: object) -> str:
    return json.dumps(strict(node), sort_keys=True, default=str)
