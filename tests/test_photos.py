"""Folders of photos, of several domains or one: each strategy runs, or one line says why not."""

from pathlib import Path
from typing import Any

import pytest

from tlrun.config.registry import shipped
from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS

from photos import put_classes, put_domains
from problems import Watcher, config, performed, planned

SHORT = {"name": "trainer", "steps": 2, "batch_size": 8, "eval_every": 2}
CONTROLS = {"constant_prediction", "gradient_boosting", "linear_model", "scratch", "single_task"}
TRANSFERS = {
    "feature_transfer", "joint", "parameter_transfer", "source_only", "structure_transfer",
}  # fmt: skip
MULTITASK = {"shared_parameters", "task_relation", "task_transfer"}
# What runs, by what the folder has; fused needs two sources.
RUNS = {
    "source and target": CONTROLS | TRANSFERS | MULTITASK,
    "two sources and a target": CONTROLS | TRANSFERS | MULTITASK | {"fused"},
    "peers": (CONTROLS | MULTITASK) - {"scratch"},
    "one domain": CONTROLS,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    put_domains(folder / "two", ("web", "phone"), 6)
    put_domains(folder / "three", ("web", "phone", "film"), 6)
    put_classes(folder / "one", ("cat", "dog"), 6)
    return folder


def dataset(place: Path, what: str) -> dict[str, Any]:
    root = {"two sources and a target": "three", "one domain": "one"}.get(what, "two")
    target = "phone" if "target" in what else None
    where = {"path": str(place / root), "cache": str(place / "cache")}
    return {"name": "image_folder", **where, "size": 12, "target": target}


@pytest.mark.parametrize("what", RUNS)
@pytest.mark.parametrize("strategy", shipped("strategy"))
def test_every_strategy_that_makes_sense_runs_and_the_others_say_why_not(
    place: Path, tmp_path: Path, what: str, strategy: str
) -> None:
    asked = config(
        tmp_path,
        dataset=dataset(place, what),
        strategy={"name": strategy},
        backbone={"name": "conv", "channels": [4]},
        trainer=SHORT,
        lam={"name": "constant", "value": 1.0},
    )
    watcher = Watcher()
    if strategy in RUNS[what]:
        outcome = performed(planned(asked, watcher), THIS, watcher)
        assert outcome.result["headline"]["test"] is not None
        return
    with pytest.raises(UserError) as refused:
        planned(asked, watcher)
    (mistake,) = refused.value.mistakes
    assert mistake.hint.startswith("try ")
    assert not list(tmp_path.rglob("run.json"))
