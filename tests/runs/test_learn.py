import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tlrun.core.metrics import score
from tlrun.core.task import TaskKey

from problems import Watcher, config, data_of, outcomes_of, performed, planned

STRATEGIES: list[dict[str, Any]] = [
    {"name": "single_task"},
    {"name": "task_relation", "relation": "covariance"},
    {"name": "linear_model", "rows": "pooled"},
    {"name": "gradient_boosting"},
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two domains, one class rare, and a number; 90 rows."""
    rng = np.random.default_rng(0)
    rows = ["d,a,b,y,z"]
    for k, (a, b) in enumerate(rng.normal(size=(90, 2)).round(5)):
        rows.append(f"{'AB'[k % 2]},{a},{b},{'no' if a + b < 0.8 else 'yes'},{300 + 20 * a:.3f}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    return tmp_path / "t.csv"


def nodes(table: Path, **options: Any) -> dict[str, Any]:
    dataset = {
        "name": "table_csv",
        "path": str(table),
        "task": "d",
        "predict": "y",
        "ignore": ["z"],
    }
    return {"dataset": dataset | options}


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda node: node["name"])
def test_every_row_is_tested_once_by_a_model_that_has_not_seen_it(
    tmp_path: Path, table: Path, strategy: dict[str, Any]
) -> None:
    plan = planned(
        config(tmp_path / "runs", strategy=strategy, **nodes(table, test_folds=3)), Watcher()
    )
    problem = data_of(plan)
    outcome = performed(plan, "a run", Watcher())
    kept = load_file(outcome.path / "predictions.safetensors")
    tested = Counter[int]()
    for key in outcome.result["headline"]["tasks"]:
        index, folds = kept[f"{key}/index"], kept[f"{key}/fold"]
        tested.update(index.tolist())
        for row, fold in zip(index.tolist(), folds.tolist(), strict=True):
            for domain in problem.folds[fold].domains.values():
                assert row not in domain.train.index

    assert tested == Counter(range(90))
    assert outcome.result["folds"] == 3
    assert json.loads((outcome.path / "run.json").read_text())["test_opened"] == 1
    assert sum(each["labels"] for each in outcome.result["tested"].values()) == 90
    assert performed(plan, "a run", Watcher()).found


@pytest.mark.parametrize("folds", [None, 3])
def test_the_group_of_every_test_row_is_kept_with_its_prediction(
    tmp_path: Path, table: Path, folds: int | None
) -> None:
    lines = table.read_text().splitlines()
    groups = [f"p{k // 3 % 20}" for k in range(90)]
    grouped = [f"{lines[0]},g", *map(",".join, zip(lines[1:], groups, strict=True))]
    table.write_text("\n".join(grouped))
    kept = {}
    for group, ignored in (("g", ["z"]), (None, ["z", "g"])):
        told = nodes(table, test_folds=folds, group=group, ignore=ignored)
        strategy = {"name": "shared_parameters"}
        plan = planned(config(tmp_path / "runs", strategy=strategy, **told), Watcher())
        path = performed(plan, "a run", Watcher()).path
        kept[group] = load_file(path / "predictions.safetensors")

    assert not [name for name in kept[None] if name.endswith("/group")]
    for domain in "AB":
        rows = kept["g"][f"{domain}/y/index"].tolist()
        numbers = kept["g"][f"{domain}/y/group"]
        assert numbers.dtype == torch.int64
        named = {(groups[row], number) for row, number in zip(rows, numbers.tolist(), strict=True)}
        assert len({name for name, _ in named}) == len({number for _, number in named})
        assert len(named) == len({name for name, _ in named}) > 3


def test_scores_are_those_of_all_test_rows_together(tmp_path: Path, table: Path) -> None:
    told = nodes(table, test_folds=3, predict="z", ignore=["y"], task=None)
    plan = planned(config(tmp_path / "runs", strategy={"name": "single_task"}, **told), Watcher())
    outcome = performed(plan, "a run", Watcher())
    kept = load_file(outcome.path / "predictions.safetensors")
    task = data_of(plan).task_keys[TaskKey("table", "z")]
    found = outcome.result["metrics"]["test"]["table/z"]

    for metric in ("r2", "mae", "rmse"):
        assert found[metric] == score(
            metric, task, kept["table/z"].numpy(), kept["table/z/labels"].numpy()
        )
    assert found["rmse"] == pytest.approx(
        float(((kept["table/z"][:, 0] - kept["table/z/labels"]) ** 2).mean().sqrt())
    )
    assert kept["table/z/labels"].mean() == pytest.approx(300, abs=10)


def test_a_source_is_trained_once_for_all_folds_budgets_and_strategies(
    tmp_path: Path, table: Path
) -> None:
    """Neither what is drawn of the target nor its test rows reach what a source learns."""
    watcher = Watcher()
    for strategy in ("feature_transfer", "parameter_transfer"):
        for options in ({"labels": 8}, {"labels": 16}, {"test_folds": 3}, {"test_folds": 5}):
            told = nodes(table, target="A", **options)
            outcomes_of(config(tmp_path / "runs", strategy={"name": strategy}, **told), watcher)
    trained = Counter(stage.name for _, stage in watcher.stages)

    assert trained["source"] == 1
    assert trained["target"] == 2 * (1 + 1 + 3 + 5)


def test_a_run_in_folds_costs_and_keeps_what_all_its_folds_do(tmp_path: Path, table: Path) -> None:
    strategy = {"name": "shared_parameters"}
    whole, folded = (
        performed(
            planned(
                config(tmp_path / "runs", strategy=strategy, **nodes(table, **options)), Watcher()
            ),
            "a run",
            Watcher(),
        )
        for options in ({}, {"test_folds": 4})
    )
    record = json.loads((folded.path / "run.json").read_text())
    rows = [json.loads(line) for line in (folded.path / "metrics.jsonl").read_text().splitlines()]
    weights = load_file(folded.path / "model.safetensors")
    plain = load_file(whole.path / "model.safetensors")

    assert folded.result["steps"] == 4 * whole.result["steps"]
    assert len(record["stages"]) == 4
    assert {row["fold"] for row in rows} == {0, 1, 2, 3}
    assert set(weights) == {f"fold{k}/{name}" for k in range(4) for name in plain}
    assert not torch.equal(
        weights["fold0/" + next(iter(plain))], weights["fold1/" + next(iter(plain))]
    )
    kept = json.loads((folded.path / "preprocessing.json").read_text())
    assert len(kept["folds"]) == 4


def test_seeds_share_folds_and_split_seed_moves_them(tmp_path: Path, table: Path) -> None:
    def tested(seed: int, **options: Any) -> str:
        told = nodes(table, test_folds=3, labels=10, **options)
        plan = planned(
            config(tmp_path / "runs", strategy={"name": "linear_model"}, seed=seed, **told),
            Watcher(),
        )
        folds = data_of(plan).folds
        return str([fold.test.open()["A"].index.tolist() for fold in folds])

    assert tested(0) == tested(1) != tested(0, split_seed=1)
    assert tested(0, split_seed=None) != tested(1, split_seed=None)
