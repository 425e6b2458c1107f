import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tlrun.core.task import TaskKey
from tlrun.report.study.predictions import predictions_of, tasks_of

from made_runs import off_by, put_run, right_on
from made_studies import runs_of
from problems import sign

RIGHT = np.arange(40) % 3 > 0


def test_what_a_run_has_said_is_read_back(tmp_path: Path) -> None:
    kind = right_on(RIGHT, folds=np.arange(40) % 4, groups=np.arange(40) // 2)
    price = off_by(np.ones(30), "r2", index=np.arange(30) * 7)
    put_run(tmp_path, "fused", 0, {"target/kind": kind, "e/price": price})
    found = predictions_of(runs_of(tmp_path, "fused")[0])
    one, other = found[TaskKey("target", "kind")], found[TaskKey("e", "price")]

    assert (one.task.classes, one.metric, one.role) == (("cat", "dog"), "accuracy", "target")
    assert np.array_equal(one.outputs, kind.outputs)
    assert np.array_equal(one.labels, kind.labels)
    assert one.folds is not None
    assert one.groups is not None
    assert (other.task.kind, other.task.classes, other.metric) == ("regression", (), "r2")
    assert np.array_equal(other.index, np.arange(30) * 7)
    assert other.folds is other.groups is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("predictions.safetensors", b""),
        ("predictions.safetensors", b"not tensors at all"),
        ("data.json", b"{}"),
        ("data.json", b"[]"),
        ("data.json", b"\xff\xfe"),
        ("data.json", b'{"splits": [{"domain": "target"}]}'),
    ],
)
def test_damaged_files_say_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    (path / name).write_bytes(content)

    assert predictions_of(runs_of(tmp_path, "fused")[0]) == {}


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    (path / "predictions.safetensors").unlink()

    assert predictions_of(runs_of(tmp_path, "fused")[0]) == {}


def test_classes_of_another_run_say_nothing(tmp_path: Path) -> None:
    """A data.json that is whole, but not what it was: the same classes in another order."""
    path = put_run(tmp_path, "fused", 0, RIGHT)
    sign(path)
    run = runs_of(tmp_path, "fused")[0]
    assert predictions_of(run)
    assert tasks_of(run)
    report = json.loads((path / "data.json").read_text())
    for row in report["splits"]:
        row["classes"] = dict(reversed(row["classes"].items()))
    (path / "data.json").write_text(json.dumps(report))

    assert predictions_of(run) == {}
    assert tasks_of(run) == {}


def test_outputs_of_more_examples_than_labels_say_nothing(tmp_path: Path) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    tensors = load_file(path / "predictions.safetensors")
    longer = np.concatenate([tensors["target/kind"]] * 2)
    save_file({**tensors, "target/kind": longer}, path / "predictions.safetensors")

    assert predictions_of(runs_of(tmp_path, "fused")[0]) == {}


def test_tasks_are_told_without_what_was_said_of_them(tmp_path: Path) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    run = runs_of(tmp_path, "fused")[0]
    expected = {key: each.task for key, each in predictions_of(run).items()}
    (path / "predictions.safetensors").unlink()

    assert expected
    assert tasks_of(run) == expected
    (path / "data.json").write_text("[]")
    assert tasks_of(run) == {}
