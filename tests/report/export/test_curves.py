"""The rows of a run are the numbers of its files, each once."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tlrun.api.run import run
from tlrun.report.export.curves import END, Row, rows_of
from tlrun.runs.outcome import Outcome

from problems import TINY

STEP = {"lam": 1.0, "terms": {"L_T": 0.5}, "val": {}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run of two stages, evaluated twice in each."""
    words = [*TINY, "trainer.eval_every=2", "dataset.val_share=0.2", "controls=false"]
    return run(*words, "strategy=feature_transfer", runs_dir=tmp_path_factory.mktemp("runs")).run


def with_rows(outcome: Outcome, folder: Path, rows: Sequence[Mapping[str, Any]]) -> Outcome:
    """A run of which metrics.jsonl holds `rows`."""
    text = "".join(json.dumps({**STEP, **row}) + "\n" for row in rows)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    return replace(outcome, path=folder)


def steps_of(outcome: Outcome) -> list[tuple[object, ...]]:
    rows = [row for row in rows_of(outcome) if row.quantity == "lam"]
    return [(row.fold, row.stage, row.step, row.overall) for row in rows]


def test_every_number_of_its_files_is_a_row(trained: Outcome) -> None:
    rows = list(rows_of(trained))
    lines = (trained.path / "metrics.jsonl").read_text().splitlines()
    expected = set[tuple[object, ...]]()
    for line in map(json.loads, lines):
        at = (line["stage"], line["step"])
        expected |= {(*at, "lam", line["lam"])}
        expected |= {(*at, name, value) for name, value in line["terms"].items()}
        for task, scores in line["val"].items():
            expected |= {(*at, f"val/{task}/{name}", value) for name, value in scores.items()}
    found = {(r.stage, r.step, r.quantity, r.value) for r in rows if r.stage != END}

    assert found == expected
    assert len(rows) == len({row[:5] for row in rows})
    assert any(row.quantity == "val/target/digit/accuracy" for row in rows)


def test_the_scores_at_the_end_are_those_of_the_result(trained: Outcome) -> None:
    end = {row.quantity: row.value for row in rows_of(trained) if row.stage == END}
    metrics = trained.result["metrics"]

    assert end == {
        f"{split}/{task}/{metric}": value
        for split, tasks in metrics.items()
        for task, scores in tasks.items()
        for metric, value in scores.items()
    }
    assert end["test/target/digit/accuracy"] == trained.result["headline"]["test"]


def test_steps_are_counted_within_a_stage_and_overall(trained: Outcome) -> None:
    assert steps_of(trained) == [
        (None, "source", 2, 2),
        (None, "source", 4, 4),
        (None, "target", 2, 6),
        (None, "target", 4, 8),
    ]
    assert trained.result["steps"] == 8


def test_each_fold_is_counted_from_its_own_start(trained: Outcome, tmp_path: Path) -> None:
    rows = [{"fold": f, "stage": s, "step": n} for f in (0, 1) for s, n in (("a", 3), ("b", 5))]

    assert steps_of(with_rows(trained, tmp_path, rows)) == [
        (0, "a", 3, 3),
        (0, "b", 5, 8),
        (1, "a", 3, 3),
        (1, "b", 5, 8),
    ]


def test_infinity_is_a_number_and_what_is_undefined_none(trained: Outcome, tmp_path: Path) -> None:
    val = {"target/digit": {"auc": None}}
    outcome = with_rows(
        trained, tmp_path, [{"stage": "target", "step": 1, "lam": "inf", "val": val}]
    )

    first = list(rows_of(outcome))[:3]
    assert first == [
        Row(None, "target", 1, 1, "lam", math.inf),
        Row(None, "target", 1, 1, "L_T", 0.5),
        Row(None, "target", 1, 1, "val/target/digit/auc", None),
    ]


def test_a_run_that_was_not_trained_in_steps_has_its_scores_alone(
    trained: Outcome, tmp_path: Path
) -> None:
    assert {row.stage for row in rows_of(replace(trained, path=tmp_path))} == {END}
