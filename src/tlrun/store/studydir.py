"""What a sweep was to answer, and by which rule, as it was declared before its first run.

    <runs_dir>/.studies/<id>.json
      {"plan": {…}, "digest": "…", "declared": "2026-01-31T12:00:00.000+00:00"}

There is one study for each problem of a sweep. Its id is that of the problem and of the settings
asked for, whatever the seeds and the order, so that more seeds later are the same study. What is
declared once stands: nothing here writes a file anew. The digest is sha256 of the plan as JSON with
sorted keys and no blanks, so that a plan edited by hand is noticed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import strict
from tlrun.store.files import read_json, write_json
from tlrun.store.locks import locked

HOME = ".studies"
LOOKS = (5, 10, 20, 40)  # after how many seeds the results of seeds=auto are looked at
AS_DECLARED = "a study as it was declared"
TO_MEND = "put the file back as it was, or move it away to declare the study anew"
# what JSON of another shape may raise
BROKEN = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Arm:
    """One way of learning that a study compares: all runs of one family, whatever their λ and seed.

    label: what tells it from the other arms. settings: the ids of its settings, one a λ, sorted.
    lams: its λ as they are written, the smallest first; none where λ decides nothing. controls: the
    settings that each of its controls has, by name: one, or one a λ where its λ is the arm's.
    """

    strategy: str
    label: str
    family: str
    settings: tuple[str, ...]
    lams: tuple[str, ...]
    controls: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Trials:
    """The trials of one setting, of an arm or a control, of which validation chooses one a seed.

    rates: the learning rates, the smallest first. settings: the id of the setting at each; the
    first of them stands for all, wherever else the plan names the setting.
    """

    rates: tuple[float, ...]
    settings: tuple[str, ...]


@dataclass(frozen=True)
class StudyPlan:
    """The plan of one study.

    problem: its id (`runs/identity.py`). dataset: the name of the data set. metric: that of the
    headline, such as "target accuracy". seeds: all asked for, sorted. looks: after how many seeds
    seeds=auto looks at the results; empty where the number of seeds was given. alpha: the error of
    a verdict over all arms, in (0, 0.5). delta: a gain within ±delta is none; None for no such
    bound. command: the command line that makes the sweep again. runs, finished_before: how many
    runs, controls too, were planned as it was declared, and how many of them had finished already.
    tuning: the trials of every setting that learns by a rate, arms and controls alike; None where
    nothing is tuned. declared: when, in ISO form; empty where it is not declared yet.
    """

    problem: str
    dataset: str
    metric: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    looks: tuple[int, ...]
    alpha: float
    delta: float | None
    command: str
    runs: int
    finished_before: int
    tuning: tuple[Trials, ...] | None = None
    declared: str = ""

    @property
    def id(self) -> str:
        """12 hexadecimal digits, of the problem, the settings asked for and their trials."""
        asked = [setting for arm in self.arms for setting in arm.settings]
        return study_id(self.problem, asked, self.tuning)

    @property
    def settings(self) -> frozenset[str]:
        """Those of its arms, at every rate that is tried."""
        asked = {setting for arm in self.arms for setting in arm.settings}
        return self._at_every_rate(asked)

    @property
    def every_setting(self) -> frozenset[str]:
        """Those of its arms and their controls, at every rate that is tried."""
        lists = (settings for arm in self.arms for settings in arm.controls.values())
        return self.settings | self._at_every_rate(
            {each for settings in lists for each in settings}
        )

    def _at_every_rate(self, settings: Collection[str]) -> frozenset[str]:
        tried = (t.settings for t in self.tuning or () if t.settings[0] in settings)
        return frozenset(settings).union(*tried)

    @property
    def auto(self) -> bool:
        """Whether the results decide the number of seeds."""
        return bool(self.looks)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits, of everything but the time of the declaration."""
        return digest_of_plan(self.content)

    @property
    def content(self) -> dict[str, Any]:
        """The plan as its file holds it."""
        content: dict[str, Any] = strict(dataclasses.asdict(self)) | {"auto": self.auto}
        del content["declared"], content["runs"]
        if self.tuning is None:  # as plans were before there was tuning
            del content["tuning"]
        before = {"finished": self.finished_before, "runs": self.runs}
        return content | {"finished_before": before}


def study_id(
    problem: str, settings: Collection[str], tuning: Collection[Trials] | None = None
) -> str:
    """12 hexadecimal digits of a problem and the settings asked for, in whatever order.

    tuning: as of a plan; without, the id is as it was before there was tuning.
    """
    parts: list[object] = [problem, sorted(set(settings))]
    if tuning is not None:
        parts.append(sorted({t.settings for t in tuning}))
    text = json.dumps(parts)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def digest_of_plan(content: Mapping[str, Any]) -> str:
    """sha256, in hex, of JSON with sorted keys and no blanks, in UTF-8.

    Raises ValueError where `content` holds nan.
    """
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def study_file(runs_dir: Path, study: str) -> Path:
    """Where the study of an id is kept, declared or not yet."""
    return runs_dir / HOME / f"{study}.json"


def declare(runs_dir: Path, plan: StudyPlan) -> StudyPlan:
    """Write a plan down, unless its study is declared already. Returns the one that stands.

    Raises UserError where a file stands that is not as it was declared, OSError where none can be
    written.
    """
    path = study_file(runs_dir, plan.id)
    if path.exists():  # which nobody writes anew, and may be on a disk that is only read
        return read_study(path)
    with locked(runs_dir / ".locks" / f"study_{plan.id}.lock", lambda _: None):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            declared = datetime.now(UTC).isoformat(timespec="milliseconds")
            record = {"plan": plan.content, "digest": plan.digest, "declared": declared}
            write_json(path, record)
    return read_study(path)


def read_study(path: Path) -> StudyPlan:
    """The study in a file.

    Raises UserError where it cannot be read, or is not as it was declared: its digest, or its id,
    the name of the file, does not fit.
    """
    try:
        record = read_json(path)
        content, digest = record["plan"], record["digest"]
        fits = digest_of_plan(content) == digest
        plan = _plan(content, str(record["declared"]))
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise UserError(Mistake(str(path), "a file that can be read", found)) from None
    except BROKEN as error:
        found = f"a file that is damaged ({type(error).__name__}: {error})"
        raise UserError(Mistake(str(path), AS_DECLARED, found, TO_MEND)) from None
    if not fits:
        found = "a plan that has been changed since (its digest does not fit)"
        raise UserError(Mistake(str(path), AS_DECLARED, found, TO_MEND))
    if plan.id != path.stem:
        raise UserError(Mistake(str(path), AS_DECLARED, f"that of study {plan.id}", TO_MEND))
    return plan


def studies(runs_dir: Path) -> list[StudyPlan]:
    """Every study below `runs_dir`, the oldest first, without those of `damaged_studies`."""
    plans = [found for found in _found(runs_dir) if isinstance(found, StudyPlan)]
    return sorted(plans, key=lambda plan: (plan.declared, plan.id))


def damaged_studies(runs_dir: Path) -> list[Mistake]:
    """What is wrong with each file below `runs_dir` that is no study as it was declared."""
    return [found for found in _found(runs_dir) if isinstance(found, Mistake)]


def _found(runs_dir: Path) -> Iterator[StudyPlan | Mistake]:
    """The study of every file, or what is wrong with it."""
    for path in sorted((runs_dir / HOME).glob("[!.]*.json")):
        try:
            yield read_study(path)
        except UserError as error:
            yield from error.mistakes


def _plan(content: Mapping[str, Any], declared: str) -> StudyPlan:
    """The plan that a file holds. Raises one of BROKEN where it holds another thing."""
    arms = []
    for arm in content["arms"]:
        controls = {name: tuple(settings) for name, settings in arm["controls"].items()}
        lists = {key: tuple(arm[key]) for key in ("settings", "lams")}
        arms.append(Arm(**{**arm, **lists, "controls": controls}))
    facts = {key: value for key, value in content.items() if key != "auto"}
    before = content["finished_before"]
    facts |= {"finished_before": before["finished"], "runs": before["runs"]}
    facts |= {key: tuple(content[key]) for key in ("seeds", "looks")}
    if "tuning" in content:
        facts["tuning"] = tuple(
            Trials(tuple(map(float, t["rates"])), tuple(t["settings"])) for t in content["tuning"]
        )
    return StudyPlan(**{**facts, "arms": tuple(arms), "declared": declared})
