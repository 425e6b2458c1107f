"""What a report says, as data: every sentence and number that a terminal, a page or a file shows.

Every field is plain: text, numbers, lists. `as_json` of it is what `tl-run report --json` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Word = Literal["HELPS", "HURTS", "SAME", "UNCLEAR", ""]  # "": no verdict is given

DIVERGED = "diverged"  # stands where a word would


@dataclass(frozen=True)
class Figure:
    """A number with its interval. text: as it is shown, such as "+14.9 ± 1.3" or "–".

    value, low, high: as computed, not in percent; None where undefined. n: how many seeds.
    level: the probability that the interval covers, such as 0.95.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    level: float = 0.95


@dataclass(frozen=True)
class Gain:
    """The gain of an arm over a control.

    over: the control's name. primary: whether the verdict depends on it. outside: whether it is no
    network, but a method from outside. figure: the mean gain.
    shown: whether the interval lies above 0, below 0, or neither; "–" where there is no interval.
    ups: on how many seeds the gain is above 0. p: Holm's p over the gains of all arms over primary
    controls; None of other gains, and without an interval. differing: on how many test examples the
    two differ in some seed.
    """

    over: str
    primary: bool
    figure: Figure
    shown: Literal["above", "below", "neither", "–"]
    ups: int = 0
    p: float | None = None
    differing: int | None = None
    outside: bool = False


@dataclass(frozen=True)
class Arm:
    """One row of the leaderboard: an arm of the study, or a control.

    label: what tells it from the others. lam: λ as written, "–" where it decides nothing.
    chosen: how λ was chosen, such as "λ chosen on the other seeds' validation loss: 0.1 for 8 of 10
    seeds"; empty where it was not. tuned: which learning rates were chosen, such as "lr 0.003: 6 of
    10 seeds, 0.0095: 4"; empty where nothing is tuned. role: arm, control, or outside (an
    estimator, no network). score: the mean test score. gains: over every control. word: the
    verdict; why: it as a sentence.
    hurt_by: the control that HURTS names, as `over` does; empty without that word.
    best: whether it is not shown to be worse than the top one. labels: used of the target, or of
    all; steps, examples, seconds: means over seeds; parameters: of the network, None without.
    sizes: where networks of the study differ in size, what it is, by what is counted.
    states: what is unusual about its runs, such as "2 of 10 runs diverged"; runs: their folders,
    relative to runs_dir. diverged: how many of them have; no word rests on those.
    """

    label: str
    strategy: str
    lam: str
    role: Literal["arm", "control", "outside"]
    score: Figure
    gains: tuple[Gain, ...] = ()
    word: Word = ""
    why: str = ""
    hurt_by: str = ""
    chosen: str = ""
    tuned: str = ""
    best: bool = False
    labels: int | None = None
    steps: float | None = None
    examples: float | None = None
    seconds: float | None = None
    parameters: int | None = None
    sizes: dict[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    states: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    diverged: int = 0

    @property
    def mark(self) -> str:
        """What stands in the column of verdicts: the word, or that there is none for divergence."""
        return self.word or (DIVERGED if self.diverged else "")


@dataclass(frozen=True)
class Point:
    """One point of a curve. at: where on the axis, as a number (inf for λ=∞); name: as written."""

    at: float
    name: str
    figure: Figure


@dataclass(frozen=True)
class Line:
    """A line of a chart: an arm along an axis. label: whose it is. control: whether a control's."""

    label: str
    points: tuple[Point, ...]
    control: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart: lines over one axis, with their bands.

    kind: lam (x is λ, from 0 to ∞, best drawn at λ/(1+λ) or evenly by order), labels (x: labels of
    the target), steps (x: steps of training). title, x, y: what stands above and beside it.
    ends: what named ends of the axis mean, by the point's name, such as {"0": "source only", "∞":
    "fine-tuning"}. levels: horizontal lines, one a control. note: what the band is, and n.
    """

    kind: Literal["lam", "labels", "steps"]
    title: str
    x: str
    y: str
    unit: str
    lines: tuple[Line, ...]
    levels: tuple[tuple[str, Figure], ...] = ()
    ends: dict[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class TaskRow:
    """The gains of one setting over learning each task alone. delta_m: Δm in %, as shown."""

    label: str
    lam: str
    delta_m: Figure
    gains: tuple[Figure, ...]


@dataclass(frozen=True)
class TaskTable:
    """Gains task by task. tasks: their names, as the columns of each row. note: what they mean."""

    tasks: tuple[str, ...]
    rows: tuple[TaskRow, ...]
    note: str


@dataclass(frozen=True)
class Matrix:
    """What was learnt about tasks: a relation, or who teaches whom. entries [T, T]."""

    title: str
    names: tuple[str, ...]
    entries: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Tested:
    """The test examples of one task. classes: how many of each; empty for numbers."""

    task: str
    examples: int
    classes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OtherRun:
    """A run listed apart. status: finished, failed, interrupted, running, stopped; why: if told."""

    path: str
    status: str
    score: str
    why: str


@dataclass(frozen=True)
class Study:
    """The answer of one study: one problem, its arms, and what they are compared with.

    id: of the declared plan, or of the problem where none was declared. question: what is asked,
    in a line. verdict: the answer, a sentence of one or two clauses without a symbol; more: further
    sentences, each whole. metric: what scores are ("target accuracy"), unit: "%" or "" or the name
    of a unit; better: "higher" or "lower". n, arms_planned (m), alpha, delta: of the plan.
    look: k, the how manieth study on these test rows. tested_rows: M. declared: when, as ISO time;
    empty where no plan was. deviations: from the plan, each a sentence; warnings: what a reader has
    to know, each a sentence. scope: what the intervals cover. cost: pairs of name and text.
    command: what makes it again.
    """

    id: str
    problem: str
    dataset: str
    question: str
    verdict: str
    more: tuple[str, ...]
    metric: str
    unit: str
    better: Literal["higher", "lower"]
    n: int
    arms_planned: int
    alpha: float
    delta: float | None
    look: int
    tested_rows: int
    declared: str
    deviations: tuple[str, ...]
    warnings: tuple[str, ...]
    arms: tuple[Arm, ...]
    charts: tuple[Chart, ...]
    tasks: tuple[TaskTable, ...]
    matrices: tuple[Matrix, ...]
    tested: tuple[Tested, ...]
    others: tuple[OtherRun, ...]
    scope: str
    cost: tuple[tuple[str, str], ...]
    command: str


@dataclass(frozen=True)
class Report:
    """Everything that `tl-run report` answers. made: when, ISO time; version: of tl-run.

    runs_dir: which folder was read; runs: how many finished runs; words: what each word means, by
    the word; studies: the newest first.
    """

    made: str
    version: str
    runs_dir: str
    runs: int
    words: dict[str, str]
    studies: tuple[Study, ...]
