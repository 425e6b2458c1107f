"""From the runs of a sweep to what a process is given at once: one run, or many as one product."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from tlrun.sweeps.batched.eligible import stack_key
from tlrun.sweeps.executors.base import Job, Unit

TOGETHER = 16  # runs that a product is to have where there are so many: more hardly make it faster
MOST = 64  # runs of a unit: each is locked while it lasts, and a process may open so many files


def units_of(jobs: Sequence[Job], processes: int) -> list[Unit]:
    """The units of a sweep, in the order in which they are best begun.

    jobs: in that order. processes: how many units are worked on at a time. Those that can be
    trained together are divided by seeds, so that there is work for every process. A seed that has
    runs of other kinds too is a unit by itself: a sweep that is stopped then has whole seeds.
    """
    stacks: dict[str, list[Job]] = {}
    turns: list[tuple[int, Unit]] = []
    for turn, job in enumerate(jobs):
        if stack_key(job.plan) is None:
            turns.append((turn, Unit((job,))))
        else:  # those of one problem start from the same stages, whatever else sets them apart
            stacks.setdefault(job.plan.problem, []).append(job)
    place = {job: turn for turn, job in enumerate(jobs)}
    # seeds that have other runs too are whole only with these
    mixed = {unit.jobs[0].plan.run.seed for _, unit in turns}
    for together in stacks.values():
        parts = _by_seeds(together, processes, mixed)
        turns += [(place[part[0]], Unit(tuple(part), stacked=True)) for part in parts]
    return [unit for _, unit in sorted(turns, key=lambda each: each[0])]


def _by_seeds(jobs: Sequence[Job], processes: int, mixed: Collection[int]) -> list[list[Job]]:
    """Jobs that could be one stack in as many as are worth it, each with all jobs of its seeds.

    mixed: seeds that are a part each.
    """
    seeds: dict[int, list[Job]] = {}
    for job in jobs:
        seeds.setdefault(job.plan.run.seed, []).append(job)
    alone = [[seed] for seed in seeds if seed in mixed]
    others = {seed: of_seed for seed, of_seed in seeds.items() if seed not in mixed}
    runs = sum(map(len, others.values()))
    count = min(len(others), max(processes, math.ceil(runs / TOGETHER)))
    parts = [
        [job for seed in chosen for job in seeds[seed]] for chosen in (*alone, *_cut(others, count))
    ]
    return [part[k : k + MOST] for part in parts for k in range(0, len(part), MOST)]


def _cut(seeds: Mapping[int, object], parts: int) -> list[list[int]]:
    """Seeds in order, in so many parts of nearly one size."""
    order = list(seeds)
    ends = [round(len(order) * part / max(1, parts)) for part in range(parts + 1)]
    return [order[begin:end] for begin, end in pairwise(ends)]
