import math

import pytest
import torch

from tlrun.core.errors import RunFailed
from tlrun.core.metrics import score
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.runs.final_evaluation import drawn, evaluate_test, headline, spent
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch
from tlrun.strategies.source_only import SourceOnly
from tlrun.training.evaluation import Scores

from problems import SPEC, problem

LAM = Constant(1.0)


def test_the_test_set_is_opened_once_and_scores_can_be_recomputed_from_predictions() -> None:
    ours = problem(val=True)
    stages = Scratch().stages(ours, LAM, 5)
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)

    result, predictions = evaluate_test(ours, stages, 8, model)

    assert ours.test.opened == 1
    outputs, labels = predictions["target/ours"].numpy(), predictions["target/ours/labels"].numpy()
    assert result["metrics"]["test"]["target/ours"]["accuracy"] == score(
        "accuracy", ours.tasks["ours"], outputs, labels
    )
    assert result["headline"]["test"] == result["metrics"]["test"]["target/ours"]["accuracy"]
    assert result["headline"]["val"] == result["metrics"]["val"]["target/ours"]["accuracy"]
    assert torch.equal(predictions["target/ours/index"], torch.arange(30))


def test_only_heads_of_the_last_stage_are_scored() -> None:
    ours = problem("split")
    model = draw_model(Mlp(), SPEC, ours.only("target").tasks_by_domain, "target", 0)

    result, predictions = evaluate_test(ours, Scratch().stages(ours, LAM, 5), 8, model)

    assert set(result["metrics"]["test"]) == {"target/theirs"}
    assert set(predictions) == {"target/theirs", "target/theirs/labels", "target/theirs/index"}


def test_headline_is_the_targets_primary_metric_and_none_where_undefined() -> None:
    ours = problem()
    scores: dict[str, Scores] = {
        "test": {"source/ours": {"accuracy": 0.9}, "target/ours": {"accuracy": 0.4}},
        "val": {},
    }
    validated = scores | {
        "val": {"source/ours": {"loss": 9.0}, "target/ours": {"accuracy": 0.3, "loss": 2.0}}
    }

    told = {"name": "target accuracy", "test": 0.4, "tasks": {"target/ours": "accuracy"}}
    assert headline(ours, scores) == told | {"val": None, "val_loss": None}
    assert headline(ours, validated) == told | {"val": 0.3, "val_loss": 2.0}


def test_spent_counts_what_was_drawn() -> None:
    ours = problem(val=True)

    assert spent(ours, Scratch().stages(ours, LAM, 5), 8) == {
        "labels": {"source": 0, "target": 21}, "steps": 5, "examples": 40,
    }  # fmt: skip
    assert spent(ours, SourceOnly().stages(ours, LAM, 5), 8)["labels"] == {
        "source": 49,
        "target": 0,
    }
    assert spent(ours, FeatureTransfer().stages(ours, LAM, 5), 8) == {
        "labels": {"source": 49, "target": 21}, "steps": 10, "examples": 120,
    }  # fmt: skip


def test_missing_labels_are_not_counted() -> None:
    ours = problem()
    ours.domains["target"].train.labels["ours"][:5] = -1

    assert spent(ours, Scratch().stages(ours, LAM, 5), 8)["labels"]["target"] == 7


@pytest.mark.parametrize(
    ("lam", "expected"),
    [(0.0, ("source",)), (1.0, ("source", "target")), (math.inf, ("source", "target"))],
)
def test_drawn_is_over_all_stages(lam: float, expected: tuple[str, ...]) -> None:
    ours = problem()

    assert drawn(ours.domains, FeatureTransfer().stages(ours, Constant(lam), 5)) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_answer_to_a_test_example_that_is_not_finite_is_no_result(value: float) -> None:
    ours = problem()
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    model.state_dict()["heads.*/ours.bias"][0] = value

    with pytest.raises(RunFailed, match=f"expected finite outputs, found {value} for 20 of 20"):
        evaluate_test(ours, Scratch().stages(ours, LAM, 5), 8, model)
