import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tlrun.core.options import strict
from tlrun.models.backbones.conv import Conv
from tlrun.models.build import draw_model
from tlrun.models.model import Model, restore, state
from tlrun.store.entries import Damaged, Entry
from tlrun.store.rundir import RunDir
from tlrun.store.stages import FinishedStage, describe_stage, read_stage, stage_entry, write_stage

from problems import SHAPE, SPEC, problem
from properties import assert_same_bits

CONTENT = {"stage": "source", "number": 0, "lam": {"value": math.inf}, "shape": SHAPE}
ROWS: list[dict[str, Any]] = [
    {
        "stage": "sourcé\u2028",
        "step": step,
        "lam": lam,
        "terms": {"L_S": 0.1 + 0.2, "L_T": 5e-324, "total": -0.0},
        "val": {
            "source/ours": {"loss": None, "accuracy": 1 / 3},
            "target/theirs": {"loss": math.inf},
        },
    }
    for step, lam in [(4, math.inf), (8, 0.0)]
]


@pytest.fixture
def place(tmp_path: Path) -> Entry:
    return stage_entry(tmp_path, "0123abcd")


def fresh(seed: int) -> Model:
    return draw_model(
        Conv(channels=(4,), norm="batch"),
        SPEC,
        problem("split").tasks_by_domain,
        "source",
        seed,
    )


@pytest.fixture
def finished() -> FinishedStage:
    """A stage with two heads, two domains, and statistics of BatchNorm that have moved."""
    model = fresh(0)
    model.track(["source", "target"])
    model.train()
    for domain in ("source", "target"):
        model.trunk(torch.randn(8, *SHAPE) + 5, domain)
    return FinishedStage(state(model), ROWS, 0.1 + 0.2)


def test_no_stage_is_none(place: Entry) -> None:
    assert read_stage(place) is None
    assert describe_stage(place) is None


def test_weights_statistics_and_seconds_come_back_to_the_bit(
    place: Entry, finished: FinishedStage
) -> None:
    write_stage(place, CONTENT, finished)
    found = read_stage(place)

    assert found is not None
    assert_same_bits(found.weights, finished.weights)
    assert [found.weights[name].dtype for name in finished.weights] == [
        t.dtype for t in finished.weights.values()
    ]
    assert_same_bits(state(restore(fresh(1), found.weights)), finished.weights)
    assert found.seconds == finished.seconds


def test_rows_come_back_as_json_says_them_and_are_logged_again_byte_by_byte(
    place: Entry, finished: FinishedStage, tmp_path: Path
) -> None:
    write_stage(place, CONTENT, finished)
    found = read_stage(place)
    assert found is not None
    assert found.rows == [strict(row) for row in ROWS]
    assert found.rows[0]["lam"] == "inf"  # text: JSON has no such number

    logs = []
    for name, rows in [("trained", ROWS), ("found", found.rows)]:
        run = RunDir(tmp_path, "group", name)
        run.begin("", {})
        for row in rows:
            run.log(row)
        logs.append((run.path / "metrics.jsonl").read_bytes())
    assert logs[0] == logs[1] == (place.path / "metrics.jsonl").read_bytes()


def test_a_number_that_json_cannot_hold_keeps_no_stage(
    place: Entry, finished: FinishedStage
) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_stage(place, CONTENT, FinishedStage(finished.weights, [{"loss": math.nan}], 1.0))

    assert read_stage(place) is None


def test_the_same_weights_are_the_same_bytes(finished: FinishedStage, tmp_path: Path) -> None:
    one, other = stage_entry(tmp_path, "one"), stage_entry(tmp_path, "other")
    write_stage(one, CONTENT, finished)
    backwards = {name: tensor.clone() for name, tensor in reversed(list(finished.weights.items()))}
    write_stage(other, CONTENT, FinishedStage(backwards, [], 9.0))

    assert (one.path / "model.safetensors").read_bytes() == (
        other.path / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("stage.json", None),
        ("stage.json", b"{}"),
        ("stage.json", b"[]"),
        ("stage.json", b'{"seconds": null}'),
        ("stage.json", b'{"seconds": "long"}'),
        ("stage.json", b'{"seconds": NaN}'),
        ("stage.json", b'{"seconds": -1}'),
        ("stage.json", b"[" * 100_000),
        ("stage.json", b"\xff"),
        ("metrics.jsonl", None),
        ("metrics.jsonl", b'{"step": 1}\n{"st'),
        ("metrics.jsonl", b"\n"),
        ("metrics.jsonl", b"[1]\n"),
        ("model.safetensors", None),
        ("model.safetensors", b""),
        ("model.safetensors", b"no weights at all"),
    ],
)
def test_an_entry_that_is_whole_and_no_stage_is_damaged(
    place: Entry, finished: FinishedStage, name: str, content: bytes | None
) -> None:
    write_stage(place, CONTENT, finished)
    files = place.read()
    assert files is not None
    place.write({k: v for k, v in {**files, name: content}.items() if v is not None})

    assert place.read() is not None
    with pytest.raises(Damaged, match="is no finished stage"):
        read_stage(place)


@pytest.mark.parametrize(
    "name", ["stage.json", "metrics.jsonl", "model.safetensors", "manifest.json"]
)
def test_damage_is_named_by_its_file(place: Entry, finished: FinishedStage, name: str) -> None:
    write_stage(place, CONTENT, finished)
    content = bytearray((place.path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place.path / name).write_bytes(content)

    with pytest.raises(Damaged, match=name):
        read_stage(place)


def test_a_stage_is_described_by_its_content(place: Entry, finished: FinishedStage) -> None:
    write_stage(place, CONTENT, finished)
    (place.path / "model.safetensors").unlink()

    assert describe_stage(place) == strict({**CONTENT, "seconds": finished.seconds})


@pytest.mark.parametrize("content", [None, b"", b'{"seconds": 1', b"[]", b"null", b"\xff"])
def test_a_stage_that_cannot_be_read_is_not_described(
    place: Entry, finished: FinishedStage, content: bytes | None
) -> None:
    write_stage(place, CONTENT, finished)
    if content is None:
        (place.path / "stage.json").unlink()
    else:
        (place.path / "stage.json").write_bytes(content)

    assert describe_stage(place) is None


def test_the_content_is_written_for_people(place: Entry, finished: FinishedStage) -> None:
    write_stage(place, CONTENT, finished)

    assert json.loads((place.path / "stage.json").read_text())["lam"] == {"value": "inf"}
