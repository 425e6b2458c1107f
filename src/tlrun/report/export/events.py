"""Curves as TensorBoard reads them, written with its own writer; torch has no part in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.report.export.curves import END, Curves

WRITER = "tl-run export"  # who an event file of ours says has written it
VERSION = "brain.Event:2"  # of the format
HEADLINE = "headline"  # the group of the scores that runs are compared by


def as_events(curves: Curves) -> bytes:
    """An event file of one run: its hyperparameters, then a scalar for each number.

    Tags are <stage>/<quantity>, such as target/L_T, with the steps of that stage; in folds
    `fold <k>/` stands before them. Scores at the end are val/… and test/…, the headline
    headline/val and headline/test, all at the step at which the run ended. A number that is
    undefined is left out. TensorBoard holds scalars in float32: a score kept in float64 is rounded.

    The same run gives the same bytes: every event has the time at which the run started.

    Raises UserError where tensorboard is not installed.
    """
    _check_installed()
    from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.record_writer import RecordWriter

    source = SourceMetadata(writer=WRITER)
    events = [Event(wall_time=curves.started, file_version=VERSION, source_metadata=source)]
    about = hparams_pb(_hyperparameters(curves), curves.run.path.name, curves.started)
    events.append(Event(wall_time=curves.started, summary=about))
    for tag, step, value in scalars(curves):
        event = Event(wall_time=curves.started, step=step)
        event.summary.value.add(tag=tag, simple_value=value)
        events.append(event)
    file = BytesIO()
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    return file.getvalue()


def file_name(curves: Curves) -> str:
    """What the event file of a run is called."""
    return f"events.out.tfevents.{int(curves.started):010d}.{curves.run.path.name[-12:]}"


def is_ours(content: bytes) -> bool:
    """Whether an event file is of `as_events`: its first event names the writer."""
    return WRITER.encode() in content[:200]


def scalars(curves: Curves) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of every number that is defined."""
    for row in curves.rows:
        if row.value is None:
            continue
        tag = row.quantity if row.stage == END else f"{row.stage}/{row.quantity}"
        if row.fold is not None:
            tag = f"fold {row.fold}/{tag}"
        yield tag, row.step, row.value
    headline, steps = curves.run.result["headline"], curves.run.result["steps"]
    for split in ("val", "test"):
        if headline[split] is not None:
            yield f"{HEADLINE}/{split}", steps, headline[split]


def _hyperparameters(curves: Curves) -> dict[str, str | float]:
    """The config as numbers and words, λ in two ways: as it is written, and as a finite number.

    That number is λ/(1+λ), the weight of the target: 0 at λ=0, 1 at λ=∞.
    """
    values: dict[str, str | float] = {}
    for key, value in curves.config.items():
        if key != "lam.value":
            values[key] = _plain(value)
    run = curves.run
    if run.lam_label:
        values["lam"] = run.lam_label
    if run.lam is not None:
        values["lam/(1+lam)"] = 1.0 if math.isinf(run.lam) else run.lam / (1.0 + run.lam)
    return values


def _plain(value: Any) -> str | float:
    """A value as TensorBoard takes it: a finite number, true or false, or text."""
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        hint = "pip install 'tl-run[tensorboard]'"
        raise UserError(Mistake("--tensorboard", "tensorboard", "it is not installed", hint))
