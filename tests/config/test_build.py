import math
from pathlib import Path
from typing import Any

import pytest

from tlrun.config.build import Verdict, build
from tlrun.core.errors import UserError
from tlrun.models.backbones.mlp import Mlp
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.fused import Fused
from tlrun.strategies.schedules import Constant
from tlrun.strategies.task_relation import TaskRelation
from tlrun.training.options import TrainerOptions

from problems import config

GOOD = config(Path("runs"))


def check(asked: dict[str, Any]) -> tuple[str, ...]:
    """Every mistake in a config, a line each."""
    with pytest.raises(UserError) as caught:
        build(asked)
    return caught.value.lines


def test_a_good_config_becomes_typed_objects() -> None:
    run = build(GOOD)

    assert run.backbone == Mlp(hidden=(16,))
    assert run.lam == Constant(1.0)
    assert run.trainer == TrainerOptions(steps=6, batch_size=16, eval_every=4)
    assert run.verdict == Verdict(alpha=0.05, delta=None)


def test_a_verdicts_numbers_are_numbers_however_they_are_written() -> None:
    run = build({**GOOD, "verdict": {"delta": 2}})

    assert run.verdict == Verdict(delta=2.0)
    assert isinstance(run.verdict.delta, float)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seed": 1.5}, "seed: expected a whole number >= 0, found 1.5"),
        ({"seed": -1}, "seed: expected a whole number >= 0, found -1"),
        ({"seed": True}, "seed: expected a whole number >= 0, found True"),
        ({"reuse": "all"}, "reuse: expected one of same, any, found 'all'"),
        ({"sede": 1}, "sede: no such key; did you mean seed?"),
        (
            {"lam": {"name": "constant", "value": math.nan}},
            "lam.value: expected a number >= 0 (inf is allowed)",
        ),
        (
            {"lam": {"name": "constant", "value": -1}},
            "lam.value: expected a number >= 0 (inf is allowed), found -1",
        ),
        ({"lam": {"name": "sigmod"}}, "lam.name: 'sigmod' is not known; did you mean sigmoid?"),
        ({"lam": 3}, "lam: expected one of constant, cosine, linear, sigmoid, found 3"),
        ({"strategy": {"name": "feature_transfr"}}, "did you mean feature_transfer?"),
        (
            {"strategy": {"name": "feature_transfer", "freez": True}},
            "strategy.freez: feature_transfer has",
        ),
        ({"strategy": {}}, "strategy.name: nothing is not known"),
        ({"backbone": {"name": "../conv"}}, "backbone.name: '../conv' is not known"),
        ({"backbone": {"name": ["conv"]}}, "backbone.name: ['conv'] is not known"),
        (
            {"dataset": {"name": "digits", "_target_": "os.system"}},
            "dataset._target_: digits has no such key",
        ),
        (
            {"optimizer": {"name": "sgd", "momentum": 0, "nesterov": True}},
            "optimizer.momentum: expected more than 0",
        ),
    ],
)
def test_each_mistake_is_one_line(change: dict[str, Any], line: str) -> None:
    (found,) = check(GOOD | change)

    assert line in found


def test_all_mistakes_are_told_at_once() -> None:
    wrong = GOOD | {"seed": "x", "threads": 0, "lam": {"name": "constant", "value": -1}, "extra": 1}

    with pytest.raises(UserError) as caught:
        build(wrong)

    assert {line.split(":")[0] for line in caught.value.lines} == {
        "seed",
        "threads",
        "lam.value",
        "extra",
    }


def test_a_missing_key_is_told() -> None:
    assert check({key: value for key, value in GOOD.items() if key != "seed"}) == (
        "seed: expected a whole number >= 0, found nothing",
    )
    assert check({key: value for key, value in GOOD.items() if key != "lam"}) == (
        "lam: expected one of constant, cosine, linear, sigmoid, found nothing",
    )


def fused(**options: Any) -> dict[str, Any]:
    return GOOD | {"strategy": {"name": "fused"} | options}


MEAN = {"name": "task_relation", "relation": "mean"}


def test_a_node_within_a_node_becomes_an_object_within_an_object() -> None:
    asked = fused(first=MEAN, then={"name": "feature_transfer", "train": "all"}, first_lam=3)

    expected = Fused(
        first=TaskRelation(relation="mean"), first_lam=3.0, then=FeatureTransfer(train="all")
    )
    assert build(asked).strategy == expected
    assert build(fused()).strategy == Fused()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"first": {**MEAN, "relatoin": "mean"}},
            "strategy.first.relatoin: task_relation has no such key; did",
        ),
        (
            {"first": {**MEAN, "relation": "men"}},
            "strategy.first.relation: expected one of mean, soft_sharing, graph",
        ),
        (
            {"first": {"name": "shared_parameters", "rank": 1}},
            "strategy.first.rank: shared_parameters has",
        ),
        (
            {"first": {"name": "task_relatoin"}},
            "task_transfer, found 'task_relatoin'; did you mean task_relation?",
        ),
        ({"first": {"name": "joint"}}, "task_transfer, found 'joint'"),
        (
            {"first": {"relation": "mean"}},
            "strategy.first: expected one of shared_parameters, task_relation, ",
        ),
        ({"first": "task_relation"}, "task_transfer, found 'task_relation'"),
        ({"first": None}, "task_transfer, found nothing"),
        ({"first": {"name": "fused"}}, "task_transfer, found 'fused'"),
        (
            {"then": {"name": "scratch"}},
            "strategy.then: expected one of feature_transfer, parameter_transfer, ",
        ),
        (
            {"then": {"name": "feature_transfer", "train": 1}},
            "strategy.then.train: expected one of all, head, last, first, norm, found 1",
        ),
        (
            {"frist": {"name": "task_relation"}},
            "strategy.frist: fused has no such key; did you mean first?",
        ),
        (
            {"first": {"name": "task_relation", "_target_": "x"}},
            "strategy.first._target_: task_relation has no such",
        ),
        (
            {"first": {"name": "task_relation", "relation": "graph"}},
            "strategy.first.graph: expected a table or a CSV",
        ),
        (
            {"then": {"name": "structure_transfer", "structure": "stats", "density": 0.5}},
            "strategy.then.density: expected null with structure=stats",
        ),
    ],
)
def test_a_mistake_within_a_node_is_one_line_with_the_way_to_it(
    options: dict[str, Any], line: str
) -> None:
    (found,) = check(fused(**options))

    assert line in found
    assert "\n" not in found


def test_mistakes_in_both_parts_are_told_at_once() -> None:
    wrong = fused(first={"name": "task_relation", "scop": 1}, then={"name": "joint"}, first_lam=-1)

    assert {line.split(":")[0] for line in check(wrong)} == {
        "strategy.first.scop", "strategy.then", "strategy.first_lam",
    }  # fmt: skip
