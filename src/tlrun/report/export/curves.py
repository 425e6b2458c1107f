"""The curves of a run, one number a row: what metrics.jsonl holds, and the scores at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tlrun.core.json_text import parsed
from tlrun.core.paths import read_text
from tlrun.runs.outcome import Outcome

END = "end"  # the stage of what is measured once all stages are over


class Row(NamedTuple):
    """One number of a run.

    fold: of a run in folds; None otherwise. stage: its name, or END. step: updates of that stage so
    far. overall: updates of the run so far, those of the stages before it included. quantity: `lam`
    (λ in that step), a term of the objective such as L_T, `val/<domain>/<task>/<metric>`; at the
    END also `test/…`. value: not in percent; None where undefined.
    """

    fold: int | None
    stage: str
    step: int
    overall: int
    quantity: str
    value: float | None


@dataclass(frozen=True)
class Curves:
    """The curves of one run. run: which. config: by dotted keys. started: in seconds since 1970."""

    run: Outcome
    dataset: str
    config: Mapping[str, Any]
    started: float
    rows: tuple[Row, ...]

    @property
    def group(self) -> str:
        """The folders between runs_dir and the run's own, such as digits/scratch."""
        return "/".join(self.run.path.parts[-3:-1])


def rows_of(run: Outcome) -> Iterator[Row]:
    """Every number of a finished run, in the order in which they were written.

    Raises OSError or ValueError where metrics.jsonl cannot be read; a run without stages of
    training has none, and its scores alone.
    """
    path = run.path / "metrics.jsonl"
    text = read_text(path) if path.is_file() else ""
    before, last = 0, 0  # updates of the stages before, and of this one
    now: tuple[int | None, str] | None = None
    for line in text.splitlines():
        row = parsed(line)
        fold, stage, step = row.get("fold"), row["stage"], row["step"]
        if now is not None and now != (fold, stage):
            before = before + last if now[0] == fold else 0  # each fold is trained from the start
        now, last = (fold, stage), step
        for quantity, value in _numbers(row):
            yield Row(fold, stage, step, before + step, quantity, value)
    steps = run.result["steps"]
    for split, scores in run.result["metrics"].items():
        for quantity, value in _scores(split, scores):
            yield Row(None, END, steps, steps, quantity, value)


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    """What one evaluation says: quantity and value."""
    yield "lam", _number(row["lam"])
    for name, value in row["terms"].items():
        yield name, _number(value)
    yield from _scores("val", row["val"])


def _scores(split: str, scores: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for task, of_task in scores.items():
        for metric, value in of_task.items():
            yield f"{split}/{task}/{metric}", _number(value)


def _number(value: Any) -> float | None:
    """A number as strict JSON holds it: ∞ is text there."""
    return None if value is None else float(value)
