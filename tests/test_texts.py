"""Texts of several domains or one: each strategy runs on them, or one line says why not."""

from pathlib import Path
from typing import Any

import pytest

from tlrun.config.registry import shipped
from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, planned
from reviews import domains_csv

SHORT = {"name": "trainer", "steps": 2, "batch_size": 8, "eval_every": 2}
ESTIMATORS = {"constant_prediction", "tfidf"}
# methods of vectors of numbers, which texts are not
NUMBERS = {"gradient_boosting", "linear_model"}
TRANSFERS = {
    "feature_transfer", "joint", "parameter_transfer", "scratch", "source_only",
    "structure_transfer",
}  # fmt: skip
MULTITASK = {"shared_parameters", "task_relation", "task_transfer"}
RUNS = {
    "target": ESTIMATORS | TRANSFERS | MULTITASK | {"fused", "single_task"},
    "peers": ESTIMATORS | MULTITASK | {"single_task"},
    "one domain": ESTIMATORS | {"single_task"},
}
BACKBONES = [
    {"name": "bag", "embedding": 6},
    {"name": "lstm", "embedding": 6, "hidden": 5},
    {"name": "bag", "embedding": 6, "ngrams": 2, "buckets": 50, "dropout": 0.3},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    domains_csv(folder / "three.csv", 20)
    domains_csv(folder / "one.csv", 20, ("books",))
    return folder


def dataset(place: Path, what: str) -> dict[str, Any]:
    several = what != "one domain"
    return {
        "name": "text_csv",
        "path": str(place / ("three.csv" if several else "one.csv")),
        "cache": str(place / "cache"),
        "task": "shop" if several else None,
        "target": "toys" if what == "target" else None,
        "text": "text",
        "predict": "label",
        "max_tokens": 12,
    }


def asked(place: Path, tmp_path: Path, what: str, strategy: str, **more: Any) -> dict[str, Any]:
    return config(
        tmp_path,
        dataset=dataset(place, what),
        strategy={"name": strategy},
        trainer=SHORT,
        lam={"name": "constant", "value": 1.0},
        **({"backbone": BACKBONES[0]} | more),
    )


@pytest.mark.parametrize("what", RUNS)
@pytest.mark.parametrize("strategy", shipped("strategy"))
def test_every_strategy_that_makes_sense_runs_and_the_others_say_why_not(
    place: Path, tmp_path: Path, what: str, strategy: str
) -> None:
    watcher = Watcher()
    given = asked(place, tmp_path, what, strategy)
    if strategy in RUNS[what]:
        outcome = performed(planned(given, watcher), THIS, watcher)
        assert outcome.result["headline"]["test"] is not None
        return
    with pytest.raises(UserError) as refused:
        planned(given, watcher)
    (mistake,) = refused.value.mistakes
    assert mistake.hint.startswith("try ")
    assert not list(tmp_path.rglob("run.json"))


@pytest.mark.parametrize("backbone", BACKBONES[1:])
@pytest.mark.parametrize(
    "strategy", ["feature_transfer", "structure_transfer", "task_relation", "fused"]
)
def test_every_backbone_of_texts_serves_every_family(
    place: Path, tmp_path: Path, backbone: dict[str, Any], strategy: str
) -> None:
    watcher = Watcher()
    given = asked(place, tmp_path, "target", strategy, backbone=backbone)
    result = performed(planned(given, watcher), THIS, watcher).result

    assert result["headline"]["test"] is not None
    assert result["size"]["flops"] > 0


def test_backbones_of_numbers_and_images_refuse_texts_and_those_of_texts_all_else(
    place: Path, tmp_path: Path
) -> None:
    text_backbones = {"bag", "lstm", "minilm"}
    for name in set(shipped("backbone")) - text_backbones - {"timm"}:
        given = asked(place, tmp_path, "peers", "shared_parameters", backbone={"name": name})
        with pytest.raises(UserError, match="texts of at most 12 tokens; try backbone=bag or lstm"):
            planned(given, Watcher())
    for name in text_backbones:
        with pytest.raises(UserError, match=f"tokens inputs for backbone={name}"):
            planned(config(tmp_path, backbone={"name": name}), Watcher())
