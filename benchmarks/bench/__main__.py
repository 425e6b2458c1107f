"""Measure rows of the suite: `python -m bench --rows conv8_fp32 head64 --rounds 9`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.records import RESULTS, measured, save, saved
from bench.render import in_order, markdown, overview, sheet, show
from bench.rows import ROWS, choose, tiny


def main() -> None:
    """Measure what was asked for, keep it, show it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", nargs="+", default=[], metavar="ROW", help="default: all")
    parser.add_argument("--rounds", type=int, default=7, help="beside one to warm up; default: 7")
    parser.add_argument("--smoke", action="store_true", help="one round of a few steps, not kept")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--out", type=Path, default=RESULTS, help=f"default: {RESULTS}")
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error(f"--rounds: expected at least 1, found {asked.rounds}")
    rows = choose(asked.rows)
    if asked.list:
        for row in rows:
            print(f"{row.name:<16} {row.title}")
        return
    # before torch is imported, here and in every process that is started
    os.environ["OMP_NUM_THREADS"] = "1"
    records = {} if asked.smoke else saved(asked.out)
    done = {}
    for row in rows:
        chosen, rounds = (tiny(row), 1) if asked.smoke else (row, asked.rounds)
        done[row.name] = records[row.name] = measured(chosen, rounds, _tell)
        show([sheet(done[row.name], records)])
        if not asked.smoke:
            save(done[row.name], asked.out)
    show([overview(in_order(done))])
    if not asked.smoke:
        (asked.out / "table.md").write_text(markdown(records), encoding="utf-8")
        print(f"{asked.out / 'table.md'}: {len(records)} of {len(ROWS)} rows")


def _tell(what: str) -> None:
    print(f"\r\033[K{what}\r", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
