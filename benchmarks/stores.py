"""What the two stores save: whole sweeps, with a store and without it, in turn.

    python benchmarks/stores.py stages      three transfers, four λ, ten seeds, with controls:
                                            200 runs, 170 of them on one of ten source stages
    python benchmarks/stores.py features    feature transfer, eight λ, ten seeds, no controls:
                                            80 heads on 10 frozen φ
    python benchmarks/stores.py features -n 5

Each round runs both in turn, in an empty folder of its own, and prints their wall seconds and the
ratio without/with. Both commands import PyTorch once (some seconds of each). Other work on the
machine moves the seconds, less the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

SEEDS = "seed=range(10)"
SWEEPS = {
    "stages": (
        [
            "strategy=feature_transfer,parameter_transfer,structure_transfer",
            "lam.value=0.1,1,10,inf",
            SEEDS,
        ],
        "stages=false",
    ),
    "features": (
        [
            "strategy=feature_transfer",
            "lam.value=0.03,0.1,0.3,1,3,10,30,inf",
            SEEDS,
            "controls=false",
        ],
        "trainer.cache_features=false",
    ),
}


def seconds(arguments: list[str]) -> float:
    """Wall seconds of one sweep in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "tlrun", "-m", *arguments, f"runs_dir={folder}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.monotonic() - started


def main() -> None:
    """Measure what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", choices=SWEEPS)
    parser.add_argument("-n", type=int, default=3, help="rounds")
    asked = parser.parse_args()
    sweep, without = SWEEPS[asked.store]
    ratios = []
    for number in range(asked.n):
        stored, alone = seconds(sweep), seconds([*sweep, without])
        ratios.append(alone / stored)
        took = f"with {stored:.1f} s, without {alone:.1f} s"
        print(f"round {number + 1}: {took}, ratio {ratios[-1]:.2f}", flush=True)
    middle, ends = statistics.median(ratios), f"{min(ratios):.2f}..{max(ratios):.2f}"
    print(f"ratio: median {middle:.2f} [{ends}], n={asked.n}")


if __name__ == "__main__":
    main()
