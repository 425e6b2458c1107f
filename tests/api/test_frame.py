"""A data frame of runs says what their folders say."""

import json
import math
from dataclasses import replace
from importlib import util
from pathlib import Path

import pandas as pd
import pytest

from tlrun.api.frame import Runs, load_runs
from tlrun.api.run import run
from tlrun.core.errors import UserError
from tlrun.runs import outcome

from problems import TINY


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """λ = 1 with its controls, λ = ∞, and another shift."""
    home = tmp_path_factory.mktemp("runs")
    run(*TINY, "strategy=parameter_transfer", runs_dir=home)
    alone = [*TINY, "controls=false", "strategy=parameter_transfer"]
    run(*alone, "λ=inf", runs_dir=home)
    run(*alone, "dataset.shift=inverted", "seed=4", runs_dir=home)
    return home


def test_loaded_runs_are_a_list_still(runs_dir: Path, tmp_path: Path) -> None:
    assert list(load_runs(runs_dir)) == outcome.load_runs(runs_dir)
    assert load_runs(tmp_path) == []
    assert load_runs(tmp_path).to_frame().empty


def test_a_row_is_a_run_in_the_words_of_its_files(runs_dir: Path) -> None:
    runs = load_runs(runs_dir)
    frame = runs.to_frame()

    assert len(frame) == len(runs)
    for (_, row), one in zip(frame.iterrows(), runs, strict=True):
        result = json.loads((one.path / "result.json").read_text())
        assert row["path"] == str(one.path)
        assert row["run"] == one.path.name
        assert row["test"] == result["headline"]["test"]
        assert math.isnan(row["val"])
        assert (row["labels.source"], row["labels.target"]) == tuple(result["labels"].values())
        assert (row["strategy"], row["seed"], row["dataset"]) == (one.strategy, one.seed, "digits")
        assert (row["diverged"], row["inexact"]) == (False, "")
        assert (row["steps"], row["seconds"]) == (result["steps"], one.seconds)


def test_what_no_word_may_rest_on_is_marked(runs_dir: Path) -> None:
    (one, *_) = load_runs(runs_dir)
    marked = replace(one, diverged=True, inexact="torch 2.5.0, now 2.6.0")
    frame = Runs([one, marked]).to_frame()

    assert list(frame.diverged) == [False, True]
    assert list(frame.inexact) == ["", "torch 2.5.0, now 2.6.0"]


def test_lambda_is_a_number_to_compute_with(runs_dir: Path) -> None:
    frame = load_runs(runs_dir).to_frame()
    found = frame[frame.strategy == "parameter_transfer"].lam

    assert found.dtype == float
    assert sorted(found) == [1.0, 1.0, math.inf]
    assert frame[frame.strategy == "scratch"].lam.isna().all()


def test_of_their_configs_it_has_what_differs(runs_dir: Path) -> None:
    runs = load_runs(runs_dir)
    frame = runs.to_frame()
    same = Runs(runs[:1]).to_frame()

    assert set(frame["dataset.shift"]) == {"noise", "inverted"}
    assert "trainer.steps" not in frame
    assert "dataset.shift" not in same
    assert not frame.columns.has_duplicates
    assert pd.notna(same).to_numpy()[0][same.columns.get_loc("test")]


def test_where_a_config_cannot_be_read_the_run_has_its_row_all_the_same(tmp_path: Path) -> None:
    done = run(*TINY, "strategy=scratch", "controls=false", runs_dir=tmp_path)
    file = done.run.path / "config.yaml"
    for damaged in ("{", file.read_text().replace("digits", "others")):
        file.write_text(damaged, encoding="utf-8")
        frame = Runs([done.run]).to_frame()

        assert list(frame.dataset) == ["digits"]
        assert list(frame["name"]) == ["scratch"]


def test_without_pandas_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = util.find_spec
    monkeypatch.setattr(
        "tlrun.api.frame.find_spec", lambda name: None if name == "pandas" else found(name)
    )

    with pytest.raises(UserError, match=r"not installed; pip install 'tl-run\[pandas\]'"):
        Runs().to_frame()
