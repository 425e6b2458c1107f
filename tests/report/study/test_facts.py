import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tlrun.report.study import facts

from made_runs import draws, put_arm, put_run, put_study, right_on
from made_studies import only, parts_of, runs_of
from problems import sign

RIGHT = np.arange(40) % 3 > 0


def test_scope_names_the_draws_the_pool_and_the_test_examples(tmp_path: Path) -> None:
    put_study(tmp_path)

    assert only(tmp_path).scope == (
        "Intervals are over draws of 20 labels from this pool of 100 rows, initial weights and the "
        "order of examples, and new test examples like these 400. They hold for this data set."
    )


def test_the_same_labels_for_every_seed_are_no_draws(tmp_path: Path) -> None:
    put_arm(tmp_path, "fused", 0.5, data="always these")

    assert only(tmp_path).scope.startswith("Intervals are over initial weights and the order of")


def test_test_examples_of_each_seed_and_folds_are_said_to_be(tmp_path: Path) -> None:
    for seed, right in enumerate(draws(0.5, 3, 40)):
        put_run(tmp_path / "own", "fused", seed, right, test_examples=str(seed))
        for name, groups in (("rows", None), ("groups", np.arange(40) // 4)):
            folded = right_on(right, folds=np.arange(40) % 4, groups=groups)
            put_run(tmp_path / name, "fused", seed, {"target/kind": folded})

    assert "and every seed's own test examples" in only(tmp_path / "own").scope
    assert "over new rows: of these fold models" in only(tmp_path / "rows").scope
    assert "over new rows of new groups: of these fold models" in only(tmp_path / "groups").scope


def test_a_damaged_load_report_leaves_a_scope(tmp_path: Path) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    (path / "data.json").write_text("[]")
    parts = parts_of(tmp_path)

    assert facts.scope(parts.series, parts.evidence, parts.folder, 0).startswith(
        "Intervals are over"
    )
    assert facts.tested(parts.series[0].first, parts.evidence) == ()


def test_a_load_report_that_is_not_what_it_was_is_none(tmp_path: Path) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    sign(path)
    run = runs_of(tmp_path, "fused")[0]
    assert facts.report_rows(run)
    file = path / "data.json"
    file.write_text(file.read_text().replace('"not bought": 80', '"not bought": 81'))

    assert facts.report_rows(run) == []


def test_cost_counts_every_run_of_the_arms_and_their_controls_once(tmp_path: Path) -> None:
    """Those of λ that validation did not choose too: they were computed."""
    for lam in (0.0, 1.0, 10.0):
        put_arm(tmp_path, "parameter_transfer", 0.6, lam=lam, val_loss=lam)
    put_arm(tmp_path, "scratch", 0.5)
    cost = dict(only(tmp_path).cost)

    assert cost["runs"] == "24 (6 of them controls), 36 s of computing"
    assert cost["labels"] == "100 source, 20 target"
    assert cost["tuning"].endswith("learning rate 0.003, the same for every arm")


@pytest.mark.parametrize(
    ("seconds", "said"), [(10.0, "10 s"), (59.9, "60 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")]
)
def test_time_is_written_for_people(tmp_path: Path, seconds: float, said: str) -> None:
    put_run(tmp_path, "fused", 0, RIGHT, seconds=seconds)

    assert f", {said} of computing" in dict(only(tmp_path).cost)["runs"]


def test_rates_that_differ_are_told(tmp_path: Path) -> None:
    for k, rate in enumerate((0.1, 0.01)):
        put_run(tmp_path, "fused", 0, RIGHT, options={"k": k}, optimizer={"lr": rate})

    assert dict(only(tmp_path).cost)["tuning"] == (
        "none: learning rate 0.01, 0.1, not the same for every arm"
    )


def test_problems_of_one_data_set_are_told_apart_by_their_options(tmp_path: Path) -> None:
    runs = {}
    for labels in (10, 20):
        path = put_run(tmp_path, "fused", 0, RIGHT, options={"k": labels}, problem=f"p{labels}")
        config = {"dataset": {"name": "made", "labels": labels, "split_seed": 0}}
        (path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        runs[f"p{labels}"] = runs_of(tmp_path, f"fused k={labels}")[0]
    told = facts.telling(runs)

    assert told == {"p10": {"labels": "10"}, "p20": {"labels": "20"}}
    assert facts.question(runs["p10"], told["p10"]) == (
        "Does transferring help on made (labels=10), how strong, does it hurt?"
    )
    assert facts.telling({"p10": runs["p10"]}) == {"p10": {}}


def test_runs_apart_are_listed_with_what_is_known(tmp_path: Path) -> None:
    put_study(tmp_path)
    for seed, status in enumerate(("failed", "interrupted")):
        path = put_run(tmp_path, "joint", seed, RIGHT, status=status, reason="no disk")
        record = json.loads((path / "run.json").read_text())
        assert record["status"] == status
    others = only(tmp_path).others

    assert [(other.status, other.score, other.why) for other in others] == [
        ("failed", "–", "no disk"), ("interrupted", "–", "no disk"),
    ]  # fmt: skip
    assert others[0].path == "made/joint/joint_seed=0"
