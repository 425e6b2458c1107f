import json
import math
from dataclasses import field, fields, make_dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlrun.config.build import build
from tlrun.config.registry import find, shipped
from tlrun.core.errors import UserError
from tlrun.core.options import as_node, strict
from tlrun.runs.identity import (
    deciding,
    digest_of,
    family_id,
    ids_of,
    node_of,
    problem_id,
    run_id,
    setting_id,
)
from tlrun.strategies.fused import MULTITASK, TRANSFERS

from encoders import SMALL, folder
from problems import Watcher, config, planned, problem

GOOD = config(Path("runs"))
MEAN = {"name": "task_relation", "relation": "mean"}


def fused(**options: Any) -> dict[str, Any]:
    return GOOD | {"strategy": {"name": "fused"} | options}


def id_of(asked: dict[str, Any]) -> str:
    """The id of a config's run, whatever its data."""
    return run_id(build(asked), problem())


def digits(seed: int = 0, **options: Any) -> dict[str, str]:
    """The ids of a run on the digits that all its seeds share."""
    asked = build(GOOD | {"dataset": {"name": "digits", **options}, "seed": seed})
    loaded = asked.dataset.load(seed)
    ids = {"problem": problem_id, "setting": setting_id, "family": family_id}
    return {name: of(asked, loaded) for name, of in ids.items()}


def test_seeds_share_problem_setting_and_family() -> None:
    assert digits(seed=0) == digits(seed=1)


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"labels_per_class": 7}, {"problem"}),
        ({"val_share": 0.4}, {"problem"}),
        ({"split_seed": 1}, set()),
        ({"test_share": 0.5}, set()),
        ({"shift": "inverted"}, set()),
        ({"classes": "split"}, set()),
    ],
)
def test_what_is_learnt_from_is_another_setting_and_what_is_tested_another_problem(
    options: dict[str, Any], same: set[str]
) -> None:
    one, other = digits(), digits(**options)

    assert {name for name in one if one[name] == other[name]} == same


def test_lambda_makes_another_setting_of_the_same_family() -> None:
    ours = problem()
    runs = [build(GOOD | {"lam": {"name": "constant", "value": v}}) for v in (1.0, 2.0)]

    assert len({setting_id(run, ours) for run in runs}) == 2
    assert len({family_id(run, ours) for run in runs}) == 1


def test_names_and_examples_make_another_problem() -> None:
    run, ours = build(GOOD), replace(problem(), examples="a")

    assert problem_id(run, ours) != problem_id(run, replace(ours, examples="b"))
    assert problem_id(run, ours) != problem_id(run, replace(problem("split"), examples="a"))


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

    assert id_of(plain) == id_of(spelt)


@pytest.mark.parametrize(
    ("one", "other"), [(0, -0.0), (1, 1.0), (0.1, 0.10), (math.inf, float("1e400"))]
)
def test_numbers_are_compared_by_value(one: float, other: float) -> None:
    ids = {id_of(GOOD | {"lam": {"name": "constant", "value": v}}) for v in (one, other)}

    assert len(ids) == 1


@pytest.mark.parametrize(
    "key", ["runs_dir", "controls", "rerun", "reuse", "threads", "allow_inexact", "checkpoint"]
)
def test_what_does_not_decide_the_result_is_not_in_the_id(key: str) -> None:
    other = {
        "runs_dir": "elsewhere",
        "controls": True,
        "rerun": True,
        "reuse": "any",
        "threads": 2,
        "allow_inexact": True,
        "checkpoint": {"seconds": None, "steps": 3},
    }[key]

    assert id_of(GOOD | {key: other}) == id_of(GOOD)


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
    ours = problem()

    assert id_of(GOOD | change) != id_of(GOOD)
    assert run_id(build(GOOD), replace(ours, digest="e")) != run_id(build(GOOD), ours)


def test_ignored_groups_are_left_out() -> None:
    assert "lam" in deciding(build(GOOD))
    assert "lam" not in deciding(build(GOOD | {"strategy": {"name": "scratch"}}))


def test_a_node_names_both_parts_and_their_options_in_full() -> None:
    assert deciding(build(fused(first=MEAN)))["strategy"] == {
        "name": "fused",
        "first": {
            "name": "task_relation",
            "relation": "mean",
            "scope": "heads",
            "graph": None,
            "train": "all",
        },
        "first_lam": 1.0,
        "then": {"name": "parameter_transfer", "train": "all", "warmup": 0},
    }
    for first in MULTITASK:
        for then in TRANSFERS:
            parts = fused(first={"name": first}, then={"name": then})
            told = deciding(build(parts))["strategy"]
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

    assert id_of(plain) == id_of(spelt)
    assert id_of(plain) != id_of(other)


def test_what_decides_a_run_is_a_config_of_the_same_run() -> None:
    # shared_parameters has no term to weigh
    assert id_of(fused(first_lam=0.3)) == id_of(fused())
    asked = fused(
        first={**MEAN, "scope": "towers"},
        first_lam=math.inf,
        then={"name": "structure_transfer"},
    )
    told = deciding(build(asked))

    assert deciding(build(GOOD | {"strategy": told["strategy"]})) == told
    assert strict(told)["strategy"]["first_lam"] == "inf"


def test_a_backbone_is_known_by_what_it_reads_wherever_it_stands(tmp_path: Path) -> None:
    def of(path: str | None, sizes: str = "minilm") -> str:
        return id_of(GOOD | {"backbone": {"name": "minilm", "weights": path, "sizes": sizes}})

    places = [tmp_path / name for name in ("here", "there", "other")]
    for place in places:
        torch.manual_seed(0)
        folder(place, replace(SMALL, dropout=0.2 if place.name == "other" else 0.1))
    here, there, other = map(str, places)

    assert of(here) == of(there) == of(here, sizes=there)
    assert of(None, sizes=here) == of(None, sizes=there)
    assert len({of(here), of(other), of(None), of(None, here), of(None, other)}) == 5


@pytest.mark.parametrize("name", ["text_csv", "fdu_mtl", "imdb"])
def test_a_tokenizer_is_known_by_what_it_holds_wherever_it_stands(
    name: str, tmp_path: Path
) -> None:
    """Or seeds read with one vocabulary would count beside seeds read with another."""

    def of(tokenizer: Path | str) -> tuple[str, str]:
        run = build(GOOD | {"dataset": {"name": name, "tokenizer": str(tokenizer)}})
        return run_id(run, problem()), setting_id(run, problem())

    here, there = tmp_path / "here.json", tmp_path / "there.json"
    for file in (here, there):
        file.write_text("{}", encoding="utf-8")
    before = of(here)

    assert of(there) == before
    here.write_text('{"version": 2}', encoding="utf-8")
    assert not set(of(here)) & {*before, *of("word"), *of("bpe")}
    with pytest.raises(UserError, match=r"dataset\.tokenizer: expected a file, found none at"):
        of(tmp_path / "nothing.json")


@pytest.mark.parametrize("name", shipped("dataset"))
def test_a_data_set_that_seals_nothing_is_known_as_it_was_before_it_could(name: str) -> None:
    """The same class without the option, as the first ids were made with it."""
    today: Any = find("dataset", name)()
    before = [
        (each.name, each.type, field(default=getattr(today, each.name)))
        for each in fields(today)
        if each.name != "sealed"
    ]
    old = make_dataclass(type(today).__name__, before, frozen=True)()

    assert node_of("dataset", today) == node_of("dataset", old)
    sealed = node_of("dataset", replace(today, sealed=0.25))
    assert sealed == node_of("dataset", today) | {"sealed": 0.25}


def test_sealed_rows_make_another_problem_and_run_and_no_other_stage(tmp_path: Path) -> None:
    plans = []
    for sealed in (0.0, 0.2, 0.3):
        dataset = {"name": "digits", "sealed": sealed}
        plans.append(planned(config(tmp_path, dataset=dataset), Watcher()))
    same = planned(config(tmp_path, dataset={"name": "digits"}), Watcher())

    for of in ("run_dir", "problem", "setting", "family"):
        found = [getattr(each, of) for each in plans]
        assert len(set(found)) == 3
        assert found[0] == getattr(same, of)
    # they learn from the same examples
    for number in (0, 1):
        assert len({each.stages[number].key for each in plans}) == 1


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_a_digest_is_that_of_strict_json(value: object) -> None:
    text = json.dumps(strict(value), sort_keys=True, allow_nan=False)

    assert digest_of(value) == sha256(text.encode()).hexdigest()[:12]


def test_a_digest_of_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_of([math.nan])


@pytest.mark.parametrize("strategy", ["feature_transfer", "scratch", "linear_model"])
@pytest.mark.parametrize("lam", [0.5, math.inf])
def test_all_ids_together_are_the_ids_one_by_one(strategy: str, lam: float) -> None:
    lam_node = {"name": "constant", "value": lam}
    run, ours = build(GOOD | {"strategy": {"name": strategy}, "lam": lam_node}), problem()
    nodes = deciding(run)
    seedless = {key: node for key, node in nodes.items() if key != "seed"}
    without = {key: node for key, node in seedless.items() if key != "lam"}
    of_problem = problem_id(run, ours)
    expected = (
        digest_of([nodes, ours.identity]),
        of_problem,
        digest_of([seedless, of_problem]),
        digest_of([without, of_problem]),
    )

    assert ids_of(run, ours) == expected
    assert (run_id(run, ours), setting_id(run, ours), family_id(run, ours)) == (
        expected[0],
        expected[2],
        expected[3],
    )


def test_ids_are_those_of_the_first_versions() -> None:
    """So that finished runs and declared studies are found again by every later one."""
    run = build(GOOD | {"dataset": {"name": "digits", "shift": "none"}, "seed": 3})

    assert ids_of(run, run.dataset.load(3)) == (
        "b7de2f589525",
        "e15ba8722c7c",
        "6dcbebc46722",
        "82f33e52bd32",
    )
