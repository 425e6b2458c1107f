"""A loaded model says what the run said, to the bit, and has all that was kept of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from answering import STRATEGIES, TOGETHER
from safetensors.torch import load_file

from tlrun import load
from tlrun.config.build import build
from tlrun.models.model import state
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS
from tlrun.runs.sealed_evaluation import rebuilt
from tlrun.runs.trained_model import load_model
from tlrun.training.evaluation import evaluate

from problems import Watcher, config, performed, planned, sign
from properties import assert_same_bits

BACKBONES: dict[str, Mapping[str, Any]] = {
    "mlp": {"name": "mlp", "hidden": [16]},
    "conv": {"name": "conv", "channels": [4, 6], "norm": "batch"},
    "identity": {"name": "identity"},
}


def done(tmp_path: Path, **nodes: Any) -> tuple[Outcome, dict[str, Any]]:
    asked = config(tmp_path, **nodes)
    return performed(planned(asked, Watcher()), THIS, Watcher()), asked


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_gives_the_predictions_of_its_run_to_the_bit(
    strategy: str, backbone: str, tmp_path: Path
) -> None:
    if (strategy, backbone) == ("structure_transfer", "identity"):
        pytest.skip("it has no structure")
    dataset, method = STRATEGIES[strategy]
    nodes: dict[str, Any] = {"dataset": dataset, "strategy": method}
    if strategy == "mean at infinity":
        nodes["lam"] = {"name": "constant", "value": float("inf")}
    outcome, asked = done(tmp_path, backbone=BACKBONES[backbone], **nodes)
    run = build(asked)
    problem = run.dataset.load(run.seed)
    again = rebuilt(outcome, run, problem)
    _, predictions = again.evaluate(problem.test.open())
    kept = load_file(outcome.path / "predictions.safetensors")

    assert predictions.keys() <= kept.keys()
    assert {key for key in kept if key.startswith("noise/")} <= predictions.keys()
    assert_same_bits(predictions, {key: kept[key] for key in predictions})


def test_all_tensors_are_there_and_those_of_the_equation_too(tmp_path: Path) -> None:
    for number, (dataset, method) in enumerate(STRATEGIES.values()):
        outcome, _ = done(tmp_path / str(number), dataset=dataset, strategy=method)
        model = load_model(outcome.path)
        assert_same_bits(state(model), load_file(outcome.path / "model.safetensors"))
        assert not model.training


def test_each_fold_has_a_model(tmp_path: Path) -> None:
    lines = [f"{k * 0.37 % 5:.3f},{k * 0.71 % 3:.3f},{'ab'[k % 2]}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["x,z,y", *lines]))
    dataset = {"name": "table_csv", "path": str(tmp_path / "t.csv"), "test_folds": 3}
    outcome, asked = done(tmp_path / "runs", dataset=dataset, strategy={"name": "single_task"})
    kept = load_file(outcome.path / "predictions.safetensors")
    problem = build(asked).dataset.load(0)

    for fold, part in enumerate(problem.folds):
        (domain,), test = part.domains.values(), part.test.open()["table"]
        _, said = evaluate(load_model(outcome.path, fold), "table", domain.tasks, test)
        assert torch.equal(said["y"], kept["table/y"][kept["table/y/fold"] == fold])
    with pytest.raises(ValueError, match="expected a model of a network"):
        load_model(outcome.path)
    with pytest.raises(ValueError, match="expected a model of fold 3"):
        load_model(outcome.path, 3)


def test_it_moves_no_random_number_and_an_estimator_has_none(tmp_path: Path) -> None:
    outcome, _ = done(tmp_path)
    torch.manual_seed(3)
    first = torch.rand(3)
    torch.manual_seed(3)
    load_model(outcome.path)
    assert torch.equal(torch.rand(3), first)

    told = {"dataset": TOGETHER, "strategy": {"name": "gradient_boosting"}}
    estimator, _ = done(tmp_path, **told)
    with pytest.raises(ValueError, match="expected a model of a network"):
        load_model(estimator.path)


def test_a_level_that_stands_in_some_folds_alone_makes_their_models_wider(tmp_path: Path) -> None:
    levels = ["rare" if k == 5 else "uvw"[k % 3] for k in range(60)]
    lines = [f"{level},{k * 0.37 % 5:.3f},{'ab'[k % 2]}" for k, level in enumerate(levels)]
    (tmp_path / "t.csv").write_text("\n".join(["c,x,y", *lines]))
    table = {"name": "table_csv", "path": str(tmp_path / "t.csv"), "predict": "y", "test_folds": 3}

    outcome, _ = done(tmp_path / "runs", dataset=table, strategy={"name": "single_task"})

    widths = set()
    for fold in range(3):
        model = load_model(outcome.path, fold)
        assert_same_bits(state(model), of_fold(outcome.path, fold))
        widths.add(next(iter(model.trunks.parameters())).shape[1])
    assert widths == {4, 5}
    new = {"c": ["u", "rare"], "x": [1.0, 2.0]}
    with pytest.warns(UserWarning, match="1 row with 'rare', never learnt from"):  # in one fold
        assert load(outcome.path).predict_proba(new).shape == (2, 2)


def of_fold(path: Path, fold: int) -> dict[str, torch.Tensor]:
    """What is kept of one fold's model."""
    before = f"fold{fold}/"
    kept = load_file(path / "model.safetensors")
    return {n.removeprefix(before): tensor for n, tensor in kept.items() if n.startswith(before)}


@pytest.mark.parametrize("name", ["config.yaml", "data.json", "structure.json"])
def test_a_file_that_decides_and_is_not_what_it_was_is_refused(tmp_path: Path, name: str) -> None:
    outcome, _ = done(tmp_path, strategy={"name": "structure_transfer"})
    with (outcome.path / name).open("a") as file:
        file.write("\n")  # which reads as before
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        load_model(outcome.path)
    (outcome.path / "structure_new.json").write_text("{}")
    sign(outcome.path)
    load_model(outcome.path)
    (outcome.path / "structure_newer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"structure_newer\.json: .* put there later"):
        load_model(outcome.path)
