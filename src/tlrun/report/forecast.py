"""What a command would do, as its --dry-run says it: runs, studies, time and disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.amounts import counted, duration, size
from tlrun.report.forecast_table import INDENT, forecast_table
from tlrun.report.statistics.verdict import FEWEST_SEEDS
from tlrun.runs.plan import THIS
from tlrun.store.studydir import StudyPlan, read_study, study_file
from tlrun.sweeps.estimate import Basis, Estimate
from tlrun.sweeps.plan import SweepPlan


@dataclass(frozen=True)
class Forecast:
    """What a command would do.

    plan: its runs. studies: those it would declare; none of a run alone. left: what is to be
    trained. processes: how many at once; 0 where one does all, None where a launcher of Hydra's
    decides. looks: of seeds=auto. load: how many processes want a core now, of `cores`.
    """

    plan: SweepPlan
    studies: Sequence[StudyPlan]
    left: Estimate
    processes: int | None
    looks: Sequence[int] = ()
    load: float = 0.0
    cores: int = 1


def forecast(foreseen: Forecast) -> RenderableType:
    """Everything but the command itself."""
    lines = [Text(""), *_lines(foreseen)]
    table = forecast_table(foreseen.plan, foreseen.studies, foreseen.left)
    return Group(table, *lines)


def _lines(foreseen: Forecast) -> Iterator[Text]:
    for line in (
        *_sharing(foreseen),
        *_looks(foreseen),
        *_study_lines(foreseen),
        *_time(foreseen),
        *_disk(foreseen),
    ):
        yield Text(printable(line))


def _sharing(foreseen: Forecast) -> Iterator[str]:
    """How many runs are named, and which are done once."""
    plan, shared = foreseen.plan, foreseen.left.shared
    named = sum(len(arms) for arms in plan.every_arms)
    if named > len(plan.runs):
        used = Counter(each.run_dir.path for arms in plan.every_arms for each in arms.values())
        common = sum(count > 1 for count in used.values())
        jobs = len(plan.arms)
        yield (
            f"shared runs: {jobs} jobs name {named} runs, controls included; {common} of the "
            f"{len(plan.runs)} are those of several jobs, and done once."
        )
    if shared.uses:
        yield (
            f"shared stages: {shared.train} trained once, {shared.kept} there already; "
            f"started from {_times(shared.uses)}."
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _looks(foreseen: Forecast) -> Iterator[str]:
    """What each look of seeds=auto comes to, if it is reached."""
    plan, left = foreseen.plan, foreseen.left
    for number, seeds in enumerate(foreseen.looks, start=1):
        paths = [path for path, (_, each) in plan.runs.items() if each.run.seed < seeds]
        missing = [path for path in paths if path not in plan.existing]
        took = duration(left.elapsed(foreseen.processes or 1, missing))
        until = "" if number == 1 else f", if look {number - 1} does not settle it"
        yield (
            f"look {number}: {seeds} seeds, {len(paths)} runs in all, {len(missing)} to train, "
            f"about {took}{until}."
        )


def _study_lines(foreseen: Forecast) -> Iterator[str]:
    """What each study is, and whether it can give a word."""
    for study in foreseen.studies:
        runs_dir = foreseen.plan.arms[0][THIS].run.runs_folder
        path = study_file(runs_dir, study.id)
        state = "new"
        standing = study
        if path.exists():
            standing = read_study(path)
            state = f"declared {standing.declared[:16].replace('T', ' ')}"
        delta = "none" if standing.delta is None else f"{standing.delta:g}"
        yield (
            f"study {study.id} ({state}): {study.metric} on {study.dataset}, "
            f"{counted(sum(len(arm.settings) for arm in study.arms), 'arm')}, "
            f"{len(study.seeds)} seeds, "
            f"α {standing.alpha:g}, δ {delta}."
        )
        for arms, names in _by_controls(study).items():
            over = f"over {'; '.join(names)}" if names else "no control, and so no word"
            yield f"{INDENT}{'; '.join(arms)}: {over}"
        if len(study.seeds) < FEWEST_SEEDS:
            yield (
                f"{INDENT}no word (HELPS, HURTS, SAME, UNCLEAR): it takes {FEWEST_SEEDS} seeds, "
                f"as with seeds={FEWEST_SEEDS}"
            )
        else:
            yield (
                f"{INDENT}a word for each arm (HELPS, HURTS, SAME, UNCLEAR) is possible: "
                f"{FEWEST_SEEDS} seeds or more"
            )


def _by_controls(study: StudyPlan) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """The arms that share their controls, by name; all together where all do."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for arm in study.arms:
        groups.setdefault(tuple(arm.controls), []).append(arm.label)
    if len(groups) == 1 and len(study.arms) > 1:
        return {("every arm",): next(iter(groups))}
    return {tuple(arms): names for names, arms in groups.items()}


def _time(foreseen: Forecast) -> Iterator[str]:
    """How long it takes, and how that is known."""
    left = foreseen.left
    if not left.costs:
        yield "time: nothing is left to train; all runs are found."
        return
    known = [path for path, cost in left.costs.items() if cost.seconds is not None]
    if not known:
        yield "time: no basis: no run of the kind has finished here, and none could be timed."
        return
    alone = duration(left.seconds())
    took = alone
    if foreseen.processes is None:
        how = "one after another; the launcher decides how many run at once"
    elif foreseen.processes < 2:
        took = duration(left.elapsed(foreseen.processes))
        how = "one run after another"
    else:
        took = duration(left.elapsed(foreseen.processes))
        how = f"{alone} of training, {foreseen.processes} processes at once"
    least = "about" if len(known) == len(left.costs) else "more than"
    yield f"time: {least} {took} ({how}), and what starting PyTorch takes."
    if foreseen.load > foreseen.cores:
        yield (
            f"{INDENT}this machine is busy now (load {foreseen.load:.1f} on "
            f"{counted(foreseen.cores, 'core')}): longer, while that lasts"
        )
    sources: dict[Basis, str] = {
        "same": f"{{}} from {counted(left.same, 'finished run')} of the same kind",
        "timed": "{} from steps timed now",
        "nearest": "{} from the nearest finished or timed runs",
        "none": "{} not counted, for want of any like it",
    }
    parts = [text.format(n) for basis, text in sources.items() if (n := left.count(basis))]
    yield f"{INDENT}of the {len(left.costs)} runs to train: {'; '.join(parts)}"


def _disk(foreseen: Forecast) -> Iterator[str]:
    """How much is written."""
    left = foreseen.left
    unknown = sum(cost.size is None for cost in left.costs.values())
    if left.costs and unknown == len(left.costs):
        yield "disk: no basis, as for the time."
    elif left.costs:
        more = f", without {unknown} runs of which nothing is known" if unknown else ""
        yield f"disk: about {size(left.size)}: run folders and shared stages{more}."
