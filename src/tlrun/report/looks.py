"""seeds=auto: whether the arms of a sweep have their word, or would hardly get one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tlrun.report.statistics.sequential import decision
from tlrun.report.study.arms import series_of
from tlrun.report.study.compare import rows_of
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.folder import Folder, read_folders
from tlrun.report.study.grouping import Grouped, grouped
from tlrun.report.study.terms import terms_of
from tlrun.store.studydir import StudyPlan
from tlrun.sweeps.looks import Decision

GO_ON = "go on"
WORDS = {  # of what follows for an arm
    "stop: decided": "decided",
    "stop: futile": "hardly to be decided by more seeds",
    "stop: last look": "undecided",
    GO_ON: "open",
}


def settled(studies: Sequence[StudyPlan], runs_dir: Path, look: int) -> Decision:
    """Whether a look at the results of some studies is the last one.

    studies: as they were declared, of seeds=auto. look: after how many seeds. A sweep goes on while
    one of its arms does, for all arms get the same seeds.
    """
    (folder,) = read_folders([runs_dir])
    evidence = Evidence()
    ids = {study.id for study in studies}
    counts: Counter[str] = Counter()
    for study in grouped(folder):
        if study.id in ids:
            counts += _decisions(study, folder, evidence, look)
    said = ", ".join(f"{counts[what]} {word}" for what, word in WORDS.items() if counts[what])
    arms = "arm" if counts.total() == 1 else "arms"
    return Decision(GO_ON not in counts, f"of {counts.total()} {arms} {said}")


def _decisions(study: Grouped, folder: Folder, evidence: Evidence, look: int) -> Counter[str]:
    """How many arms of a study are decided, futile, or to go on."""
    folder = study.tuned or folder
    series = [one for axis in study.axes for one in series_of(axis, folder)]
    terms = terms_of(study, series)
    alpha = terms.alpha if study.plan is None else study.plan.alpha
    counts: Counter[str] = Counter()
    for row in rows_of(series, terms, evidence, folder):
        if row.arm.role == "arm":
            found = decision(
                row.verdict,
                row.compared,
                look=look,
                alpha=alpha,
                arms=terms.arms,
                delta=terms.delta,
            )
            counts[found.what] += 1
    return counts
