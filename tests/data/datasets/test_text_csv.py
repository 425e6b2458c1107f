"""`dataset=text_csv` from the command line's options to a problem that every strategy can learn."""

from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.data.datasets.text_csv import TextCsv

from problems import results_of
from reviews import domains_csv, reviews, write_csv

OPTIONS = ["dataset=text_csv", "dataset.min_count=1", "dataset.max_tokens=30", "dataset.task=shop"]
TINY_TEXT = ["backbone.embedding=8", "trainer.steps=6", "trainer.batch_size=8"]


def test_what_suits_follows_the_options_and_what_lies_at_the_path(tmp_path: Path) -> None:
    assert TextCsv().suits() == {"strategy": "single_task", "backbone": "bag"}
    assert TextCsv(task="a").suits()["strategy"] == "shared_parameters"
    assert TextCsv(task="a", target="b").suits()["strategy"] == "feature_transfer"
    assert TextCsv(predict=("a", "b")).suits()["strategy"] == "shared_parameters"
    assert TextCsv(path=str(tmp_path)).suits()["strategy"] == "shared_parameters"
    assert TextCsv(path=str(tmp_path), target="b").suits()["strategy"] == "feature_transfer"


def test_the_files_are_those_that_are_read(tmp_path: Path) -> None:
    one, two = domains_csv(tmp_path / "a.csv"), domains_csv(tmp_path / "b.csv")

    assert TextCsv(path=str(one)).files() == [one]
    assert TextCsv(path=str(tmp_path)).files() == [one, two]


def test_a_target_in_a_folder_is_a_file(tmp_path: Path) -> None:
    for k, name in enumerate("ab"):
        write_csv(tmp_path / f"{name}.csv", ("label", "text"), reviews(30, k))
    cache = str(tmp_path / "cache")
    found = TextCsv(path=str(tmp_path), target="a", cache=cache).load(0)

    assert {name: domain.role for name, domain in found.domains.items()} == {
        "b": "source",
        "a": "target",
    }
    with pytest.raises(UserError, match=r"a value of column file, found 'c'"):
        TextCsv(path=str(tmp_path), target="c", cache=cache).load(0)
    one = str(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"dataset\.task"):
        TextCsv(path=one, target="a", cache=cache).load(0)


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("feature_transfer", ["dataset.target=dvd"]),
        ("parameter_transfer", ["dataset.target=dvd", "dataset.labels=6"]),
        ("fused", ["dataset.target=dvd", "strategy.first_lam=0.1"]),
        ("shared_parameters", []),
        ("task_relation", ["lam.value=0.1"]),
        ("task_transfer", ["lam.value=0.1"]),
        ("single_task", []),
    ],
)
def test_every_strategy_that_makes_sense_learns_from_texts(
    tmp_path: Path, strategy: str, options: list[str]
) -> None:
    path = domains_csv(tmp_path / "a.csv")
    given = [*OPTIONS, f"dataset.path={path}", f"dataset.cache={tmp_path}/cache", *options]
    (found,) = results_of(
        tmp_path, [*given, *TINY_TEXT, f"strategy={strategy}", "backbone=bag", "controls=false"]
    )

    assert found["headline"]["name"].endswith("auc")
    scores = [value["auc"] for value in found["metrics"]["test"].values()]
    assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize("method", ["mask", "stats", "width"])
def test_a_structure_is_learnt_from_an_lstm_or_refused(tmp_path: Path, method: str) -> None:
    path = domains_csv(tmp_path / "a.csv")
    given = [*OPTIONS, f"dataset.path={path}", f"dataset.cache={tmp_path}/cache"]
    small = ["backbone=lstm", "backbone.hidden=6", "backbone.layers=1", *TINY_TEXT]
    learnt = [
        "strategy=structure_transfer", f"strategy.method={method}", "dataset.target=dvd",
    ]  # fmt: skip
    if method == "width":  # an LSTM lists no widths
        with pytest.raises(UserError, match="strategy"):
            results_of(tmp_path, [*given, *small, *learnt, "controls=false"])
        return
    (found,) = results_of(tmp_path, [*given, *small, *learnt, "controls=false"])
    assert found["size"]["flops"] > 0


def test_texts_are_learnt_from(tmp_path: Path) -> None:
    """Words of a label decide it, so a bag of them is right on nearly every test text."""
    path = domains_csv(tmp_path / "a.csv")
    given = [*OPTIONS, f"dataset.path={path}", f"dataset.cache={tmp_path}/cache"]
    fast: list[Any] = ["trainer.steps=60", "optimizer.lr=0.05", "strategy=shared_parameters"]
    (found,) = results_of(tmp_path, [*given, *TINY_TEXT, *fast, "backbone=bag", "controls=false"])

    assert found["headline"]["test"] > 0.95
