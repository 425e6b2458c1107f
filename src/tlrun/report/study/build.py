"""The report of some folders of runs: every study in them, read, compared and put in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.metrics import metric_of
from tlrun.report.answer import DIVERGED, Chart, Figure, Report, Study
from tlrun.report.formatting import unit_of
from tlrun.report.study.arms import Series, series_of
from tlrun.report.study.charts import label_chart, lam_chart, steps_chart
from tlrun.report.study.compare import LEVEL, Row, rows_of
from tlrun.report.study.controls import control_rows
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.facts import apart, cost, question, scope, telling, tested
from tlrun.report.study.folder import Folder, read_folders
from tlrun.report.study.grouping import Grouped, grouped
from tlrun.report.study.multitask import heads_apart, matrices, task_tables, tasks_up
from tlrun.report.study.peak import peaks
from tlrun.report.study.sentences import answer
from tlrun.report.study.terms import Terms, deviations, terms_of, unusable
from tlrun.report.study.tuning import rates_chosen, tuning, tuning_warnings, with_rates
from tlrun.report.study.versus import versus
from tlrun.report.study.warnings import warnings
from tlrun.runs.outcome import Outcome
from tlrun.store.found import FoundRun

WORDS = {
    "HELPS": "better than every control that decides, each by an interval above 0",
    "HURTS": "worse than at least one control that decides, by an interval below 0: negative "
    "transfer",
    "SAME": "within the smallest difference of interest of every control that decides",
    DIVERGED: "a run of it ended far worse than one answer for all examples: no word rests on it, "
    "for that would be a word on the learning rate",
    "UNCLEAR": "none of these is shown, which does not show that there is no effect",
}


def build_report(paths: Sequence[Path], ids: Collection[str] | None = None) -> Report:
    """What the runs below `paths` answer.

    ids: of the studies that are asked about; None: all that there are. Raises UserError where no
    run is finished.
    """
    folders = read_folders(paths)
    studies = [study for folder in folders for study in studies_of(folder, ids)]
    if not studies:
        found = ", ".join(str(path) for path in paths)
        hint = "what became of its runs: tl-run ls"
        raise UserError(Mistake("report", "a finished run", f"none in {found}", hint))
    return Report(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("tl-run"),
        runs_dir=", ".join(str(folder.runs_dir) for folder in folders),
        runs=sum(len(folder.finished) for folder in folders),
        words=WORDS,
        studies=tuple(studies),
    )


def studies_of(folder: Folder, ids: Collection[str] | None = None) -> list[Study]:
    """The studies of a folder that a chosen run is part of, the newest first; of `ids` only."""
    evidence = Evidence()
    chosen = [
        study
        for study in grouped(folder)
        if (ids is None or study.id in ids)
        and any(folder.asked(run.path) for run in (*study.runs, *study.trials))
    ]
    told = telling({study.problem: study.runs[0] for study in chosen})
    unfinished = unfinished_of(folder, [study.problem for study in chosen])
    built = []
    for study in chosen:
        left = unfinished.pop(study.problem, [])
        built.append(_study(study, told[study.problem], left, folder, evidence))
    return built


def unfinished_of(folder: Folder, problems: Sequence[str]) -> dict[str, list[FoundRun]]:
    """The runs that are not finished, by problem; those that do not tell theirs, by the first."""
    found: dict[str, list[FoundRun]] = {}
    for run in folder.unfinished:
        problem = str(run.record.get("problem", problems[0] if problems else ""))
        found.setdefault(problem, []).append(run)
    return found


def _study(
    study: Grouped,
    told: Mapping[str, str],
    unfinished: Sequence[FoundRun],
    folder: Folder,
    evidence: Evidence,
) -> Study:
    """One study. told: the options that tell its data set from others'."""
    whole, folder = folder, study.tuned or folder
    series = [one for axis in study.axes for one in series_of(axis, folder)]
    first = series[0].first
    metric = first.result["headline"]["name"]
    terms = terms_of(study, series)
    rows = with_rates(rows_of(series, terms, evidence, folder), study.plan)
    verdict, *more = _sentences(study, series, rows, terms, evidence)
    units = evidence.units(first)
    tested_rows = 0 if units is None else len(units.rows)
    return Study(
        id=study.id,
        problem=study.problem,
        dataset=first.path.parent.parent.name,
        question=question(first, told),
        verdict=verdict,
        more=tuple(more),
        metric=metric,
        unit=unit_of(metric),
        better=_better(metric),
        n=min(len(one.runs) for one in series),
        arms_planned=terms.arms,
        alpha=terms.alpha,
        delta=terms.delta,
        look=study.look,
        tested_rows=tested_rows,
        declared="" if study.plan is None else study.plan.declared,
        deviations=(*deviations(study, series, folder.records), *unusable(folder.runs_dir)),
        warnings=(
            *warnings(study, rows, terms, tested_rows, evidence),
            *tuning_warnings(study.plan, rows, whole),
        ),
        arms=tuple(row.arm for row in rows),
        charts=tuple(_charts(study, series, evidence)),
        tasks=tuple(task_tables(series, evidence)),
        matrices=tuple(matrices(series)),
        tested=tested(first, evidence),
        others=apart(study.others, unfinished),
        scope=scope(series, evidence, folder, tested_rows),
        cost=(*_facts(study, rows), *heads_apart(series)),
        command="" if study.plan is None else study.plan.command,
    )


def _better(metric: str) -> Literal["higher", "lower"]:
    """Which scores are better, the higher or the lower."""
    known = metric_of(metric)
    return "higher" if known is None or known.higher_is_better else "lower"


def _facts(study: Grouped, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """What a study has cost, trials that were not chosen included, and how it was tuned."""
    arms = frozenset[str]() if study.plan is None else study.plan.settings
    of_arms = [run for run in study.trials if run.setting in arms]
    of_controls = [run for run in study.trials if run.setting not in arms]
    of_rows = [run for row in rows for run in row.series.runs.values()]
    asked, others = [*study.runs, *of_arms], [*of_rows, *of_controls]
    yield from cost(asked, others)
    yield from tuning(study.plan, [*asked, *others])
    yield from rates_chosen(rows)


def _sentences(
    study: Grouped,
    series: Sequence[Series],
    rows: Sequence[Row],
    terms: Terms,
    evidence: Evidence,
) -> Iterator[str]:
    """The verdict, then each arm, arm against arm, the tasks, and how strong."""
    metric = series[0].first.result["headline"]["name"]
    verdict, more = answer([row.arm for row in rows if row.arm.role == "arm"], metric)
    yield verdict
    yield from more
    yield from versus(rows, terms.alpha, evidence)
    yield from _tasks_up(series, metric)
    yield from peaks(study.axes, terms, evidence)


def _tasks_up(series: Sequence[Series], metric: str) -> Iterator[str]:
    """Of tasks without a score in common, how many gain in each arm."""
    if metric_of(metric) is None:
        for one in series:
            if up := tasks_up(one):
                yield f"{one.label.replace('_', ' ')}: {up} over learning each task alone."


def _charts(study: Grouped, series: Sequence[Series], evidence: Evidence) -> Iterator[Chart]:
    def score(runs: Sequence[Outcome]) -> Figure:
        found = evidence.score(runs)
        return Figure("–", n=len(runs)) if found is None else found.figure(LEVEL, signed=False)

    controls = [one for one in control_rows(series) if one.first.result["size"] is not None]
    yield from lam_chart(study.axes, controls, score)
    yield from label_chart(series, score)
    yield from steps_chart(series)
