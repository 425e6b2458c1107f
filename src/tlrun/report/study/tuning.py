"""What is said of the learning rate of a study: how it was tuned, which rates were chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tlrun.core.errors import printable
from tlrun.report.study.compare import Row
from tlrun.report.study.facts import report_rows
from tlrun.report.study.folder import Folder
from tlrun.report.study.trials import lacking_trials
from tlrun.runs.outcome import Outcome
from tlrun.store.studydir import StudyPlan

NO_RATE = "learns by no learning rate: one trial"


def tuning(plan: StudyPlan | None, runs: Sequence[Outcome]) -> Iterator[tuple[str, str]]:
    """How the learning rate of every arm came about, as a name and a text.

    runs: all that are in a figure, trials that were not chosen too. Nothing where none learns by a
    rate.
    """
    rates = sorted({float(run.optimizer["lr"]) for run in runs if "lr" in run.optimizer})
    if plan is not None and plan.tuning:
        counts = sorted({len(trials.rates) for trials in plan.tuning})
        many = " or ".join(map(str, counts))
        tried = sorted({rate for trials in plan.tuning for rate in trials.rates})
        of = f"optimizer.lr of {many} rates ({', '.join(map(_written, tried))})"
        yield "tuning", f"{of} by validation loss, seed by seed, each arm and control alike"
    elif rates:
        alike = "the same for every arm" if len(rates) == 1 else "not the same for every arm"
        said = ", ".join(map(_written, rates))
        yield "tuning", f"none: learning rate {said}, {alike}"


def with_rates(rows: Sequence[Row], plan: StudyPlan | None) -> list[Row]:
    """The rows with what was chosen in each, where there was a choice, and by how many labels."""
    if plan is None or plan.tuning is None:
        return list(rows)
    found = []
    for row in rows:
        said, labels = _chosen(row, plan), row.arm.labels
        if said != NO_RATE:
            labels = _labels_used(row.series.first)
        found.append(replace(row, arm=replace(row.arm, tuned=said, labels=labels)))
    return found


def rates_chosen(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Which rates were chosen how often, arm by arm, as a name and a text; nothing where none.

    What learns by no rate is left out.
    """
    said = [f"{_name(row)}: {row.arm.tuned}" for row in rows if row.arm.tuned not in ("", NO_RATE)]
    if said:
        yield "rates chosen", printable("; ".join(said))


def tuning_warnings(plan: StudyPlan | None, rows: Sequence[Row], folder: Folder) -> Iterator[str]:
    """Of rates at an end of the list, and of seeds that lack a trial.

    folder: as it is read, with every trial.
    """
    if plan is None:
        return
    at_end: dict[str, list[str]] = {}
    for row in rows:
        runs = row.series.runs.values()
        for end, word in zip(_ends(row, plan), ("lowest", "highest"), strict=True):
            count = sum(run.optimizer.get("lr") == end for run in runs)
            if end is not None and len(runs) > 1 and 2 * count > len(runs):
                at_end.setdefault(f"{word} rate that was tried ({_written(end)})", []).append(
                    f"{_name(row)} ({count} of {len(runs)})"
                )
    for which, names in at_end.items():
        yield printable(
            f"Most seeds chose the {which}, and the best rate may lie beyond: {', '.join(names)}."
        )
    labels = {setting: arm.label for arm in plan.arms for setting in arm.settings}
    for lacking in lacking_trials(folder, plan):
        rates = ", ".join(map(_written, lacking.rates))
        yield printable(
            f"{labels.get(lacking.setting, lacking.strategy)}, seed {lacking.seed}: no finished "
            f"run at learning rate {rates}, so that none is chosen, and the seed is missing."
        )


def _chosen(row: Row, plan: StudyPlan) -> str:
    """Which rates the runs of a row have, the most frequent first."""
    if _ends(row, plan) == (None, None):
        return NO_RATE
    runs = row.series.runs.values()
    counts = Counter(run.optimizer["lr"] for run in runs).most_common()
    (first, most), *rest = counts
    seeds = f"{len(runs)} seed{'s' * (len(runs) != 1)}"
    said = [f"lr {_written(first)}: {most} of {seeds}"]
    return ", ".join([*said, *(f"{_written(rate)}: {count}" for rate, count in rest)])


def _ends(row: Row, plan: StudyPlan) -> tuple[float | None, float | None]:
    """The lowest and the highest rate that the runs of a row were tried at; None without any."""
    settings = row.series.settings
    for trials in plan.tuning or ():
        if trials.settings[0] in settings:
            return trials.rates[0], trials.rates[-1]
    return None, None


def _labels_used(run: Outcome) -> int:
    """The labels that a run and the choice of its rate have used of what its problem is about.

    Those that validate are among the labels of what trains there; of a run that does not, such as
    source_only, they are all that it has used.
    """
    domains = {name.partition("/")[0] for name in run.result["headline"].get("tasks", {})}
    validating = dict.fromkeys(domains, 0)
    for row in report_rows(run):
        if row["split"] == "val" and row["domain"] in domains:
            validating[row["domain"]] += row["labels"]
    used: Mapping[str, int] = run.result["labels"]
    return sum(used.get(domain, 0) or count for domain, count in validating.items())


def _name(row: Row) -> str:
    """A row as its label has it, with its λ where that is what tells it from others."""
    arm = row.arm
    if arm.lam == "–" or arm.chosen or arm.role != "arm":
        return arm.label
    return f"{arm.label} at λ={arm.lam}"


def _written(rate: float) -> str:
    return f"{rate:g}"
