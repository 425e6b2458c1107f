from pathlib import Path
from typing import Any

import pytest

from tlrun.config.preflight import Job, preflight
from tlrun.config.registry import name_of
from tlrun.config.suited import SHIPPED, suited

from problems import own_folder

TABLE = ["dataset=table_csv", "dataset.path=x.csv"]


def chosen(*overrides: str, multirun: bool = False, folder: Path | None = None) -> list[str]:
    """The strategy and backbone of every job."""
    jobs = preflight(overrides, multirun, folder).jobs
    return [f"{strategy_of(job)} {name_of('backbone', job.run.backbone)}" for job in jobs]


def strategy_of(job: Job) -> str:
    return name_of("strategy", job.run.strategy)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "feature_transfer conv"),
        (TABLE, "single_task mlp"),
        ([*TABLE, "dataset.predict=y"], "single_task mlp"),
        ([*TABLE, "dataset.predict=[y]"], "single_task mlp"),
        ([*TABLE, "dataset.predict=[y,z]"], "shared_parameters mlp"),
        ([*TABLE, "dataset.task=d"], "shared_parameters mlp"),
        ([*TABLE, "dataset.task=d", "dataset.target=a"], "feature_transfer mlp"),
        ([*TABLE, "strategy=scratch"], "scratch mlp"),
        ([*TABLE, "strategy=feature_transfer"], "feature_transfer mlp"),
        ([*TABLE, "backbone=identity"], "single_task identity"),
        ([*TABLE, "strategy.freeze=false"], "feature_transfer mlp"),
        ([*TABLE, "backbone.channels=[8]"], "single_task conv"),
        (["dataset=digits_tasks"], "shared_parameters conv"),
        (["dataset=digits_domains"], "shared_parameters conv"),
        (["dataset=digits_domains", "dataset.target=noise"], "feature_transfer conv"),
    ],
)
def test_what_suits_the_data_is_taken_where_nothing_is_chosen(
    overrides: list[str], expected: str
) -> None:
    assert chosen(*overrides) == [expected]


def test_what_was_chosen_is_told_and_handed_on() -> None:
    asked = preflight([*TABLE, "seed=1"], multirun=False)

    assert asked.chosen == ("strategy=single_task", "backbone=mlp")
    assert asked.overrides[-2:] == ["strategy=single_task", "backbone=mlp"]
    assert preflight(["seed=1"], multirun=False).chosen == ()


def test_every_job_of_a_sweep_has_what_suits_its_own_data() -> None:
    assert chosen(*TABLE, "dataset.predict=y,[y,z]", "seed=0,1", multirun=True) == [
        *["single_task mlp"] * 2,
        *["shared_parameters mlp"] * 2,
    ]


def test_the_options_of_what_was_chosen_may_be_set_beside_it(tmp_path: Path) -> None:
    """In a user's own study, too."""
    mine = own_folder(
        tmp_path,
        "# @package _global_\ndefaults: [override /dataset: table_csv]\ndataset: {path: x.csv}\n",
    )

    assert chosen("experiment=x", folder=mine) == ["single_task mlp"]


def test_a_data_set_with_a_mistake_suits_nothing() -> None:
    config: dict[str, Any] = {group: {"name": name} for group, name in SHIPPED.items()}

    assert suited(config | {"dataset": {"name": "table_csv", "labels": -1}}, []) == []
    assert suited(config | {"dataset": None}, []) == []
