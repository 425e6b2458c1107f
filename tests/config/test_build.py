import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.config.build import build, check
from tlrun.config.registry import GROUPS, equation, find, names
from tlrun.core.errors import UserError
from tlrun.core.options import as_node, strict
from tlrun.models.backbones.mlp import Mlp
from tlrun.runs.identity import identity, science
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.fused import MULTITASK, TRANSFERS, Fused
from tlrun.strategies.schedules import Constant
from tlrun.strategies.task_relation import TaskRelation
from tlrun.training.options import TrainerOptions

from problems import config

GOOD = config(Path("runs"))


def test_a_good_config_becomes_typed_objects() -> None:
    run = build(GOOD)

    assert check(GOOD) == []
    assert run.backbone == Mlp(hidden=(16,))
    assert run.lam == Constant(1.0)
    assert run.trainer == TrainerOptions(steps=6, batch_size=16, eval_every=4)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seed": 1.5}, "seed: expected a whole number >= 0, found 1.5"),
        ({"seed": -1}, "seed: expected a whole number >= 0, found -1"),
        ({"seed": True}, "seed: expected a whole number >= 0, found True"),
        ({"reuse": "all"}, "reuse: expected one of same, any, found 'all'"),
        ({"sede": 1}, "sede: no such key; did you mean seed?"),
        ({"lam": {"name": "constant", "value": math.nan}}, "lam.value: expected a number >= 0 (inf is allowed)"),
        ({"lam": {"name": "constant", "value": -1}}, "lam.value: expected a number >= 0 (inf is allowed), found -1"),
        ({"lam": {"name": "sigmod"}}, "lam.name: 'sigmod' is not known; did you mean sigmoid?"),
        ({"lam": 3}, "lam: expected one of constant, cosine, linear, sigmoid, found 3"),
        ({"strategy": {"name": "feature_transfr"}}, "did you mean feature_transfer?"),
        ({"strategy": {"name": "feature_transfer", "freez": True}}, "strategy.freez: feature_transfer has"),
        ({"strategy": {}}, "strategy.name: nothing is not known"),
        ({"backbone": {"name": "../conv"}}, "backbone.name: '../conv' is not known"),
        ({"backbone": {"name": ["conv"]}}, "backbone.name: ['conv'] is not known"),
        ({"dataset": {"name": "digits", "_target_": "os.system"}}, "dataset._target_: digits has no such key"),
        ({"optimizer": {"name": "sgd", "momentum": 0, "nesterov": True}}, "optimizer.momentum: expected more than 0"),
    ],
)  # fmt: skip
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
    assert check({key: value for key, value in GOOD.items() if key != "seed"}) == [
        "seed: expected a whole number >= 0, found nothing"
    ]
    assert check({key: value for key, value in GOOD.items() if key != "lam"}) == [
        "lam: expected one of constant, cosine, linear, sigmoid, found nothing"
    ]


@given(st.floats(0, math.inf), st.integers(0, 10**6))
def test_spellings_of_one_config_are_one_run(value: float, seed: int) -> None:
    plain = GOOD | {"lam": {"name": "constant", "value": value}, "seed": seed}
    spelt = GOOD | {
        "seed": seed,
        "lam": {"value": float(repr(value)), "name": "constant"},
        "trainer": {
            "eval_every": 4,
            "steps": 6,
            "batch_size": 16,
            "name": "trainer",
            "select": "last",
        },
    }

    assert identity(science(plain), "d") == identity(science(spelt), "d")


@pytest.mark.parametrize(
    ("one", "other"), [(0, -0.0), (1, 1.0), (0.1, 0.10), (math.inf, float("1e400"))]
)
def test_numbers_are_compared_by_value(one: float, other: float) -> None:
    ids = {
        identity(science(GOOD | {"lam": {"name": "constant", "value": v}}), "d")
        for v in (one, other)
    }

    assert len(ids) == 1


@pytest.mark.parametrize("key", ["runs_dir", "controls", "rerun", "reuse", "threads"])
def test_what_does_not_decide_the_result_is_not_in_the_id(key: str) -> None:
    other = {
        "runs_dir": "elsewhere",
        "controls": True,
        "rerun": True,
        "reuse": "any",
        "threads": 2,
    }[key]

    assert science(GOOD | {key: other}) == science(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"lam": {"name": "constant", "value": 2.0}},
        {"trainer": {"name": "trainer", "steps": 7}},
        {"dataset": {"name": "digits", "split_seed": 1}},
        {"strategy": {"name": "joint"}},
    ],
)
def test_what_decides_the_result_is_in_the_id(change: dict[str, Any]) -> None:
    assert identity(science(GOOD | change), "d") != identity(science(GOOD), "d")
    assert identity(science(GOOD), "e") != identity(science(GOOD), "d")


def test_ignored_groups_are_left_out() -> None:
    assert "lam" not in science(GOOD, frozenset({"lam"}))


def test_every_group_has_names_and_every_name_a_class() -> None:
    for group in GROUPS:
        assert names(group)
        for name in names(group):
            assert find(group, name).__name__.removesuffix("Options").lower() == name.replace(
                "_", ""
            )


def test_the_equation_is_the_first_line_without_the_command() -> None:
    assert equation("strategy", "scratch") == "Control: min L_T from random weights, no source."


def fused(**options: Any) -> dict[str, Any]:
    return GOOD | {"strategy": {"name": "fused"} | options}


MEAN = {"name": "task_relation", "relation": "mean"}


def test_a_node_within_a_node_becomes_an_object_within_an_object() -> None:
    asked = fused(first=MEAN, then={"name": "feature_transfer", "freeze": False}, first_lam=3)

    assert check(asked) == []
    expected = Fused(
        first=TaskRelation(relation="mean"), first_lam=3.0, then=FeatureTransfer(freeze=False)
    )
    assert build(asked).strategy == expected
    assert build(fused()).strategy == Fused()


def test_science_names_both_parts_and_their_options_in_full() -> None:
    assert science(fused(first=MEAN))["strategy"] == {
        "name": "fused",
        "first": {"name": "task_relation", "relation": "mean", "scope": "heads", "graph": None},
        "first_lam": 1.0,
        "then": {"name": "parameter_transfer"},
    }
    for first in MULTITASK:
        for then in TRANSFERS:
            told = science(fused(first={"name": first}, then={"name": then}))["strategy"]
            assert told["first"] == as_node(find("strategy", first)())
            assert told["then"] == as_node(find("strategy", then)())


@pytest.mark.parametrize("graph", [[[0, 1, 0], [1, 0, 0.5], [0, 0.5, 0]], "table.csv"])
def test_spellings_of_one_fused_config_are_one_run(
    graph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults filled in or left out, keys in any order, 1 for 1.0, a table or the file that holds
    it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("0,1,0\n1,0,.5\n0,.5,0\n", encoding="utf-8")
    plain = fused(
        first={
            "name": "task_relation",
            "relation": "graph",
            "graph": [[0.0, 1.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.5, 0.0]],
        }
    )
    first = {"scope": "heads", "graph": graph, "relation": "graph", "name": "task_relation"}
    spelt = fused(then={"name": "parameter_transfer"}, first_lam=1, first=first)
    other = fused(first={**first, "scope": "towers"})

    assert identity(science(plain), "d") == identity(science(spelt), "d")
    assert identity(science(plain), "d") != identity(science(other), "d")


def test_what_science_says_is_a_config_of_the_same_science() -> None:
    # shared_parameters has no term to weigh
    assert science(fused(first_lam=0.3)) == science(fused())
    told = science(
        fused(
            first={**MEAN, "scope": "towers"},
            first_lam=math.inf,
            then={"name": "structure_transfer"},
        )
    )

    assert science(GOOD | {"strategy": told["strategy"]}) == told
    assert strict(told)["strategy"]["first_lam"] == "inf"


@pytest.mark.parametrize("group", GROUPS)
def test_every_object_is_told_as_the_node_it_is_made_from(group: str) -> None:
    for name in names(group):
        node = as_node(find(group, name)())
        assert node["name"] == name
        assert getattr(build(GOOD | {group: node}), group) == find(group, name)()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"first": {**MEAN, "relatoin": "mean"}}, "strategy.first.relatoin: task_relation has no such key; did"),
        ({"first": {**MEAN, "relation": "men"}}, "strategy.first.relation: expected one of mean, soft_sharing, graph"),
        ({"first": {"name": "shared_parameters", "freeze": 1}}, "strategy.first.freeze: shared_parameters has"),
        ({"first": {"name": "task_relatoin"}}, "task_transfer, found 'task_relatoin'; did you mean task_relation?"),
        ({"first": {"name": "joint"}}, "task_transfer, found 'joint'"),
        ({"first": {"relation": "mean"}}, "strategy.first: expected one of shared_parameters, task_relation, "),
        ({"first": "task_relation"}, "task_transfer, found 'task_relation'"),
        ({"first": None}, "task_transfer, found nothing"),
        ({"first": {"name": "fused"}}, "task_transfer, found 'fused'"),
        ({"then": {"name": "scratch"}}, "strategy.then: expected one of feature_transfer, parameter_transfer, "),
        ({"then": {"name": "feature_transfer", "freeze": 1}}, "strategy.then.freeze: expected true or false, found 1"),
        ({"frist": {"name": "task_relation"}}, "strategy.frist: fused has no such key; did you mean first?"),
        ({"first": {"name": "task_relation", "_target_": "x"}}, "strategy.first._target_: task_relation has no such"),
        ({"first": {"name": "task_relation", "relation": "graph"}}, "strategy.first.graph: expected a table or a CSV"),
        (
            {"then": {"name": "structure_transfer", "structure": "stats", "density": 0.5}},
            "strategy.then.density: expected null with structure=stats",
        ),
    ],
)  # fmt: skip
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
