"""The tables of README.md, docs/results.md and the studies, measured again: sweeps, then Markdown.

    python benchmarks/documents.py                       every table, in runs/documents
    python benchmarks/documents.py multitask fused       those tables
    python benchmarks/documents.py --seeds 10 curve      seeds 0-9 alone

Each table is a sweep of tl-run itself over twenty seeds, and is printed for seeds 0-9, for the
fresh seeds 10-19, and for all: a claim that was found on the first ten has to hold on the others.
Every figure is a mean ± the half-width of a 95 % t interval over seeds, paired where it is a gain,
one interval each; accuracies and their gains in points. What is finished is found, not run again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from tlrun.cli.session import by_setting, processes
from tlrun.config.preflight import preflight
from tlrun.report.console import make_console
from tlrun.report.formatting import gain_of, interval
from tlrun.report.progress_run import LiveScreen
from tlrun.report.progress_sweep import watching
from tlrun.report.task_gains import alone, delta_m, task_scores, tasks_up
from tlrun.runs.outcome import Outcome
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.launch import launch

Seeds = list[list[Outcome]]
Setting = tuple[str, Seeds]

BOTH = "strategy=feature_transfer,parameter_transfer"
STRENGTHS = "lam.value=0.01,0.03,0.1,0.3,1"
BINARY = ["dataset=digits_binary", STRENGTHS]
TOGETHER = ["dataset=digits_tasks"]
BORN_AGAIN = ["strategy=task_transfer", "strategy.transfer=born_again"]
TABLES: dict[str, list[str]] = {
    "curve": [BOTH, "lam.value=0,0.1,1,10,inf"],
    "inverted": [BOTH, "dataset.shift=inverted"],
    "lambda_curve": ["experiment=lambda_curve"],
    "lambda_best": [
        "strategy=parameter_transfer",
        "lam.value=0,0.1,1,10,inf",
        "dataset.val_share=0.2",
        "trainer.select=best",
    ],
    "label_efficiency": ["experiment=label_efficiency"],
    "negative_transfer": ["experiment=negative_transfer"],
    "structure": ["experiment=structure"],
    "structure_inverted": ["experiment=structure", "dataset.shift=inverted"],
    "structure_rehearsed": ["experiment=structure", "lam.value=1"],
    "structure_rehearsed_inverted": [
        "experiment=structure",
        "lam.value=1",
        "dataset.shift=inverted",
    ],
    "multitask": ["experiment=multitask"],
    "binary_relations": [
        *BINARY,
        "strategy=task_relation",
        "strategy.relation=trace_norm,ridge",
    ],
    "binary_asymmetric": [*BINARY, "strategy=task_transfer"],
    "three_kinds": [*TOGETHER, "strategy=shared_parameters"],
    "three_kinds_towers": [
        *TOGETHER,
        "strategy=task_relation",
        "strategy.scope=towers",
        "lam.value=0.01,0.1",
    ],
    "three_kinds_born_again": [
        *TOGETHER,
        *BORN_AGAIN,
        "lam=linear",
        "lam.start=1",
        "lam.value=0",
    ],
    "relation_curve": ["experiment=relation_curve"],
    "fused": ["experiment=fused"],
    "fused_noise": ["experiment=fused", "dataset.target=noise"],
}


def measured(overrides: Sequence[str], seeds: int, runs_dir: str) -> list[Setting]:
    """The outcomes of a sweep over so many seeds, a list a setting. Exits where a run fails."""
    asked = [*overrides, f"seed={','.join(map(str, range(seeds)))}", f"runs_dir={runs_dir}"]
    request = preflight(asked, multirun=True)
    console = make_console()
    results = launch(
        [job.run for job in request.jobs],
        [job.overrides for job in request.jobs],
        LocalExecutor(processes(request.jobs[0].run)),
        LiveScreen(console),
        watching(console),
    )
    if results.failures:
        sys.exit(f"{len(results.failures)} runs failed; see tl-run ls status=failed")
    done = []
    for job, outcomes in zip(request.jobs, results.outcomes, strict=True):
        if outcomes:
            done.append((job.overrides, outcomes))
    return by_setting(done)


def markdown(settings: Sequence[Setting], wanted: range) -> str:
    """The table of those seeds, a row a setting."""
    rows = []
    for label, every in settings:
        seeds = [arms for arms in every if arms[0].seed in wanted]
        rows.append(cells(label, seeds))
    heads: dict[str, None] = {}
    for row in rows:
        heads |= dict.fromkeys(row)
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(row.get(head, '') for head in heads)} |" for row in rows]
    return "\n".join(lines)


def cells(label: str, seeds: Seeds) -> dict[str, str]:
    """One row, by column: score, gain over every control, Δm and each task's gain, θ's size."""
    first = seeds[0][0]
    name = first.result["headline"]["name"]
    row = {"setting": label, "λ": first.lam_label or "–"}
    row[name] = interval(name, [scored(run) for run, *_ in seeds])
    for place, control in enumerate(seeds[0][1:], start=1):
        gains = [gain_of(name, scored(arms[0]), scored(arms[place])) for arms in seeds]
        row[f"over {control.name}"] = interval(name, gains, signed=True)
        row[f"{control.name} itself"] = interval(name, [scored(arms[place]) for arms in seeds])
    singles = [alone(arms) for arms in seeds]
    if all(singles):
        pairs = [(arms[0], single) for arms, single in zip(seeds, singles, strict=True) if single]
        if first.setting != pairs[0][1].setting:
            relative = [delta_m(*pair) for pair in pairs]
            row["Δm %"] = interval("", relative, signed=True)
            if relative[0] is None:  # tasks of different metrics have no mean
                row["tasks up"] = tasks_up(pairs)
        for key, (metric, _) in task_scores(first).items():
            gains = []
            for run, single in pairs:
                found, base = task_scores(run)[key][1], task_scores(single).get(key, ("", None))[1]
                gains.append(gain_of(metric, found, base))
            row[f"{key}"] = interval(metric, gains, signed=True)
    apart = [run.result.get("disagreement") for run, *_ in seeds]
    if None not in apart:
        row["heads apart %"] = interval("", [100 * share for share in apart])
    size = [run.result["size"] for run, *_ in seeds]
    row["parameters, non-zero, FLOPs"] = ", ".join(f"{fmean(each):.0f}" for each in columns(size))
    return row


def scored(outcome: Outcome) -> float | None:
    """The test score of a run's headline."""
    value: float | None = outcome.result["headline"]["test"]
    return value


def columns(sizes: Sequence[dict[str, float]]) -> list[list[float]]:
    """The numbers of every run's size, a list a kind."""
    return [[size[kind] for size in sizes] for kind in sizes[0]]


def main() -> None:
    """Measure and print what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--runs-dir", default="runs/documents")
    parser.add_argument("--out", type=Path, help="append the Markdown to this file too")
    asked = parser.parse_args()
    ends = sorted({0, min(10, asked.seeds), asked.seeds})
    groups = [range(*pair) for pair in pairwise(ends)]
    if len(groups) > 1:
        groups.append(range(asked.seeds))
    for name in asked.tables or TABLES:
        settings = measured(TABLES[name], asked.seeds, asked.runs_dir)
        text = f"## {name}\n\n    tl-run -m {' '.join(TABLES[name])}\n"
        for group in groups:
            text += f"\nseeds {group.start}-{group.stop - 1}\n\n{markdown(settings, group)}\n"
        print(text, flush=True)
        if asked.out:
            with asked.out.open("a", encoding="utf-8") as file:
                file.write(text + "\n")


if __name__ == "__main__":
    main()
