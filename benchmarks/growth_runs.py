"""What commands cost in folders of 10 to 5000 finished runs: seconds, memory, how both grow.

    python benchmarks/growth_runs.py                    studies of 100 runs each, more and more
    python benchmarks/growth_runs.py --shape seeds      one study, of more and more seeds
    python benchmarks/growth_runs.py --runs 10 100 -n 5 --json growth.json --keep FOLDER

A few runs are trained once: a feature transfer and its controls. All others are copies of them,
under the ids, seeds and settings that the sweep would give them, so that the same sweep finds every
one again and a report reads them as it reads any. (What they have predicted is the same for all
seeds, so that nothing else can be learnt of it.)

Seconds are of the processor, user and system, a command's children included: other work on the
machine moves them less. Each command is run n times in turn, and once before, uncounted; shown are
medians. MB is the most memory the command ever had. The exponent is the slope of log seconds over
log runs, over the upper half of the sizes, after the seconds of the smallest folder are taken
off: 1 is linear. --json writes a list of {"command", "runs", "seconds", "mb", "n"}.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

SIZES = (10, 100, 1000, 5000)
OF_A_SEED = 5  # the run asked for and its four controls
SEEDS = 20  # of a study, where there are several
STUDY = ["strategy=feature_transfer", "lam.value=1", "trainer.steps=20"]


def axes(runs: int, shape: str) -> list[str]:
    """The axes of a sweep of so many runs. shape: whether it grows by seeds or by studies."""
    seeds = max(1, runs // OF_A_SEED)
    if shape == "studies" and seeds > SEEDS:
        draws = ",".join(str(k) for k in range(seeds // SEEDS))
        return [f"seed=range({SEEDS})", f"dataset.split_seed={draws}"]
    return [f"seed=range({seeds})"]


def fill(runs_dir: Path, axes: Sequence[str], templates: Path) -> list[str]:
    """Put a finished run into every folder that a sweep plans. Returns their names.

    templates: a folder with a run of every strategy of it.
    """
    from tlrun.config.preflight import preflight
    from tlrun.core.options import strict
    from tlrun.report.console import make_console
    from tlrun.report.progress_run import LiveScreen
    from tlrun.runs.identity import digest_of
    from tlrun.sweeps.plan import plan_sweep

    of_strategy = {
        path.parent.parent.name: path.parent for path in templates.glob("*/*/*/run.json")
    }
    request = preflight([*STUDY, *axes, f"runs_dir={runs_dir}"], multirun=True)
    screen = LiveScreen(make_console())
    plan = plan_sweep([job.run for job in request.jobs], screen, lambda _: None)
    for path, (_, planned) in plan.runs.items():
        template = of_strategy[planned.run_dir.group.rpartition("/")[2]]
        path.mkdir(parents=True)
        for file in template.iterdir():
            if file.name not in ("run.json", "config.yaml"):
                os.link(file, path / file.name)  # none of them is ever written again
        config = (template / "config.yaml").read_text(encoding="utf-8")
        draw = f"split_seed: {planned.run.dataset.split_seed}"  # type: ignore[attr-defined]
        config = config.replace("split_seed: 0", draw)
        config = config.replace("\nseed: 0", f"\nseed: {planned.run.seed}")
        (path / "config.yaml").write_text(config, encoding="utf-8")
        record = json.loads((template / "run.json").read_text(encoding="utf-8"))
        facts = planned.facts | {"test_examples": digest_of(planned.problem)}
        text = json.dumps(strict(record | facts), indent=2, ensure_ascii=False)
        (path / "run.json").write_text(f"{text}\n", encoding="utf-8")
    return [path.name for path in plan.runs]


def commands(runs_dir: Path, axes: Sequence[str], run: str) -> Iterator[tuple[str, list[str]]]:
    """What is measured, by what it is called. run: the end of a run's name."""
    place = ["--runs-dir", str(runs_dir)]
    # whatever made them, so that folders that were kept can be used after a change of the code
    yield "again", ["-m", *STUDY, *axes, f"runs_dir={runs_dir}", "reuse=any"]
    yield "ls", ["ls", *place]
    yield "ls seed=0", ["ls", "seed=0", *place]
    yield "ls --sweeps", ["ls", "--sweeps", *place]
    yield "show", ["show", run, *place]
    yield "report", ["report", str(runs_dir)]


def cost(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds of the processor, and MB, of one command. Exits where it fails."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tlrun", *arguments], stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(arguments)}\n{said.read().decode()}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """The slope of log seconds over log runs, over the upper half, less what the first takes."""
    start = points[0][1]
    upper = [(runs, took - start) for runs, took in points[len(points) // 2 :] if took > start]
    if len(upper) < 2:
        return math.nan
    x = [math.log(runs) for runs, _ in upper]
    y = [math.log(took) for _, took in upper]
    return statistics.linear_regression(x, y).slope


def measured(home: Path, sizes: Sequence[int], shape: str, n: int) -> Iterator[dict[str, object]]:
    """Every command in every size of folder. home: where the folders are made, or are already."""
    templates = home / "templates"
    if not templates.exists():
        cost(["-m", *STUDY, "seed=0", f"runs_dir={templates}"])
    for runs in sizes:
        runs_dir = home / f"{shape}_{runs}"
        if runs_dir.exists():
            names = [path.parent.name for path in runs_dir.glob("[!.]*/*/*/run.json")]
        else:
            task = (runs_dir, axes(runs, shape), templates)
            # in a process of its own: the most memory of a command counts what started it
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                names = pool.submit(fill, *task).result()
        for command, arguments in commands(runs_dir, axes(runs, shape), names[0][-12:]):
            cost(arguments)
            rounds = [cost(arguments) for _ in range(n)]
            seconds, mb = (statistics.median(values) for values in zip(*rounds, strict=True))
            print(f"{command:12} {len(names):6} {seconds:8.2f} s {mb:7.0f} MB", flush=True)
            yield {"command": command, "runs": len(names), "seconds": seconds, "mb": mb, "n": n}


def main() -> None:
    """Measure what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=("studies", "seeds"), default="studies")
    parser.add_argument("--runs", type=int, nargs="+", default=SIZES, help="sizes of folders")
    parser.add_argument("-n", type=int, default=3, help="rounds")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--keep", type=Path, help="a folder for the runs, kept and used again")
    asked = parser.parse_args()
    home = asked.keep or Path(tempfile.mkdtemp())
    try:
        points = list(measured(home, asked.runs, asked.shape, asked.n))
    finally:
        if asked.keep is None:
            shutil.rmtree(home)
    if asked.json:
        asked.json.write_text(json.dumps(points, indent=2), encoding="utf-8")
    for command in dict.fromkeys(point["command"] for point in points):
        mine = [(p["runs"], p["seconds"]) for p in points if p["command"] == command]
        print(f"{command:12} exponent {exponent(mine):5.2f}")


if __name__ == "__main__":
    main()
