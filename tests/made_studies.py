"""What a report makes of made runs, at each of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tlrun.report.answer import Arm, Study
from tlrun.report.study.arms import Series, series_of
from tlrun.report.study.build import build_report
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.folder import Folder, read_folders
from tlrun.report.study.grouping import Grouped, grouped
from tlrun.report.study.terms import Terms, terms_of
from tlrun.runs.outcome import Outcome
from tlrun.store import studydir
from tlrun.store.studydir import StudyPlan, declare

PROBLEM = "aaaaaaaaaaaa"
CONTROLS = {"scratch": ("scratch",), "source_only": ("source_only",)}


@dataclass(frozen=True)
class Parts:
    """One study of a folder before it is put in words."""

    folder: Folder
    study: Grouped
    series: list[Series]
    terms: Terms
    evidence: Evidence

    def of(self, strategy: str) -> Series:
        """The only arm of a strategy."""
        (found,) = (one for one in self.series if one.strategy == strategy)
        return found


def folder_of(path: Path) -> Folder:
    (folder,) = read_folders([path])
    return folder


def parts_of(path: Path, number: int = 0) -> Parts:
    """A study of the folder, 0 the newest."""
    folder = folder_of(path)
    study = grouped(folder)[number]
    folder = study.tuned or folder
    series = [one for axis in study.axes for one in series_of(axis, folder)]
    return Parts(folder, study, series, terms_of(study, series), Evidence())


def runs_of(path: Path, setting: str) -> dict[int, Outcome]:
    """The runs of a setting, by seed."""
    return {run.seed: run for run in folder_of(path).finished if run.setting == setting}


def only(path: Path) -> Study:
    (study,) = build_report([path]).studies
    return study


def arm_of(study: Study, strategy: str) -> Arm:
    (arm,) = (arm for arm in study.arms if arm.strategy == strategy)
    return arm


def planned(
    path: Path,
    arms: Mapping[str, Sequence[str]],
    seeds: Sequence[int] = range(6),
    controls: Mapping[str, Sequence[str]] = MappingProxyType(CONTROLS),
    **changes: Any,
) -> StudyPlan:
    """A plan that is declared now.

    arms: of each family its settings, one a λ. controls: of every arm.
    """
    declared = tuple(
        studydir.Arm(
            family.partition(" ")[0],
            family,
            family,
            tuple(sorted(settings)),
            tuple(setting.partition("λ=")[2] for setting in settings if "λ=" in setting),
            {name: tuple(settings) for name, settings in controls.items()},
        )
        for family, settings in arms.items()
    )
    facts: dict[str, Any] = {
        "problem": PROBLEM,
        "dataset": "made",
        "metric": "target accuracy",
        "seeds": tuple(seeds),
        "looks": (),
        "alpha": 0.05,
        "delta": 0.01,
        "command": "tl-run -m seeds=6",
        "runs": 24,
        "finished_before": 0,
    }
    return declare(path, StudyPlan(arms=declared, **{**facts, **changes}))
