"""What `dataset=text_csv` is at a path: a file, a folder, a target among them."""

from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.datasets.text_csv import TextCsv
from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, planned
from reviews import domains_csv, reviews, write_csv


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

    roles = {name: domain.role for name, domain in found.domains.items()}
    assert roles == {"b": "source", "a": "target"}
    with pytest.raises(UserError, match="a value of column file, found 'c'"):
        TextCsv(path=str(tmp_path), target="c", cache=cache).load(0)
    one = str(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"dataset\.t"):
        TextCsv(path=one, target="a", cache=cache).load(0)


def test_texts_are_learnt_from(tmp_path: Path) -> None:
    """Words of a label decide it, so a bag of them is right on nearly every test text."""
    watcher, path = Watcher(), domains_csv(tmp_path / "a.csv")
    dataset = {"name": "text_csv", "path": str(path), "task": "shop", "cache": str(tmp_path)}
    given = config(
        tmp_path,
        dataset=dataset,
        strategy={"name": "shared_parameters"},
        backbone={"name": "bag", "embedding": 8},
        optimizer={"name": "adam", "lr": 0.05},
        trainer={"name": "trainer", "steps": 60, "batch_size": 16, "eval_every": 60},
    )
    outcome = performed(planned(given, watcher), THIS, watcher)

    assert outcome.result["headline"]["test"] > 0.95
