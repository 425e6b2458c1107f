import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.data.sealed import judged_rows, load_with_sealed
from tlrun.runs.outcome import Outcome, load_run
from tlrun.runs.plan import THIS
from tlrun.runs.sealed_evaluation import Rebuilt, rebuilt

from problems import Watcher, config, performed, planned, sign

SEALED = {"name": "digits", "sealed": 0.3}


def done(tmp_path: Path, **nodes: Any) -> tuple[Outcome, dict[str, Any]]:
    asked = config(tmp_path, **{"dataset": SEALED, **nodes})
    return performed(planned(asked, Watcher()), THIS, Watcher()), asked


def again(outcome: Outcome, asked: dict[str, Any]) -> tuple[Rebuilt, Problem, Any]:
    run = build(asked)
    problem, sealed = load_with_sealed(run.dataset, run.seed)
    return rebuilt(outcome, run, problem), problem, judged_rows(problem, sealed)


def test_it_scores_open_rows_as_the_run_did_and_sealed_ones_beside(tmp_path: Path) -> None:
    outcome, asked = done(tmp_path, strategy={"name": "feature_transfer"})
    model, problem, sealed = again(outcome, asked)
    as_before, _ = model.evaluate(problem.test.open())
    found, predictions = model.evaluate(sealed)

    before = outcome.result["metrics"]["test"]
    assert as_before["metrics"]["test"]["target/digit"] == before["target/digit"]
    assert as_before["headline"]["test"] == outcome.result["headline"]["test"]
    assert predictions["target/digit/index"].tolist() == sealed["target"].index.tolist()
    assert found["tested"]["target/digit"]["labels"] == len(sealed["target"])
    assert set(found["metrics"]["test"]) == {"target/digit"}
    kept = load_file(outcome.path / "predictions.safetensors")["target/digit/index"].tolist()
    assert not set(kept) & set(predictions["target/digit/index"].tolist())


def test_nothing_in_a_folder_is_of_sealed_rows(tmp_path: Path) -> None:
    outcome, asked = done(tmp_path)
    _, problem, sealed = again(outcome, asked)
    kept = load_file(outcome.path / "predictions.safetensors")
    data = json.loads((outcome.path / "data.json").read_text())
    tested = outcome.result["tested"]["target/digit"]["labels"]

    assert len(kept["target/digit"]) == tested == len(problem.test.open()["target"])
    assert {
        r["examples"] for r in data["splits"] if (r["domain"], r["split"]) == ("target", "test")
    } == {tested}
    assert data["sealed"]["target"] == len(sealed["target"]) > 0


@pytest.mark.parametrize("file", ["model.safetensors", "predictions.safetensors"])
def test_a_model_that_says_something_else_than_was_kept_is_refused(
    file: str, tmp_path: Path
) -> None:
    outcome, asked = done(tmp_path)
    tensors = load_file(outcome.path / file)
    name = "heads.*/digit.bias" if file.startswith("model") else "target/digit"
    tensors[name][..., 0] += 1.0
    save_file(tensors, outcome.path / file)
    with pytest.raises(UserError, match=f"{file} is damaged"):
        again(outcome, asked)
    sign(outcome.path)

    with pytest.raises(UserError, match="expected the predictions that it keeps"):
        again(load_run(outcome.path), asked)


def test_a_model_that_cannot_be_loaded_is_refused_in_a_line(tmp_path: Path) -> None:
    outcome, asked = done(tmp_path)
    tensors = load_file(outcome.path / "model.safetensors")
    del tensors["heads.*/digit.bias"]
    save_file(tensors, outcome.path / "model.safetensors")

    with pytest.raises(UserError, match="expected a run whose model can be loaded") as error:
        again(outcome, asked)
    assert len(str(error.value).splitlines()) == 1
