"""What the figures of a study rest on: its data, the scope of its intervals, what it has cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tlrun.core.metrics import TARGET
from tlrun.core.problem import known
from tlrun.core.task import short_names
from tlrun.report.answer import OtherRun, Tested
from tlrun.report.formatting import number
from tlrun.report.study.arms import Series
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.folder import Folder
from tlrun.report.study.labels import config_of
from tlrun.runs.outcome import Outcome
from tlrun.store.found import FoundRun


def question(run: Outcome, told: Mapping[str, str]) -> str:
    """What a study asks, in a line. told: options of its data set that tell it from others."""
    name = run.path.parent.parent.name
    options = ", ".join(f"{key}={value}" for key, value in told.items() if value != "null")
    data = f"{name} ({options})" if options else name
    if run.result["headline"]["name"].startswith(TARGET):
        return f"Does transferring help on {data}, how strong, does it hurt?"
    return f"Does learning the tasks of {data} together help, how strong, does it hurt?"


def tested(run: Outcome, evidence: Evidence) -> tuple[Tested, ...]:
    """The test examples of each task that a run is judged by."""
    about = evidence.about(run)
    found = []
    for key, name in short_names(about).items():
        one = about[key]
        labels = one.labels[known(one.labels)]
        counts = {label: int((labels == k).sum()) for k, label in enumerate(one.task.classes)}
        found.append(Tested(name, len(labels), counts))
    return tuple(found)


def scope(series: Sequence[Series], evidence: Evidence, folder: Folder, rows: int) -> str:
    """What the intervals of a study cover, and what not, in a sentence or two."""
    run = series[0].first
    drawn, pool = _drawn(run)
    over = "initial weights and the order of examples"
    if len({folder.records[each.path].get("data") for each in series[0].runs.values()}) > 1:
        over = f"draws of {drawn:,} labels from this pool, {over}"
        if pool > drawn:
            over = over.replace("this pool", f"this pool of {pool:,} rows")
    one = next(iter(evidence.about(run).values()), None)
    sources = any(role == "source" for role, _, _ in _trained(run))
    where = "this source and this data set" if sources else "this data set"
    if one is not None and one.folds is not None:
        new = "new rows of new groups" if one.groups is not None else "new rows"
        return (
            f"Intervals are over {over}, and over {new}: of these fold models, and not of what "
            f"another table would train. They hold for {where}."
        )
    apart = len({each.test_examples for each in series[0].runs.values()}) > 1
    examples = (
        "and every seed's own test examples"
        if apart
        else f"and new test examples like these {rows:,}"
    )
    return f"Intervals are over {over}, {examples}. They hold for {where}."


def _trained(run: Outcome) -> list[tuple[str, int, int]]:
    """Of each domain and task that is trained on: its role, the labels used, and those not."""
    return [(row["role"], row["labels"], row.get("not bought", 0)) for row in report_rows(run)]


def report_rows(run: Outcome) -> list[Mapping[str, Any]]:
    """The rows of a run's load report that have its labels, by domain, task and split.

    None where it is missing or damaged.
    """
    try:
        report: Mapping[str, Any] = run.json("data.json")
        rows = [row for row in report["splits"] if row["split"] in ("train", "val")]
        _ = [(row["role"], row["domain"], row["labels"] + 0) for row in rows]  # all there
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return rows


def _drawn(run: Outcome) -> tuple[int, int]:
    """How many labels are drawn of those that a problem is about, and of how many where known."""
    trained = _trained(run)
    if any(role == "target" for role, _, _ in trained):
        trained = [row for row in trained if row[0] == "target"]
    used = sum(labels for _, labels, _ in trained)
    return used, used + sum(left for _, _, left in trained)


def cost(asked: Sequence[Outcome], others: Sequence[Outcome]) -> Iterator[tuple[str, str]]:
    """What a study has taken, as names and texts.

    asked: all runs of its arms, of those λ and rates too that validation did not choose. others: of
    rows, and the trials of their controls.
    """
    every = {run.path: run for run in (*asked, *others)}.values()
    labels: dict[str, int] = {}  # the most that a run has used of each domain
    for run in asked:
        for domain, count in run.result["labels"].items():
            labels[domain] = max(count, labels.get(domain, 0))
    yield "labels", ", ".join(f"{count:,} {domain}" for domain, count in labels.items())
    seconds = sum(run.seconds for run in every)
    controls = len(every) - len({run.path for run in asked})
    yield "runs", f"{len(every):,} ({controls:,} of them controls), {_time(seconds)} of computing"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def apart(finished: Sequence[Outcome], unfinished: Sequence[FoundRun]) -> tuple[OtherRun, ...]:
    """Runs in no figure of a study: finished ones of its problem, and unfinished ones."""
    found = []
    for run in finished:
        headline = run.result["headline"]
        score = number(headline["name"], headline["test"])
        found.append(OtherRun("/".join(run.path.parts[-3:]), "finished", score, "not of the plan"))
    for other in unfinished:
        why = str(other.record.get("reason", ""))
        if other.status == "damaged":
            why = other.damage
        elif other.status == "finished":
            why = "its files are damaged, or an older tl-run's"
        path = f"{other.run_dir.group}/{other.run_dir.name}"
        found.append(OtherRun(path, other.status, "–", why))
    return tuple(found)


def telling(runs: Mapping[str, Outcome]) -> dict[str, dict[str, str]]:
    """The options of each problem's data set in which it differs from the others, by problem.

    runs: one of each problem.
    """
    configs = {problem: config_of(run) for problem, run in runs.items()}
    found: dict[str, dict[str, str]] = {}
    for problem, config in configs.items():
        found[problem] = {}
        for key, value in config.items():
            if not key.startswith("dataset.") or key == "dataset.name":
                continue
            others = [
                other.get(key)
                for other in configs.values()
                if other.get("dataset.name") == config.get("dataset.name")
            ]
            if key == "dataset.path" or any(other != value for other in others):
                found[problem][key.removeprefix("dataset.")] = value
    return found
