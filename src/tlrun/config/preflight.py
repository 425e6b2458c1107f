"""Everything about a command line that can be told before anything starts, all mistakes at once."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from tlrun.config.build import Run, build
from tlrun.config.compose import Composition, composed, offer
from tlrun.config.overrides import Axis, axis_of, forced, value_of
from tlrun.config.refusals import refused, resolved
from tlrun.config.seeds import IN_YAML, KEY, axis_of_seeds, check_seed, first_seeds, looks_of
from tlrun.config.suited import Suits, needed, suited
from tlrun.config.tuning import tuning_mistakes
from tlrun.core.errors import Mistake, UserError

# One for a whole sweep, for they decide no run.
NO_AXES = (
    "runs_dir", "threads", "device", "controls", "rerun", "stages", "reuse", "allow_inexact",
    "checkpoint", "checkpoint.seconds", "checkpoint.steps", "sweep", "sweep.jobs", "sweep.engine",
    "verdict", "verdict.alpha", "verdict.delta", "tune", "tune.lr",
)  # fmt: skip
MOST_JOBS = 10_000  # of a sweep: beyond them, checking alone would take minutes


@dataclass(frozen=True)
class Job:
    """One job of a command: the run it asks for, and what it sets, as key=value.

    chosen: what the user has not set, and was chosen as it suits the data set, in the same form.
    """

    overrides: tuple[str, ...]
    run: Run
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A checked command line.

    overrides: as Hydra is to see them, where it is asked. jobs: one, or all of a sweep, in Hydra's
    order; the trials of one (tune.lr) are a sweep too. foreign_launcher: whether a launcher of
    Hydra's is to run them instead of ours. typed: the overrides as they were typed. looks: of
    seeds=auto, after how many seeds the results are looked at; `jobs` are then those of the last
    look.
    """

    overrides: list[str]
    multirun: bool
    jobs: list[Job]
    foreign_launcher: bool = False
    typed: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()

    def at_look(self, seeds: int) -> Request:
        """The same command for the first so many seeds alone."""
        jobs = [job for job in self.jobs if job.run.seed < seeds]
        return replace(self, overrides=first_seeds(self.overrides, seeds), jobs=jobs)


def preflight(overrides: Sequence[str], multirun: bool, folder: Path | None = None) -> Request:
    """Check a command line, every job of its sweep included.

    overrides: as typed, each key=value. multirun: whether -m was. folder: YAMLs of the user's own.
    Composes once for each choice of groups, and builds each job's objects once. Raises UserError
    with every mistake.
    """
    mistakes: list[Mistake] = []
    axes, counted = _axes(overrides, mistakes)
    compositions = _Compositions(folder)
    first = compositions.of([f"{a.key}={a.values[0]}" for a in axes.values() if a.choice])
    multirun = multirun or first.multirun
    mistakes += _misused(axes, counted, multirun)
    if first.axes and not multirun:
        sets_axes = "`mode: MULTIRUN` beside `sweeper` in its hydra node, or -m"
        mistakes.append(Mistake("experiment", sets_axes, "axes without either"))
    if multirun:
        of_study: dict[str, Axis] = {}
        for key, value in first.axes.items():
            if key == KEY:
                raise UserError(*mistakes, IN_YAML)
            if key.startswith("hydra") or key in NO_AXES:
                alone = "to be set on the command line alone"
                raise UserError(*mistakes, Mistake(f"hydra.sweeper.params.{key}", alone, value))
            of_study[key] = axes.get(key) or axis_of(f"{key}={value}")
        axes = of_study | axes
    if first.foreign_launcher:  # Hydra composes it without the axes too, for the launcher itself
        fixed = [axis for axis in axes.values() if axis.choice and not axis.sweeps]
        compositions.of([f"{axis.key}={axis.values[0]}" for axis in fixed])
    in_jobs: list[Mistake] = []
    jobs = _jobs(list(axes.values()), compositions, in_jobs)
    chosen = tuple(dict.fromkeys(job.chosen for job in jobs))
    if first.foreign_launcher and len(chosen) > 1:
        different = " or ".join(" ".join(each) or "the default" for each in chosen)
        named = "a strategy and a backbone, for jobs that another launcher runs"
        in_jobs.append(Mistake("strategy", named, f"none, and the data suit {different}"))
    pairs = [(job.run.tune, job.run.optimizer) for job in jobs]
    values = {key: axis.values for key, axis in axes.items()}
    in_jobs += tuning_mistakes(pairs, values, first.foreign_launcher)
    if mistakes or compositions.mistakes or in_jobs:
        raise UserError(*dict.fromkeys([*mistakes, *compositions.mistakes, *in_jobs]))
    handed = [forced(f"{axis.key}={','.join(axis.values)}") for axis in axes.values()]
    handed += chosen[0] if len(chosen) == 1 else ()
    multirun = multirun or any(tune.lr for tune, _ in pairs)
    launcher, typed = first.foreign_launcher, tuple(overrides)
    return Request(handed, multirun, jobs, launcher, typed, looks_of(counted))


def _axes(overrides: Sequence[str], mistakes: list[Mistake]) -> tuple[dict[str, Axis], Axis | None]:
    """The overrides by key, that of `seed` in place of `seeds`, and `seeds` itself.

    What is wrong with one is added to `mistakes`.
    """
    axes: dict[str, Axis] = {}
    met: dict[str, Axis] = {}
    for text in overrides:
        try:
            axis = axis_of(text)
            if axis.key in met:
                mistakes.append(Mistake(axis.key, "once", "twice"))
            elif {axis.key, *met} >= {KEY, "seed"}:
                mistakes.append(Mistake(KEY, "it or seed, one of the two", "both"))
            met[axis.key] = axis
            check_seed(axis)
            meant = axis_of_seeds(axis) if axis.key == KEY else axis
        except UserError as error:
            mistakes += error.mistakes
        else:
            axes[meant.key] = meant
    return axes, met.get(KEY)


def _misused(axes: Mapping[str, Axis], counted: Axis | None, multirun: bool) -> Iterator[Mistake]:
    """A mistake for every axis where one value is meant. counted: what `seeds` is set to."""
    alone = counted is not None and not multirun
    if alone:
        yield Mistake(KEY, "-m beside it", "it alone", "add -m to sweep over the seeds")
    for axis in axes.values():
        if axis.key == "seed" and alone:
            continue
        found = ",".join(axis.values)
        single = axis.key == "experiment" or axis.key.startswith("hydra")
        if axis.sweeps and (single or not multirun):
            hint = "" if axis.key == "experiment" else "add -m to sweep over them"
            yield Mistake(axis.key, "one value", found, hint)
        if axis.sweeps and multirun and axis.key in NO_AXES:
            yield Mistake(axis.key, "one value for a whole sweep", found)
    if multirun and "hydra.mode" in axes and axes["hydra.mode"].values == ["RUN"]:
        yield Mistake("hydra.mode", "MULTIRUN with -m", "RUN")


class _Compositions:
    """What each choice of groups composes to, once: composing costs tens of milliseconds."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._by_choices: dict[tuple[str, ...], Composition] = {}

    @property
    def mistakes(self) -> list[Mistake]:
        """Those of every choice so far."""
        mistakes: list[Mistake] = []
        for composition in self._by_choices.values():
            mistakes += composition.mistakes
        return mistakes

    def of(self, choices: Sequence[str]) -> Composition:
        """The composition of `choices`, each group=name. Raises UserError where there is none."""
        key = tuple(choices)
        if key not in self._by_choices:
            for choice in choices:
                group, _, name = choice.partition("=")
                try:
                    offer(group, name)
                except UserError as error:
                    raise UserError(*self.mistakes, *error.mistakes) from None
            self._by_choices[key] = composed(choices, self._folder)
        return self._by_choices[key]


PLAIN = re.compile(r"[\w./-]+", re.ASCII)  # what Hydra reads as it stands


def _jobs(axes: Sequence[Axis], compositions: _Compositions, mistakes: list[Mistake]) -> list[Job]:
    """Every job of the axes' product; what is wrong with one is added to `mistakes`."""
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_JOBS:
        mistakes.append(Mistake("sweep", f"at most {MOST_JOBS} jobs", str(count)))
        return []
    values: dict[str, Any] = {}  # by override, of those that set a value
    for axis in axes:
        if not axis.choice:
            for value in axis.values:
                values[f"{axis.key}={value}"] = value_of(axis.key, value)
    written = [[f"{axis.key}={value}" for value in axis.values] for axis in axes]
    jobs: list[Job] = []
    keys, known = [axis.key for axis in axes], Suits()
    for overrides in product(*written):
        choices = [override for override in overrides if override not in values]
        given = {key: values[key] for key in overrides if key in values}
        config = _with_values(compositions.of(choices), given)
        chosen = suited(config, lambda: compositions.of([]).config, keys, known)
        if chosen:
            config = _with_values(compositions.of([*choices, *chosen]), given)
        for key, value in needed(config, keys).items():
            chosen += (f"{key}={value if PLAIN.fullmatch(value) else repr(value)}",)
            _put(config, key, value)
        try:
            run = _built(config)
        except UserError as error:
            mistakes += error.mistakes
        else:
            jobs.append(Job(overrides, run, chosen))
    return jobs


def _with_values(base: Composition, values: Mapping[str, Any]) -> dict[str, Any]:
    """A composed config with values, by the override that sets each."""
    config = copy.deepcopy(base.config)
    for override, value in values.items():
        _put(config, override.partition("=")[0], value)
    return config


def _built(config: dict[str, Any]) -> Run:
    """The run of a composed config. Raises UserError with every mistake in it."""
    if mistakes := refused(config):
        raise UserError(*mistakes)
    return build(resolved(config))


def _put(config: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, whether it exists or not: it is `build` that knows the keys."""
    *parents, last = key.split(".")
    node = config
    for parent in parents:
        if not isinstance(node.get(parent), Mapping):
            node[parent] = {}
        node = node[parent]
    if isinstance(value, Mapping) and isinstance(node.get(last), Mapping):
        value = {**node[last], **value}  # as Hydra does
    node[last] = copy.deepcopy(value)
