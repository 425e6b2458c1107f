"""The runs of a command that is not begun yet, as a table: a row an arm, then a row a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table
from rich.text import Text

from tlrun.config.registry import name_of
from tlrun.core.errors import printable
from tlrun.report.amounts import duration
from tlrun.report.study.terms import spans
from tlrun.runs.identity import lam_decides
from tlrun.runs.plan import THIS, Plan
from tlrun.store.studydir import StudyPlan
from tlrun.sweeps.estimate import Estimate
from tlrun.sweeps.plan import SweepPlan

HEADS = ("run", "λ", "seeds", "runs", "found", "to train", "time")
INDENT = "  "


@dataclass
class Row:
    """The runs of one arm, or of one control. lams: as they are written, in order."""

    name: str
    control: bool
    lams: dict[str, None] = field(default_factory=dict)
    seeds: set[int] = field(default_factory=set)
    paths: list[Path] = field(default_factory=list)

    def add(self, path: Path, plan: Plan) -> None:
        """Count one of its runs."""
        if lam_decides(plan.run):
            self.lams[plan.run.lam.label.replace("inf", "∞")] = None
        self.seeds.add(plan.run.seed)
        self.paths.append(path)


def rows_of(plan: SweepPlan, studies: Sequence[StudyPlan]) -> list[Row]:
    """A row an arm, then a row a control, each with the runs that no row before it has."""
    labels = {(study.problem, arm.family): arm.label for study in studies for arm in study.arms}
    asked = {arms[THIS].run_dir.path for arms in plan.every_arms}
    families = {  # of the first trial, whose the others are
        each.run_dir.path: trials[0][name].family
        for trials in plan.trials
        for arms in trials
        for name, each in arms.items()
    }
    rows: dict[tuple[str, str, bool], Row] = {}
    several = len({study.problem for study in studies}) > 1
    for path, (name, planned) in plan.runs.items():
        control = path not in asked
        default = name_of("strategy", planned.run.strategy)
        label = name if control else labels.get((planned.problem, families[path]), default)
        if several and control:
            label = f"{label}, {name_of('dataset', planned.run.dataset)}"
        key = (label, families[path], control)
        rows.setdefault(key, Row(label, control)).add(path, planned)
    return list(rows.values())


def _in_all(left: Estimate) -> str:
    """The time of all runs; at least that of those of which it is known."""
    known = left.count("none") < len(left.costs)
    if not known:
        return "?"
    return f"{'> ' if left.count('none') else ''}{duration(left.seconds())}"


def forecast_table(plan: SweepPlan, studies: Sequence[StudyPlan], left: Estimate) -> Table:
    """A row an arm and a control, and one for all. left: what is to be trained."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in HEADS:
        text = head in ("run", "λ", "seeds")
        table.add_column(head, justify="left" if text else "right", no_wrap=not text)
    rows = rows_of(plan, studies)
    headed = False
    for row in rows:
        if row.control and not headed:
            headed = True
            table.add_row(Text("controls", style="italic"))
        missing = [path for path in row.paths if path not in plan.existing]
        known = all(left.costs[path].seconds is not None for path in missing)
        table.add_row(
            Text(printable(f"{INDENT if row.control else ''}{row.name}"), overflow="fold"),
            ", ".join(row.lams) or "–",
            spans(sorted(row.seeds)),
            str(len(row.paths)),
            str(len(row.paths) - len(missing)),
            str(len(missing)),
            (duration(left.seconds(missing)) if known else "?") if missing else "–",
        )
    if len(rows) > 1:
        every = [len(plan.runs), len(plan.existing), len(plan.runs) - len(plan.existing)]
        time = _in_all(left) if left.costs else "–"
        table.add_row("all", "", "", *map(str, every), time, style="bold")
    return table
