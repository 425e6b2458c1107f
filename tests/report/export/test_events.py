"""TensorBoard's own reader finds in an event file what metrics.jsonl holds."""

import json
import math
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.metadata import (
    SESSION_START_INFO_TAG,
    parse_session_start_info_plugin_data,
)

from tlrun.api.run import run
from tlrun.core.errors import UserError
from tlrun.report.export.curves import Curves, Row, rows_of
from tlrun.report.export.events import as_events, file_name, is_ours

from problems import TINY

STARTED = 1_700_000_000.25


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Curves:
    words = [*TINY, "trainer.eval_every=2", "dataset.val_share=0.2", "controls=false", "λ=3"]
    done = run(*words, runs_dir=tmp_path_factory.mktemp("runs")).run
    config = {"seed": 0, "lam.value": 3.0, "backbone.hidden": [8], "dataset": "digits", "x": True}
    return Curves(done, "digits", config, STARTED, tuple(rows_of(done)))


def read(curves: Curves, folder: Path) -> Any:
    (folder / file_name(curves)).write_bytes(as_events(curves))
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return events


def of_the_files(curves: Curves) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of all that the run's files hold, read here once more."""
    text = (curves.run.path / "metrics.jsonl").read_text(encoding="utf-8")
    for line in map(json.loads, text.splitlines()):
        numbers = {"lam": line["lam"], **line["terms"]}
        for task, scores in line["val"].items():
            numbers |= {f"val/{task}/{metric}": value for metric, value in scores.items()}
        for name, value in numbers.items():
            yield f"{line['stage']}/{name}", line["step"], value
    result = curves.run.result
    for split, tasks in result["metrics"].items():
        for task, scores in tasks.items():
            for metric, value in scores.items():
                yield f"{split}/{task}/{metric}", result["steps"], value
    for split in ("val", "test"):
        yield f"headline/{split}", result["steps"], result["headline"][split]


def test_what_is_read_back_is_what_the_run_has_written(curves: Curves, tmp_path: Path) -> None:
    events = read(curves, tmp_path)
    expected = defaultdict(list)
    for tag, step, value in of_the_files(curves):
        expected[tag].append((step, float(np.float32(value)), STARTED))
    found = {
        tag: [(event.step, event.value, event.wall_time) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }

    assert found == dict(expected)
    assert {"target/L_T", "source/L_S", "headline/test"} <= set(found)


def test_losses_in_float32_are_exact(curves: Curves, tmp_path: Path) -> None:
    """They are computed in it, so that nothing is lost on the way."""
    events = read(curves, tmp_path)
    losses = [row for row in curves.rows if row.quantity == "L_T" and row.stage == "target"]

    assert [event.value for event in events.Scalars("target/L_T")] == [r.value for r in losses]


@pytest.mark.parametrize(
    ("lam", "label", "weight"), [(0.0, "0", 0.0), (3.0, "3", 0.75), (math.inf, "inf", 1.0)]
)
def test_runs_can_be_compared_by_their_hyperparameters(
    curves: Curves, tmp_path: Path, lam: float, label: str, weight: float
) -> None:
    changed = replace(curves, run=replace(curves.run, lam=lam, lam_label=label))
    events = read(changed, tmp_path)
    metadata = events.SummaryMetadata(SESSION_START_INFO_TAG)
    start = parse_session_start_info_plugin_data(metadata.plugin_data.content)
    values = {key: getattr(v, v.WhichOneof("kind")) for key, v in start.hparams.items()}

    assert start.group_name == curves.run.path.name
    assert values == {
        "seed": 0.0,
        "backbone.hidden": "[8]",
        "dataset": "digits",
        "x": True,
        "lam": label,
        "lam/(1+lam)": weight,
    }


def test_a_number_that_is_undefined_is_left_out_and_folds_are_apart(
    curves: Curves, tmp_path: Path
) -> None:
    rows = (Row(0, "a", 1, 1, "auc", None), Row(0, "a", 2, 2, "auc", 0.5))
    events = read(replace(curves, rows=(*rows, Row(1, "a", 1, 1, "auc", 0.25))), tmp_path)

    assert [(e.step, e.value) for e in events.Scalars("fold 0/a/auc")] == [(2, 0.5)]
    assert [(e.step, e.value) for e in events.Scalars("fold 1/a/auc")] == [(1, 0.25)]


def test_the_same_run_gives_the_same_file_and_it_tells_that_it_is_ours(curves: Curves) -> None:
    content = as_events(curves)

    assert content == as_events(curves)
    assert is_ours(content[:1000])
    assert not is_ours(content[:20] + b"another writer" + content[20:40])
    assert file_name(curves).startswith("events.out.tfevents.1700000000.")


@pytest.mark.slow
def test_torch_has_no_part_in_it() -> None:
    program = """
import sys
from tlrun.report.export.events import as_events
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter
print("torch" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("False\n", "")


def test_without_tensorboard_it_says_how_to_get_it(
    curves: Curves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)

    with pytest.raises(UserError, match=r"not installed; pip install 'tl-run\[tensorboard\]'"):
        as_events(curves)
