from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tlrun.config.preflight import Job, preflight
from tlrun.config.registry import name_of
from tlrun.config.suited import Suits, suited
from tlrun.core.errors import UserError
from tlrun.data.datasets.table_csv import TableCsv

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
        ([*TABLE, "strategy=linear_model"], "linear_model conv"),  # which has no use for it
        ([*TABLE, "strategy=feature_transfer"], "feature_transfer mlp"),
        ([*TABLE, "backbone=identity"], "single_task identity"),
        ([*TABLE, "strategy.train=all"], "feature_transfer mlp"),
        ([*TABLE, "backbone.channels=[8]"], "single_task conv"),
        (["dataset=text_csv", "dataset.path=x.csv"], "single_task bag"),
        (["dataset=text_csv", "dataset.task=d"], "shared_parameters bag"),
        (["dataset=text_csv", "dataset.task=d", "backbone=lstm"], "shared_parameters lstm"),
        (["dataset=text_csv", "backbone.dropout=0.3"], "single_task bag"),  # conv has no such
        (["dataset=fdu_mtl"], "shared_parameters bag"),
        (["dataset=fdu_mtl", "dataset.target=books"], "parameter_transfer bag"),
        (["dataset=digits_tasks"], "shared_parameters conv"),
        (["dataset=digits_domains"], "shared_parameters conv"),
        (["dataset=digits_domains", "dataset.target=noise"], "feature_transfer conv"),
        (["dataset=cifar10_domains"], "shared_parameters conv"),
        (["dataset=cifar10_domains", "dataset.target=grey"], "feature_transfer conv"),
        (["dataset=pair", "dataset.source=null"], "scratch conv"),
        (
            ["dataset=pair", "dataset.source=null", "backbone=efficientnet_lite0"],
            "feature_transfer efficientnet_lite0",
        ),
        (
            [
                "dataset=pair",
                "dataset.source=null",
                "backbone=efficientnet_lite0",
                "backbone.weights=null",
            ],
            "scratch efficientnet_lite0",
        ),
    ],
)
def test_what_suits_the_data_is_taken_where_nothing_is_chosen(
    overrides: list[str], expected: str
) -> None:
    assert chosen(*overrides) == [expected]


def test_what_was_chosen_is_told_and_handed_on() -> None:
    asked = preflight([*TABLE, "seed=1"], multirun=False)

    assert asked.jobs[0].chosen == ("strategy=single_task", "backbone=mlp")
    assert asked.overrides[-2:] == ["strategy=single_task", "backbone=mlp"]
    assert preflight(["seed=1"], multirun=False).jobs[0].chosen == ()


def test_every_job_of_a_sweep_has_what_suits_its_own_data() -> None:
    assert chosen(*TABLE, "dataset.predict=y,[y,z]", "seed=0,1", multirun=True) == [
        *["single_task mlp"] * 2,
        *["shared_parameters mlp"] * 2,
    ]


def test_a_data_set_is_asked_once_for_all_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    suits = TableCsv.suits

    def counted(self: TableCsv) -> Mapping[str, str]:
        asked.append(self.predict)
        return suits(self)

    monkeypatch.setattr(TableCsv, "suits", counted)
    preflight([*TABLE, "dataset.predict=y,[y,z]", "seed=0,1,2"], multirun=True)

    assert sorted(map(str, asked)) == ["('y', 'z')", "y"]


def study(folder: Path, more: str) -> Path:
    """A folder of the user's own with the experiment x, on a table."""
    return own_folder(
        folder,
        "# @package _global_\n"
        f"defaults: [override /dataset: table_csv]\ndataset: {{path: x.csv}}\n{more}",
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "single_task mlp"),
        ("trainer: {steps: 3}", "single_task mlp"),
        ("strategy: {train: all}", "feature_transfer mlp"),
        ("backbone: {channels: [8]}", "single_task conv"),
    ],
)
def test_a_study_that_sets_an_option_has_chosen(tmp_path: Path, more: str, expected: str) -> None:
    assert chosen("experiment=x", folder=study(tmp_path, more)) == [expected]


def test_a_reference_is_followed_first(tmp_path: Path) -> None:
    mine = study(tmp_path, "seed: 3\n").joinpath("experiment", "x.yaml")
    mine.write_text(mine.read_text().replace("x.csv", "x.csv, split_seed: '${seed}'"))

    assert chosen("experiment=x", folder=tmp_path / mine.parts[-3]) == ["single_task mlp"]


def test_a_strategy_that_is_none_is_a_mistake_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="strategy: expected"):
        chosen("experiment=x", folder=study(tmp_path, "strategy: null"))


def test_another_launcher_is_handed_one_choice_for_all_its_jobs() -> None:
    launcher = [*TABLE, "hydra/launcher=basic"]
    (one,) = {job.chosen for job in preflight([*launcher, "seed=0,1"], multirun=True).jobs}

    assert one == ("strategy=single_task", "backbone=mlp")
    with pytest.raises(UserError, match="strategy: expected a strategy and a backbone, for jobs"):
        preflight([*launcher, "dataset.predict=y,[y,z]"], multirun=True)


def test_a_data_set_with_a_mistake_suits_nothing() -> None:
    shipped: dict[str, Any] = {group: {"name": "x"} for group in ("strategy", "backbone")}

    for dataset in ({"name": "table_csv", "labels": -1}, None, "table_csv"):
        assert suited(shipped | {"dataset": dataset}, lambda: shipped, [], Suits()) == ()


MINILM = ["dataset=text_csv", "dataset.path=x.csv", "dataset.task=d", "backbone=minilm"]


@pytest.mark.parametrize(
    ("overrides", "chosen"),
    [
        (MINILM, ("strategy=shared_parameters", "dataset.tokenizer=minilm", "strategy.train=head")),
        (
            [*MINILM, "strategy=task_relation"],
            ("dataset.tokenizer=minilm", "strategy.train=head"),
        ),
        (
            [*MINILM, "strategy=task_relation", "strategy.scope=towers"],
            ("dataset.tokenizer=minilm",),
        ),
        ([*MINILM, "strategy=single_task", "strategy.train=last"], ("dataset.tokenizer=minilm",)),
        (
            [*MINILM, "dataset.target=a", "strategy=parameter_transfer"],
            ("dataset.tokenizer=minilm",),
        ),
        ([*MINILM, "strategy=single_task", "backbone.weights=null"], ("dataset.tokenizer=minilm",)),
        ([*MINILM, "strategy=tfidf"], ()),
        (
            [*MINILM, "strategy=single_task", "dataset.tokenizer=my tokenizer.json"],
            ("strategy.train=head",),
        ),
        (
            [*MINILM[:3], "backbone=lstm"],
            ("strategy=shared_parameters",),
        ),
    ],
)
def test_what_a_backbone_needs_is_set_where_the_user_names_none(
    overrides: list[str], chosen: tuple[str, ...]
) -> None:
    assert preflight(overrides, multirun=False).jobs[0].chosen == chosen


def test_a_path_that_a_backbone_needs_is_handed_on_in_quotes(tmp_path: Path) -> None:
    folder = tmp_path / "my encoder"
    given = [*MINILM, "strategy=single_task", f"backbone.weights='{folder}'"]
    found = preflight(given, multirun=False)

    assert found.jobs[0].run.dataset.tokenizer == f"{folder}/tokenizer.json"  # type: ignore[attr-defined]
    assert preflight(found.overrides, multirun=False).jobs[0].run == found.jobs[0].run
