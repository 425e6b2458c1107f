"""What a score rests on: every metric of a task, and how many test examples each class has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tlrun.core.errors import printable
from tlrun.core.task import TaskKey, short_names
from tlrun.data.load_report import ENOUGH, FEW, few
from tlrun.report.formatting import number, unit_of
from tlrun.runs.outcome import Outcome


def every_metric(outcome: Outcome) -> Iterator[str]:
    """A line for each task that a run is judged by: all its test scores, and on how many examples.

    Nothing where these tasks are many.
    """
    keys = _judged(outcome)
    if len(keys) > FEW:
        return
    for key, name in short_names(keys).items():
        scores = outcome.result["metrics"]["test"].get(str(key), {})
        words = []
        for metric, score in scores.items():
            if metric != "loss":
                percent = " %" if unit_of(metric) == "%" and score is not None else ""
                words.append(f"{metric} {number(metric, score)}{percent}")
        if any(unit_of(metric) == "label's" for metric in scores):
            words[-1] += f" (in the unit of {key.task})"
        yield printable(f"{name}: {', '.join(words)}; {_on(outcome.result['tested'][str(key)])}")


def on_examples(outcome: Outcome) -> Iterator[str]:
    """On how many test examples, and of which classes, the tasks of a run are judged, in a line."""
    keys = _judged(outcome)
    if not keys:
        return
    counted = [_on(outcome.result["tested"].get(str(key), {})) for key in keys]
    if len(keys) > FEW:
        sizes = [outcome.result["tested"].get(str(key), {}).get("labels", 0) for key in keys]
        low, high = min(sizes), max(sizes)
        each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        yield f"{len(keys)} tasks on {each} test examples each."
    elif len(set(counted)) == 1:
        yield printable(f"Scores are {counted[0]}{' for each task' * (len(keys) > 1)}.")
    else:
        short = [words.replace(" test examples", "") for words in counted]
        said = [
            f"{name} {how}" for name, how in zip(short_names(keys).values(), short, strict=True)
        ]
        yield printable(f"Test examples: {'; '.join(said)}.")


def small_tests(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A line where a gain rests on fewer than ENOUGH test examples of a class.

    outcomes: the runs that are compared.
    """
    rare: dict[str, int] = {}  # the fewest over the runs, by what they are few of
    for outcome in outcomes:
        for key in _judged(outcome):
            counts = outcome.result["tested"].get(str(key), {}).get("classes", {})
            for name, count in counts.items():
                if count < ENOUGH:
                    what = f"{name!r} of {key}"
                    rare[what] = min(count, rare.get(what, count))
    if rare:
        said = [f"{count} of class {what}" for what, count in sorted(rare.items())]
        yield printable(
            f"A gain is mostly chance where fewer than {ENOUGH} test examples are of a class: "
            f"{few(said)}."
        )


def _judged(outcome: Outcome) -> list[TaskKey]:
    return [TaskKey.parse(name) for name in outcome.result["headline"].get("tasks", ())]


def _on(tested: Mapping[str, object]) -> str:
    """How many test examples there are, and of which classes."""
    said = f"on {tested.get('labels', 0)} test examples"
    if "pairs" in tested:
        said = f"{said} (auc: {tested['pairs']:,} pairs of one fold)"
    classes = tested.get("classes")
    if not isinstance(classes, Mapping):
        return said
    if len(classes) > FEW:
        low, high = min(classes.values()), max(classes.values())
        each = f"{low}" if low == high else f"{low} to {high}"
        return f"{said} of {len(classes)} classes, {each} each"
    return f"{said}: {', '.join(f'{count} of {name!r}' for name, count in classes.items())}"
