"""The closing tables: one run with its controls, or many seeds with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.formatting import interval, number, with_unit
from tlrun.report.lambda_axis import ENDS, ENOUGH, Axis, axes, difference, over_end, peaks
from tlrun.report.tasks import run_tasks, sweep_tasks
from tlrun.runs.outcome import Outcome

# columns of the terminal from which on paths, or all gains of a sweep, fit beside each other
WIDE = 130
NARROW = 80  # columns below which steps and examples are left out: a number is never cut
MOST_DOMAINS = 4  # whose labels are told one by one
LEFT = {"run", "setting", "path", ""}  # columns of words; the others hold numbers
# columns where runs differ in size
SIZES = {"parameters": "parameters", "non-zeros": "nonzeros", "FLOPs": "flops"}
SIZE_LEGEND = (
    "FLOPs: of one example's forward pass, 2 a multiply-add of a weight that is not 0; zeros in a dense matrix save no "
    "time. In brackets: of the largest network here."
)
NO_VERDICT = f"Fewer than {ENOUGH} seeds: no verdict."


def link(path: Path) -> Text:
    """A path that can be clicked where the terminal can."""
    return Text(printable(str(path)), style=f"link {path.resolve().as_uri()}", overflow="fold")


def run_table(outcomes: Sequence[Outcome], console: Console) -> RenderableType:
    """One run and its controls: score, gain over each control, and what each cost."""
    this = outcomes[0]
    title = this.result["headline"]["name"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    dense = _dense(outcomes)
    for outcome in outcomes:
        cells = _run_cells(outcome, this, title)
        if len(outcomes) == 1:
            del cells["gain"]
        if console.width < NARROW:
            del cells["steps"], cells["examples"]
        if console.width >= WIDE:
            cells |= _sizes([outcome], dense) | {"path": link(outcome.path)}
        if not table.columns:
            for name in cells:
                table.add_column(
                    name, justify="left" if name in LEFT else "right", no_wrap=name == "run"
                )
        table.add_row(*cells.values(), style="bold" if outcome is this else "")
    domains = (
        "+".join(this.result["labels"])
        if len(this.result["labels"]) <= MOST_DOMAINS
        else "of all domains"
    )
    legend = f"labels: {domains}. examples: drawn in training, all domains together."
    if len(outcomes) > 1:
        legend = f"gain: {this.strategy} minus the control on the same seed; above 0 the control is beaten. {legend}"
    if dense:
        legend = f"{legend} {SIZE_LEGEND}"
    paths = [] if console.width >= WIDE else [line for o in outcomes for line in _below(o, dense)]
    differing = [
        Text(f"{o.name}: made elsewhere ({o.differs})", style="yellow")
        for o in outcomes
        if o.differs
    ]
    return Group(table, *run_tasks(outcomes), Text(""), Text(legend), *paths, *differing)


def _below(outcome: Outcome, dense: Mapping[str, int]) -> Sequence[Text]:
    """What has no column on a narrow terminal: where a run is, and what it weighs."""
    sizes = ", ".join(f"{value} {name}" for name, value in _sizes([outcome], dense).items())
    return [
        Text.assemble(f"{outcome.name}: ", link(outcome.path)),
        *([Text(f"  {sizes}")] if sizes else []),
    ]


def _dense(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """What the largest of the runs costs; empty where all cost the same, and there is nothing to
    tell.
    """
    sizes = [outcome.result["size"] for outcome in outcomes]
    return (
        {key: max(size[key] for size in sizes) for key in SIZES.values()}
        if any(s != sizes[0] for s in sizes)
        else {}
    )


def _sizes(outcomes: Sequence[Outcome], dense: Mapping[str, int]) -> dict[str, str]:
    """The mean size of some runs, and how much of the dense network's it is; none where all runs
    have one size.
    """
    sizes = {
        name: fmean(outcome.result["size"][key] for outcome in outcomes)
        for name, key in SIZES.items()
        if dense
    }
    shares = {name: size / dense[SIZES[name]] for name, size in sizes.items()}
    return {
        name: f"{size:,.0f} ({100 * shares[name]:.0f} %)" if shares[name] < 1 else f"{size:,.0f}"
        for name, size in sizes.items()
    }


def _run_cells(outcome: Outcome, this: Outcome, title: str) -> dict[str, str | Text]:
    result = outcome.result
    return {
        "run": this.strategy if outcome is this else outcome.name,
        "λ": outcome.lam_label or "–",
        f"test {with_unit(title)}": number(title, result["headline"]["test"]),
        "gain": "" if outcome is this else number(title, difference(this, outcome), signed=True),
        "labels": _labels(result["labels"]),
        "steps": str(result["steps"]),
        "examples": f"{result['examples']:,}",
        "s": "found" if outcome.found else f"{outcome.seconds:.1f}",
    }


def _labels(labels: Mapping[str, int]) -> str:
    """Of each domain, or of all where they are many."""
    return (
        "+".join(map(str, labels.values()))
        if len(labels) <= MOST_DOMAINS
        else f"{sum(labels.values()):,}"
    )


def sweep_table(
    answers: Sequence[tuple[str, Sequence[Sequence[Outcome]]]], console: Console
) -> RenderableType:
    """Many seeds: the mean score of each setting (its label, one answer a seed) and its mean gain
    over each control.

    Every figure is a mean ± the half-width of a 95 % t interval over the seeds, paired where it is
    a gain. On a narrow terminal the figures of a setting stand below one another.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    controls = list(
        dict.fromkeys(o.name for _, seeds in answers for answer in seeds for o in answer[1:])
    )
    asked = [answer[0] for _, seeds in answers for answer in seeds]
    along = axes(asked)
    dense = _dense([o for _, seeds in answers for answer in seeds for o in answer])
    mixed = len({run.result["headline"]["name"] for run in asked}) > 1
    rows = [
        _sweep_cells(label, seeds, controls, along, mixed)
        | _sizes([answer[0] for answer in seeds], dense)
        for label, seeds in answers
    ]
    stacked = {name: name.replace(" ", "\n") for name in rows[0]}
    fitting = [
        heads
        for heads in ({name: name for name in stacked}, stacked)
        if _width(heads, rows) <= console.width
    ]
    wide = console.width >= WIDE and bool(fitting)
    for name in rows[0] if wide else ("setting", "λ", "seeds", "", "figure"):
        header = fitting[0][name] if wide else name
        table.add_column(
            header, justify="left" if name in LEFT else "right", overflow="fold", no_wrap=wide
        )
    for cells in rows:
        if wide:
            table.add_row(*cells.values())
            continue
        names, values = list(cells), list(cells.values())
        for k, (name, value) in enumerate(zip(names[3:], values[3:], strict=True)):
            table.add_row(*(values[:3] if k == 0 else ("", "", "")), name, value)
    called = {seeds[0][0].family: printable(label) for label, seeds in reversed(answers)}
    found = [Text(line) for line in peaks(asked, called)]
    over = "over X: gain, the setting minus X on the same seeds. " if controls or along else ""
    legend = Text(
        f"{over}"
        "± 95 % t interval over seeds (draws of labels, weights and order; same test examples), paired for gains, one "
        "interval each, not corrected for the number of arms. All arms have the same optimizer settings."
        f"{' ' + SIZE_LEGEND if dense else ''}"
    )
    enough = min(len(seeds) for _, seeds in answers) >= ENOUGH
    verdict = "A gain whose interval lies above 0 helps; below 0 hurts." if enough else NO_VERDICT
    differing = dict.fromkeys(
        o.differs for _, seeds in answers for answer in seeds for o in answer if o.differs
    )
    marks = [
        Text(f"some runs were made elsewhere ({differs})", style="yellow") for differs in differing
    ]
    return Group(table, *sweep_tasks(answers), Text(""), *found, legend, Text(verdict), *marks)


def _width(heads: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> int:
    """The columns of a terminal that a table needs if nothing in it is to be broken but where its
    `heads` are.
    """
    widest = [
        max(map(len, [*head.split("\n"), *(row[name] for row in rows)]))
        for name, head in heads.items()
    ]
    return sum(widest) + 2 * (len(widest) - 1)


def _sweep_cells(
    label: str,
    seeds: Sequence[Sequence[Outcome]],
    controls: Sequence[str],
    along: Mapping[str, Axis],
    mixed: bool,
) -> dict[str, str]:
    """mixed: whether other settings are scored otherwise, so that every score has to say what it
    is.
    """
    title = seeds[0][0].result["headline"]["name"]
    scores = [answer[0].result["headline"]["test"] for answer in seeds]
    gains = {
        name: [difference(answer[0], o) for answer in seeds for o in answer[1:] if o.name == name]
        for name in controls
    }
    axis = along.get(seeds[0][0].family, {})
    wanted = [end for end in ENDS if any(end in other for other in along.values())]
    ends = {
        end: [over for answer in seeds if (over := over_end(answer[0], axis, end)) is not None]
        for end in wanted
    }
    return {
        "setting": printable(label),
        "λ": seeds[0][0].lam_label or "–",
        "seeds": str(len(seeds)),
        **(
            {"test": f"{with_unit(title)} {interval(title, scores)}"}
            if mixed
            else {f"test {with_unit(title)}": interval(title, scores)}
        ),
        **{f"over {name}": interval(title, each, True, len(seeds)) for name, each in gains.items()},
        **{
            f"over {ENDS[end]}": interval(title, each, True, len(seeds))
            for end, each in ends.items()
        },
    }
