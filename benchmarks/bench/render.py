"""What is shown: the same tables on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.rounds import Spread, spread
from bench.rows import ROWS
from bench.summary import (
    Record,
    counts,
    gflops,
    headlines,
    learnt,
    part_of,
    peak,
    ratio,
    seconds,
)

NOTES = """\
Made by `make bench` from the JSON files beside it; [how to read it](../README.md).
Medians [least..largest] over n rounds. A ratio above 1 says that tl-run is faster; only after
"takes" it is the part of the other's time that tl-run takes.
"""


@dataclass(frozen=True)
class Sheet:
    """A table, not yet drawn."""

    title: str
    heads: tuple[str, ...]
    lines: list[tuple[str, ...]]


def number(value: float) -> str:
    """With three digits, but whole where it is large."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ranged(values: Spread | None, unit: str = "", scale: float = 1.0) -> str:
    """The median [least..largest]; a dash where there are none."""
    if values is None:
        return "-"
    middle, least, most = (
        number(scale * each) for each in (values.median, values.least, values.largest)
    )
    return f"{middle}{unit} [{least}..{most}]" if values.n > 1 else f"{middle}{unit}"


def sheet(record: Record, records: dict[str, Record]) -> Sheet:
    """One row of the suite, a line for each arm; what has no numbers says why."""
    heads = _heads(record)
    lines = []
    for arm in record["arms"]:
        if counts(arm):
            cells = _cells(record, arm, records)
        else:
            cells = (arm["state"], *[""] * (len(heads) - 2))
        lines.append((arm["name"], *cells))
    title = f"{record['title']} ({record['row']}, n={record['rounds']}{_busy(record)})"
    return Sheet(title, heads, lines)


def _busy(record: Record) -> str:
    """What others made of the machine in the second before."""
    busy = record["busy cores before"]
    return "" if busy is None else f", {busy:.1f} of {record['cores']} cores busy before"


def _heads(record: Record) -> tuple[str, ...]:
    if record["sense"] == "rate":
        return ("arm", "GFLOP/s")
    faster = "tl-run takes" if record["sense"] == "cost" else "tl-run is faster"
    if part_of(record) == "call":
        return ("arm", "CPU s", "wall s", f"{faster} ({record['clock']})")
    return (
        "arm",
        "CPU ms a step",
        "wall ms a step",
        faster,
        "whole call, CPU ms",
        "whole call, faster",
        "GFLOP/s",
        "of matmul",
        "loss",
    )


def _cells(record: Record, arm: Record, records: dict[str, Record]) -> tuple[str, ...]:
    rate = gflops(record, arm)
    if record["sense"] == "rate":
        return (ranged(rate),)
    if part_of(record) == "call":
        cpu, wall = (spread(seconds(arm, clock, "call")) for clock in ("cpu", "wall"))
        against = ranged(ratio(record, arm, "call"), "x")
        return (ranged(cpu if record["cpu known"] else None), ranged(wall), against)
    per_step = 1e3 / record["work"]["steps"]
    most = peak(records, arm["name"], record)
    share = "-" if rate is None or most is None else f"{100 * rate.median / most:.0f} %"
    return (
        ranged(spread(seconds(arm, "cpu", "loop")), scale=per_step),
        number(per_step * spread(seconds(arm, "wall", "loop")).median),
        ranged(ratio(record, arm, "loop"), "x"),
        number(1e3 * spread(seconds(arm, "cpu", "call")).median),
        ranged(ratio(record, arm, "call"), "x"),
        "-" if rate is None else number(rate.median),
        share,
        _loss(record, arm),
    )


def _loss(record: Record, arm: Record) -> str:
    """The largest of all rounds."""
    largest = max(sample["loss"] for sample in arm["samples"])
    return f"{largest:.2g}" + ("" if learnt(record, arm) else ", has not learnt")


def overview(records: Sequence[Record]) -> Sheet:
    """A line for each row: tl-run against the strongest of each kind."""
    heads = ("work", "row", "tl-run", "against the strongest", "ratio", "n")
    lines = []
    for record in records:
        if record["sense"] == "rate":
            continue
        ours = record["arms"][0]
        mine = _time(record, ours) if counts(ours) else ours["state"]
        if counts(ours) and not learnt(record, ours):
            mine += ", has not learnt"
        found = [
            (f"{each.kind}: {each.arm}", _said(record, each.ratio)) for each in headlines(record)
        ]
        for against, said in found or [("-", "-")]:
            lines.append((record["title"], record["row"], mine, against, said, record["rounds"]))
    return Sheet("tl-run", heads, [tuple(map(str, line)) for line in lines])


def _said(record: Record, against: Spread) -> str:
    return ("takes " if record["sense"] == "cost" else "") + ranged(against, "x")


def _time(record: Record, arm: Record) -> str:
    middle = spread(seconds(arm, record["clock"], part_of(record))).median
    clock = "CPU" if record["clock"] == "cpu" else "wall"
    if part_of(record) == "call":
        return f"{number(middle)} s {clock}"
    return f"{number(1e3 * middle / record['work']['steps'])} ms {clock} a step"


def in_order(records: dict[str, Record]) -> list[Record]:
    """As ROWS has them; a row that is no more is left out."""
    return [records[row.name] for row in ROWS if row.name in records]


def show(sheets: Sequence[Sheet]) -> None:
    """On the terminal."""
    console = Console(
        width=None if Console().is_terminal else 240
    )  # the widest of them in one line
    for each in sheets:
        console.print(each.title, style="bold", markup=False, highlight=False)
        table = Table()
        for place, head in enumerate(each.heads):
            table.add_column(head, justify="left" if place == 0 else "right")
        for line in each.lines:
            table.add_row(*line)
        console.print(table)


def markdown(records: dict[str, Record]) -> str:
    """The page of all results."""
    listed = in_order(records)
    first = overview(listed)
    parts = ["# How fast", NOTES, _drawn(first), "## Made on", _origins(listed)]
    for record in listed:
        each = sheet(record, records)
        parts += [f"## {each.title}", _drawn(each)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _drawn(each: Sheet) -> str:
    rule = ["---", *["---:"] * (len(each.heads) - 1)]
    lines = [each.heads, rule, *each.lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _origins(records: Sequence[Record]) -> str:
    """Machine, versions and commit, each once, with the rows that were measured so."""
    made: dict[str, list[str]] = {}
    for record in records:
        versions = ", ".join(f"{name} {found}" for name, found in record["versions"].items())
        day = record["date"][:10]
        where = f"{record['machine']}; Python {record['python']}, {versions}"
        made.setdefault(f"{day}, commit {record['commit']}: {where}", []).append(record["row"])
    return "\n".join(f"- {said}. Rows: {', '.join(rows)}." for said, rows in made.items())
