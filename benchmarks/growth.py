"""How time and memory of whole commands grow with jobs, rows, images and texts.

    python benchmarks/growth.py                          every case: about half an hour
    python benchmarks/growth.py --cases jobs rows --most 3
    python benchmarks/growth.py --cases rows --largest 100000
    python benchmarks/growth.py --table                  what is kept already, as Markdown
    python benchmarks/draw_growth.py                     its pictures, for docs/performance.md

A point is a size. It is measured in an empty folder of runs and with empty caches (`first`), then
with what that left there: the same command once more, which finds its run (`found again`), and the
same with another seed, which reads the data again or finds them. That is repeated up to --most
times, for as long as the repetitions of a point have taken less than --seconds; once in any case.
What is read is made before, and its pages lie in the system's cache; a round of the smallest size
goes ahead, uncounted, for what is imported. Cases: `bench/growth_cases.py`.

CPU seconds are of all processes of a command, memory is what they hold together, shared pages once
(PSS, ten looks a second), and what the largest of them holds (ru_maxrss): `bench/trees.py`.

The exponent is the slope of log seconds over log size, by least squares, over the upper half of the
sizes: 1 is a straight line, 2 a square. Start-up is in every point and holds it down; where the
largest size takes more than twice as long as the smallest, --table says too what it is of the
seconds beyond those of the smallest.

A JSON file a case goes to results/growth: every raw number, machine, versions, commit.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.growth_cases import CASES, Case
from bench.image_starts import SETTLED
from bench.records import RESULTS, busy_cores, origin
from bench.rounds import spread
from bench.trees import Tree, TreeFailed, taken

GROWTH = RESULTS / "growth"
FIRST = "first"
Record = dict[str, Any]
Points = dict[str, dict[str, list[dict[str, float]]]]  # by phase and size, of each repetition


def measured(case: Case, most: int, seconds: float, largest: float) -> Record:
    """Every size of a case, the smallest first."""
    busy = busy_cores()
    sizes = [size for size in case.sizes if size <= largest]
    points: Points = {phase: {} for phase in (FIRST, *case.again)}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        for number, size in enumerate(sizes):
            folder = Path(place) / str(size)
            folder.mkdir()
            case.made(size, folder)
            if any(folder.iterdir()):
                time.sleep(SETTLED)  # else their times would not be trusted, and all be read again
            try:
                if not number:
                    _once(case, size, folder)
                for phase, trees in _repeated(case, size, folder, most, seconds).items():
                    points[phase][str(size)] = trees
            except TreeFailed as error:  # larger ones would fail too
                failed[str(size)] = str(error)
                print(f"{case.name} {size}: {error}", file=sys.stderr)
                break
    return {
        "case": case.name,
        "title": case.title,
        "unit": case.unit,
        "command": " ".join(("python benchmarks/growth.py", *sys.argv[1:])),
        "measures": " ".join(case.words(sizes[0], Path("DATA"), Path("EMPTY"))[1:]),
        **origin(),
        "busy cores before": busy,
        "points": points,
        "failed": failed,
    }


def _repeated(
    case: Case, size: int, folder: Path, most: int, seconds: float
) -> dict[str, list[dict[str, float]]]:
    """By phase, what each repetition took."""
    found: dict[str, list[dict[str, float]]] = {}
    started = time.perf_counter()
    for number in range(most):
        if number and time.perf_counter() - started >= seconds:
            break
        for phase, tree in _once(case, size, folder).items():
            kept = {"wall": tree.wall, "cpu": tree.cpu, "largest": tree.largest}
            assert tree.together is not None
            found.setdefault(phase, []).append({**kept, "together": tree.together})
            told = f"{tree.wall:.2f} s, {tree.cpu:.2f} s CPU, {tree.together / 2**20:.0f} MiB"
            print(f"{case.name} {size:,} {phase}: {told}", file=sys.stderr, flush=True)
    return found


def _once(case: Case, size: int, folder: Path) -> dict[str, Tree]:
    """The first time and after it, from an empty folder."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        words = case.words(size, folder, Path(place))
        found = {FIRST: taken(words, Path(place), look=True)}
        for phase, more in case.again.items():
            found[phase] = taken([*words, *more], Path(place), look=True)
    return found


def medians(record: Record, phase: str, number: str) -> dict[int, float]:
    """By size, the median of a number over the repetitions."""
    points = record["points"][phase]
    return {
        int(size): statistics.median(each[number] for each in repeated)
        for size, repeated in points.items()
    }


def exponent(by_size: Mapping[int, float]) -> float:
    """The slope of log value over log size, of the upper half of the sizes; nan of one size."""
    sizes = sorted(by_size)
    return slope({size: by_size[size] for size in sizes[-max(2, math.ceil(len(sizes) / 2)) :]})


def beyond_start(by_size: Mapping[int, float]) -> float:
    """The same of what is more than at the smallest size; nan where the largest is not twice it."""
    smallest, *sizes = sorted(by_size)
    start = by_size[smallest]
    upper = sizes[-max(2, math.ceil((1 + len(sizes)) / 2)) :]
    more = {size: by_size[size] - start for size in upper}
    if not sizes or by_size[sizes[-1]] < 2 * start or min(more.values()) <= 0:
        return math.nan
    return slope(more)


def slope(by_size: Mapping[int, float]) -> float:
    """Of log value over log size, by least squares; nan of fewer than two."""
    if len(by_size) < 2:
        return math.nan
    sizes, values = (
        [math.log(each) for each in side] for side in zip(*by_size.items(), strict=True)
    )
    return statistics.linear_regression(sizes, values).slope


def table(records: Iterable[Record]) -> str:
    """Markdown: a line for each phase and size."""
    lines = [
        "| case | phase | size | wall s | CPU s | MiB together | n |",
        "|---|---|---|---|---|---|---|",
    ]
    notes = []
    for record in records:
        for phase, points in record["points"].items():
            for size, repeated in points.items():
                cells = [record["title"], phase, f"{int(size):,} {record['unit']}"]
                cells += [_spread(repeated, number) for number in ("wall", "cpu")]
                cells += [_spread(repeated, "together", 2**20), str(len(repeated))]
                lines.append(f"| {' | '.join(cells)} |")
            slopes = []
            for name, number in (("wall", "wall"), ("CPU", "cpu"), ("memory", "together")):
                found = medians(record, phase, number)
                beyond = beyond_start(found)
                more = "" if math.isnan(beyond) else f" ({beyond:.2f} beyond the smallest size)"
                slopes.append(f"{name} {exponent(found):.2f}{more}")
            notes.append(f"- {record['case']}, {phase}: exponents of {', '.join(slopes)}")
        notes.append(
            f"- {record['case']}: {record['date'][:16]}, {record['commit']}, {record['machine']}, "
            f"{record['cores']} cores, torch {record['versions']['torch']}"
        )
    return "\n".join([*lines, "", *notes])


def _spread(repeated: Sequence[Mapping[str, float]], number: str, over: float = 1.0) -> str:
    found = spread([each[number] / over for each in repeated])
    return f"{found.median:.3g} [{found.least:.3g}..{found.largest:.3g}]"


def saved(folder: Path, names: Sequence[str]) -> list[Record]:
    """The records of these cases that are there."""
    files = [folder / f"{name}.json" for name in names]
    return [json.loads(file.read_text("utf-8")) for file in files if file.is_file()]


def main() -> None:
    """Measure what was asked for, keep it, show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--most", type=int, default=5, help="repetitions of a point; default: 5")
    parser.add_argument("--seconds", type=float, default=60, help="of a point; default: 60")
    parser.add_argument("--largest", type=float, default=math.inf, help="leave out larger sizes")
    parser.add_argument("--table", action="store_true", help="show what is kept and end")
    parser.add_argument("--out", type=Path, default=GROWTH, help=f"default: {GROWTH}")
    asked = parser.parse_args()
    if not asked.table:
        asked.out.mkdir(parents=True, exist_ok=True)
        for name in asked.cases:
            record = measured(CASES[name], asked.most, asked.seconds, asked.largest)
            text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
            (asked.out / f"{name}.json").write_text(text, encoding="utf-8")
    print(table(saved(asked.out, asked.cases)))


if __name__ == "__main__":
    main()
