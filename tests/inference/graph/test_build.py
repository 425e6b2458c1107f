"""A graph answers as the run does that it was made of, for every kind of row, backbone and task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from answering import cells, columns_of, on_table, trained, without
from graphs import column, graph
from torch import nn

from tlrun.core.errors import UserError

from photos import put_classes
from reviews import domains_csv

onnx = pytest.importorskip("onnx")
ROWS = cells()


def texts_run(place: Path, backbone: dict[str, Any], strategy: str = "single_task") -> Path:
    file = domains_csv(place / "a.csv", 30, ("books",))
    dataset: dict[str, Any] = {"name": "text_csv", "path": str(file), "max_tokens": 20}
    dataset |= {"predict": "label", "text": "text", "cache": str(place / "cache")}
    return trained(place, dataset, strategy={"name": strategy}, backbone=backbone)


def test_a_table_and_its_mlp(tmp_path: Path) -> None:
    folder = on_table(tmp_path)
    made = graph(folder)

    assert made.parity.batches == (1, 1000)
    assert made.parity.difference < 1e-6
    new = columns_of(ROWS[:7])
    ages = [float(age) if age else np.nan for age in new["age"]]
    said = made.ask(
        {
            "age": column(*ages),
            "weight": column(*map(float, new["weight"])),
            "colour": column(*new["colour"]),
        }
    )
    with pytest.warns(UserWarning, match="missing numbers"):
        wanted = made.predictor.predict_proba(without(new, "ill", "site"))
    np.testing.assert_allclose(said["probabilities"], wanted, atol=1e-6)
    assert said["prediction"].tolist() == [("no", "yes")[int(p > 0.5)] for p in wanted[:, 1]]
    assert said["probabilities"].dtype == np.float32
    kept = onnx.load_from_string(made.content)
    about = json.loads(kept.metadata_props[0].value)
    assert about == {"made of": "a test", "classes": {"table/ill": ["no", "yes"]}}
    assert kept.producer_name == "tl-run"


def test_photos_and_their_convolutions_from_bytes(tmp_path: Path) -> None:
    put_classes(tmp_path / "in", ("car", "van", "bus"), 8)
    dataset = {"name": "image_folder", "path": str(tmp_path / "in"), "size": 8}
    dataset |= {"cache": str(tmp_path / "cache"), "test_share": 0.3}
    backbone = {"name": "conv", "channels": [4, 6], "norm": "batch"}
    made = graph(trained(tmp_path, dataset, strategy={"name": "single_task"}, backbone=backbone))

    (port,) = made.inputs.ports
    assert (port.name, port.type, port.shape) == ("images", "uint8", ("N", 3, 8, 8))
    assert made.parity.batches == (1, 1000)
    assert made.parity.difference < 1e-6


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_texts_and_their_lstm_of_any_length(pooling: str, tmp_path: Path) -> None:
    backbone = {"name": "lstm", "embedding": 6, "hidden": 5, "pooling": pooling}
    made = graph(texts_run(tmp_path, backbone))

    assert made.parity.difference < 1e-6
    short = made.ask({"input_ids": np.array([[2], [3]])})
    padded = made.ask({"input_ids": np.array([[2, 0, 0, 0], [3, 0, 0, 0]])})
    np.testing.assert_allclose(short["probabilities"], padded["probabilities"], atol=1e-7)


@pytest.mark.parametrize("ngrams", [1, 2])
def test_texts_and_their_bag(ngrams: int, tmp_path: Path) -> None:
    backbone = {"name": "bag", "embedding": 6, "ngrams": ngrams}

    assert graph(texts_run(tmp_path, backbone)).parity.difference < 1e-6


def test_a_transfer_of_digits_answers_with_the_statistics_of_its_target(tmp_path: Path) -> None:
    dataset = {"name": "digits_domains", "target": "noise"}
    backbone = {"name": "conv", "channels": [4, 6], "norm": "batch"}
    strategy = {"name": "feature_transfer"}
    made = graph(trained(tmp_path, dataset, strategy=strategy, backbone=backbone))

    assert made.domain == "noise"
    assert made.parity.difference < 1e-6
    (port,) = made.inputs.ports
    assert (port.name, port.type) == ("images", "float")


def test_folds_answer_together_each_with_its_own_means(tmp_path: Path) -> None:
    made = graph(on_table(tmp_path, test_folds=3, val_share=0.0))

    assert made.parity.difference < 1e-6


@pytest.mark.parametrize("specific", ["heads", "towers"])
def test_several_tasks_are_named(specific: str, tmp_path: Path) -> None:
    strategy = {"name": "shared_parameters"}
    if specific == "towers":
        strategy = {"name": "task_transfer", "scope": "towers"}
    made = graph(on_table(tmp_path, strategy, predict=["ill", "weight"]))

    names = [port.name for port in made.outputs.ports]
    assert names == ["ill/prediction", "ill/probabilities", "weight/prediction", "unseen"]
    assert made.parity.difference < 1e-6
    said = made.ask({"age": column(50.0), "colour": column("red")})
    assert said["weight/prediction"].dtype == np.float64
    assert 20 < said["weight/prediction"][0] < 120  # kilograms


@pytest.mark.parametrize("name", ["linear_model", "constant_prediction"])
@pytest.mark.parametrize("predicted", ["ill", "weight"])
def test_coefficients(name: str, predicted: str, tmp_path: Path) -> None:
    made = graph(on_table(tmp_path, {"name": name}, predict=predicted))

    assert made.parity.difference < 1e-6


@pytest.mark.parametrize("name", ["single_task", "linear_model"])
def test_numbers_far_from_0_in_folds_of_a_third_each(name: str, tmp_path: Path) -> None:
    """Weights, locations and scales that float32 does not hold."""
    rng = np.random.default_rng(0)
    rows = [(x, 1e6 + 10 * x + rng.normal()) for x in rng.normal(size=90).tolist()]
    file = tmp_path / "t.csv"
    file.write_text("x,price\n" + "\n".join(f"{x:.4f},{y:.3f}" for x, y in rows) + "\n")
    dataset = {"name": "table_csv", "path": str(file), "predict": "price", "test_folds": 3}

    made = graph(trained(tmp_path, dataset, strategy={"name": name}))

    assert made.parity.difference < 1e-6
    said = made.ask({"x": column(0.0, 1.0)})["prediction"]
    wanted = made.predictor.predict({"x": [0.0, 1.0]})
    np.testing.assert_allclose(said, wanted, atol=1e-5, rtol=0)


def test_what_torch_cannot_export_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = on_table(tmp_path)

    def impossible(layer: nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("no operator for it")

    monkeypatch.setattr(nn.Linear, "forward", impossible)

    with pytest.raises(UserError, match="--onnx: expected a network that torch can export, found"):
        graph(folder)


def test_counts_of_words_have_no_graph(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"expected a model that is computed from numbers, found tf"
    ):
        graph(texts_run(tmp_path, {"name": "bag", "embedding": 6}, "tfidf"))


def test_the_domain_is_chosen_where_there_are_several(tmp_path: Path) -> None:
    folder = on_table(tmp_path, {"name": "shared_parameters"}, task="site", ignore=None)

    with pytest.raises(UserError, match="domain: expected one domain, found 2; choose one: A, B"):
        graph(folder)
    with pytest.raises(UserError, match="domain: C is none"):
        graph(folder, "C")
    assert graph(folder, "B").parity.difference < 1e-6
