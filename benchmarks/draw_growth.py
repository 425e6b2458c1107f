"""Draw what benchmarks/growth.py has measured, for docs/performance.md.

    python benchmarks/draw_growth.py                     results/growth -> docs/images/performance
    python benchmarks/draw_growth.py --from FOLDER --to FOLDER

Of every JSON file two pictures, over the size: wall seconds and memory, a curve for each phase:
medians, with a line from the least to the largest of each point. Of many_tasks.json (from
many_tasks.py) one, ms of a step over the tasks; of folder.json (from growth_runs.py) two.

Both axes are logarithmic, so a slope is an exponent; it stands beside each curve, of the upper half
of its sizes. SVG without a script or a font: text is text, and colours follow light and dark.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from growth import GROWTH, exponent, medians
from tlrun.report.page.placing import spread
from tlrun.report.page.scales import Scale
from tlrun.report.page.svg import drawing, element, mark, path, stroke

PICTURES = Path(__file__).parents[1] / "docs" / "images" / "performance"
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640, 64, 432, 44, 264
HEIGHT, GAP = 320, 32
# those of the report's page
STYLE = """
svg { --paper: #fbfaf6; --ink: #1c1b19; --soft: #605d57; --grid: #e7e4dc;
  --c0: #1f5fa8; --c1: #a8480f; --c2: #0f6e6a; --c3: #7a3fa0;
  font-size: 13px; font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans",
  sans-serif; }
@media (prefers-color-scheme: dark) { svg { --paper: #161614; --ink: #ecebe6; --soft: #aeaba3;
  --grid: #33322e; --c0: #85b6ef; --c1: #f0a06a; --c2: #62c7bf; --c3: #cda0ee; } }
.paper { fill: var(--paper); } text { fill: var(--ink); } .soft { fill: var(--soft); }
.title { font-size: 14px; font-weight: 650; } .grid { stroke: var(--grid); }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.curve { fill: none; stroke-width: 2; } .range { stroke-width: 1.5; }
.k0 { stroke: var(--c0); } .k1 { stroke: var(--c1); } .k2 { stroke: var(--c2); }
.k3 { stroke: var(--c3); } .m0 { fill: var(--c0); } .m1 { fill: var(--c1); }
.m2 { fill: var(--c2); } .m3 { fill: var(--c3); }
"""
Record = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One picture of a case. number: that is drawn, over `over`, in `unit`, called `title`."""

    name: str
    number: str
    over: float
    unit: str
    title: str


MEMORY = Kind("memory", "together", 2.0**20, "MiB", "memory of all processes at most, MiB")
KINDS = (Kind("seconds", "wall", 1.0, "s", "wall seconds"), MEMORY)
OF_FOLDER = (Kind("seconds", "cpu", 1.0, "s", "CPU seconds"), MEMORY)
OF_TASKS = (Kind("step", "cpu", 1.0, "ms", "CPU milliseconds"),)
# of what growth_runs.py measures, the commands that are drawn, and what they are called
COMMANDS = {"again": "sweep, found again", "report": "report", "ls": "ls", "show": "show"}


def picture(record: Record, kind: Kind) -> str:
    """The SVG of one number of a record."""
    curves = {
        phase: {
            size: value / kind.over for size, value in medians(record, phase, kind.number).items()
        }
        for phase, points in record["points"].items()
        if points
    }
    sizes = sorted({size for curve in curves.values() for size in curve})
    values = [value for curve in curves.values() for value in curve.values()]
    x = Scale(
        math.log10(sizes[0]), math.log10(sizes[-1] + (len(sizes) == 1)), LEFT + 16, RIGHT - 16
    )
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    y = Scale(low, max(high, low + 1), BOTTOM, TOP)
    drawn = [
        element("style", " ".join(STYLE.split())),
        element("rect", width="100%", height="100%", class_="paper"),
    ]
    heading = f"{record['title'][0].upper()}{record['title'][1:]}: {kind.title}"
    drawn.append(element("text", heading, x=12.0, y=22.0, class_="title"))
    drawn += _axes(x, y, sizes, record["unit"], kind.unit)
    ends = [y.at(math.log10(curve[max(curve)])) for curve in curves.values()]
    places = spread(ends, GAP, TOP, BOTTOM - 16)
    said = []
    for number, (phase, curve) in enumerate(curves.items()):
        drawn += _curve(record, kind, phase, curve, number, x, y)
        slope = exponent(curve)
        named = "one size" if math.isnan(slope) else f"exponent {slope:.2f}"
        place = places[number]
        drawn.append(element("text", phase, x=RIGHT + 8.0, y=place + 1))
        drawn.append(element("text", named, x=RIGHT + 8.0, y=place + 16, class_="soft"))
        reach = f"{curve[min(curve)]:.3g} {kind.unit} to {curve[max(curve)]:.3g} {kind.unit}"
        said.append(f"{phase}: {reach}, {named}")
    svg = drawing(WIDTH, HEIGHT, "growth", heading, "; ".join(said), *drawn)
    size = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
    return str(svg).replace("<svg", f"<svg {size}", 1) + "\n"


def _axes(x: Scale, y: Scale, sizes: list[int], of: str, unit: str) -> Iterator[str]:
    """Lines at the powers of ten, and what they are called."""
    for power in range(math.ceil(y.low), math.floor(y.high) + 1):
        yield stroke(LEFT, y.at(power), right=RIGHT - LEFT, class_="grid")
        text = f"{10.0**power:,g} {unit}"
        yield element("text", text, x=LEFT - 6.0, y=y.at(power) + 4, class_="soft end")
    for size in sizes:
        place = x.at(math.log10(size))
        yield stroke(place, TOP, down=BOTTOM - TOP, class_="grid")
        yield element("text", f"{size:,}", x=place, y=BOTTOM + 18.0, class_="soft middle")
    yield element("text", of, x=(LEFT + RIGHT) / 2, y=BOTTOM + 38.0, class_="middle")


def _curve(
    record: Record,
    kind: Kind,
    phase: str,
    curve: Mapping[int, float],
    number: int,
    x: Scale,
    y: Scale,
) -> Iterator[str]:
    """A line through medians, marks on them, and from the least to the largest of each."""
    points = [(x.at(math.log10(size)), y.at(math.log10(curve[size]))) for size in sorted(curve)]
    for size in curve:
        repeated = [each[kind.number] / kind.over for each in record["points"][phase][str(size)]]
        top, bottom = (y.at(math.log10(value)) for value in (max(repeated), min(repeated)))
        yield stroke(x.at(math.log10(size)), top, down=bottom - top, class_=f"range k{number % 4}")
    yield element("polyline", points=path(points), class_=f"curve k{number % 4}")
    yield mark(points, number, class_=f"m{number % 4}")


def of_folder(rows: list[Record]) -> Record:
    """What growth_runs.py has measured, as growth.py keeps it."""
    points: dict[str, dict[str, list[dict[str, float]]]] = {}
    for row in rows:
        if row["command"] in COMMANDS:
            of_command = points.setdefault(COMMANDS[row["command"]], {})
            one = {"cpu": row["seconds"], "together": row["mb"] * 2.0**20}
            of_command.setdefault(str(row["runs"]), []).append(one)
    return {"title": "a folder of runs", "unit": "runs in it", "points": points}


def of_tasks(measured: Record) -> Record:
    """What many_tasks.py has measured, as growth.py keeps it."""
    points: dict[str, dict[str, list[dict[str, float]]]] = {}
    for row in measured["rows"]:
        for arm, took in row["milliseconds"].items():
            called = "by hand" if arm != "tl-run" else arm
            of_arm = points.setdefault(f"{row['way']}, {called}", {})
            of_arm[str(row["tasks"])] = [{"cpu": each} for each in took]
    return {"title": "a step of many tasks", "unit": "tasks", "points": points}


def main() -> None:
    """Draw what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="source", type=Path, default=GROWTH, metavar="FOLDER")
    parser.add_argument("--to", type=Path, default=PICTURES, metavar="FOLDER")
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    for file in sorted(asked.source.glob("*.json")):
        record, kinds = json.loads(file.read_text(encoding="utf-8")), KINDS
        if file.stem == "folder":
            record, kinds = of_folder(record), OF_FOLDER
        elif file.stem == "many_tasks":
            record, kinds = of_tasks(record), OF_TASKS
        if not any(record["points"].values()):
            continue
        for kind in kinds:
            place = asked.to / f"{file.stem}_{kind.name}.svg"
            place.write_text(picture(record, kind), encoding="utf-8")
            print(place)


if __name__ == "__main__":
    main()
