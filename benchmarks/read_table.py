"""How long a large table takes, from file to inputs, against pandas.read_csv of the same file.

    python benchmarks/read_table.py                      1,000,000 rows x 20 columns, 3 rounds
    python benchmarks/read_table.py --rows 100000 -n 7

Two tables: numbers alone, and 16 numbers with 4 categories. Each round reads each with pandas
(which guesses types, and ends there) and with tl-run (which reads text, checks every cell, splits,
looks for equal rows, scales and encodes), each in a process of its own, and prints wall seconds and
the memory that the reading took at most, less that of the imports. Needs pandas beside tl-run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PANDAS = """
import pandas
def read(path): return pandas.read_csv(path)
"""
TLRUN = """
from tlrun.data.datasets.table_csv import TableCsv
import tlrun.data.tables.splits, tlrun.data.tables.duplicates, tlrun.data.tables.table_file
def read(path): return TableCsv(path=path, predict="y", duplicates="keep").load(0)
"""
MEASURE = """
import json, resource, sys, time
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, started = peak(), time.perf_counter()
kept = read(sys.argv[1])
print(json.dumps([time.perf_counter() - started, peak() - before]))
"""


def write(path: Path, rows: int, categories: int) -> None:
    """A table of 20 inputs, `categories` of them words, and a label."""
    import numpy as np

    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(rows, 20 - categories)).round(4)
    words = rng.choice(["red", "green", "blue", "not known"], size=(rows, categories))
    labels = rng.integers(0, 2, rows)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join([*(f"x{k}" for k in range(20)), "y"]) + "\n")
        for k in range(rows):
            cells = [*map(str, numbers[k].tolist()), *words[k].tolist(), str(labels[k])]
            file.write(",".join(cells) + "\n")


def measured(reader: str, path: Path) -> tuple[float, float]:
    """Wall seconds, and MiB at most."""
    done = subprocess.run(
        [sys.executable, "-c", reader + MEASURE, str(path)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def main() -> None:
    """Measure both tables, in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("-n", type=int, default=3, help="rounds; default: 3")
    asked = parser.parse_args()
    for categories in (0, 4):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            write(path, asked.rows, categories)
            rounds = [(measured(PANDAS, path), measured(TLRUN, path)) for _ in range(asked.n)]
        print(f"{asked.rows:,} rows, {20 - categories} numbers, {categories} categories")
        for name, place in (("s", 0), ("MiB", 1)):
            theirs, ours = ([each[who][place] for each in rounds] for who in (0, 1))
            ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
            print(
                f"  pandas {statistics.median(theirs):.3g} {name}, "
                f"tl-run {statistics.median(ours):.3g} {name}: "
                f"{statistics.median(ratios):.2f} times [{min(ratios):.2f}..{max(ratios):.2f}]"
            )


if __name__ == "__main__":
    main()
