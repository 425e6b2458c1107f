"""Labels that are held out are the target's own, each in one part, and no test row is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.data.base import Dataset
from tlrun.data.datasets.digits import Digits
from tlrun.data.datasets.digits_tasks import DigitsTasks
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.holdout import load, numbers_of

COUNT = 5


def table(folder: Path, **options: Any) -> TableCsv:
    """120 rows of two domains, groups of three rows, every tenth row a copy of the one before."""
    rng = np.random.default_rng(0)
    lines = ["where,who,a,b,y,price"]
    for k, (a, b) in enumerate(rng.normal(size=(120, 2)).round(4).tolist()):
        answer = "yes" if a + b > 0 else "no"
        lines.append(f"{'ab'[k // 60]},p{k // 3},{a},{b},{answer},{a - b:.4f}")
        if k % 10 == 9:
            lines[-1] = lines[-2]
    (folder / "t.csv").write_text("\n".join(lines))
    return TableCsv(path=str(folder / "t.csv"), task="where", **options)


def datasets(folder: Path) -> dict[str, Dataset]:
    return {
        "digits": Digits(),
        "with validation": Digits(labels_per_class=6, val_share=0.3),
        "tasks": DigitsTasks(),
        "table": table(folder, predict="y", inputs=("a", "b"), target="b"),
        "groups": table(folder, predict="y", inputs=("a", "b"), group="who"),
        "numbers": table(folder, predict="price", inputs=("a", "b"), target="b"),
    }


def every_part(dataset: Any, seed: int = 3) -> list[Problem]:
    return [load(replace(dataset, holdout_fold=f"{k}/{COUNT}"), seed) for k in range(1, COUNT + 1)]


def bought(problem: Problem, name: str) -> set[int]:
    domain = problem.domains[name]
    val = set() if domain.val is None else set(domain.val.index.tolist())
    return val | set(domain.train.index.tolist())


NAMES = ("digits", "with validation", "tasks", "table", "groups", "numbers")


@pytest.mark.parametrize("name", NAMES)
def test_every_label_that_was_bought_is_held_out_once_and_no_test_row_ever(
    name: str, tmp_path: Path
) -> None:
    dataset = datasets(tmp_path)[name]
    whole = load(dataset, 3)
    about = whole.named("target") or tuple(whole.domains)
    tested = whole.test.open()

    parts = every_part(dataset)

    for domain in about:
        held = [part.test.open()[domain].index for part in parts]
        assert sorted(np.concatenate(held).tolist()) == sorted(bought(whole, domain))
        assert not set(np.concatenate(held).tolist()) & set(tested[domain].index.tolist())
        for part, rows in zip(parts, held, strict=True):
            assert bought(part, domain) == bought(whole, domain) - set(rows.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_held_out_has_its_own_inputs_and_labels(name: str, tmp_path: Path) -> None:
    dataset = datasets(tmp_path)[name]
    whole = load(dataset, 3)
    for part in every_part(dataset):
        for domain, split in part.test.open().items():
            train = whole.domains[domain].train
            at = {row: place for place, row in enumerate(train.index.tolist())}
            rows = [row for row in split.index.tolist() if row in at]
            mine = [place for place, row in enumerate(split.index.tolist()) if row in at]
            places = [at[row] for row in rows]
            assert np.array_equal(
                split.inputs[np.array(mine, int)], train.inputs[np.array(places, int)]
            )
            for task, labels in split.labels.items():
                np.testing.assert_array_equal(labels[mine], train.labels[task][places])


@pytest.mark.parametrize("name", ["digits", "table", "numbers"])
def test_the_source_is_as_it_was_so_its_stages_are_shared(name: str, tmp_path: Path) -> None:
    dataset = datasets(tmp_path)[name]
    source = load(dataset, 3).only("source").domains
    for part in every_part(dataset):
        for domain, before in source.items():
            assert part.domains[domain].digest == before.digest
            assert len(part.test.open()[domain]) == 0


def test_each_class_is_dealt_out_evenly() -> None:
    for part in every_part(Digits(labels_per_class=7)):
        counts = np.bincount(part.test.open()["target"].labels["digit"], minlength=10)
        assert set(counts.tolist()) <= {1, 2}


def test_a_group_and_equal_rows_are_in_one_part(tmp_path: Path) -> None:
    dataset = datasets(tmp_path)["groups"]
    parts: dict[int, set[int]] = {}
    for number, part in enumerate(every_part(dataset)):
        for split in part.test.open().values():
            assert split.groups is not None
            for group in split.groups.tolist():
                parts.setdefault(group, set()).add(number)
    assert all(len(where) == 1 for where in parts.values())


def test_a_row_that_stands_in_the_source_too_is_never_asked(tmp_path: Path) -> None:
    plain = table(tmp_path, predict="y", inputs=("a", "b"), target="b")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    copied = [line.replace("b,", "a,", 1) for line in lines[61:91]]  # rows 60 to 89, of b
    (tmp_path / "t.csv").write_text("\n".join([*lines, *copied]))

    source = {row.tobytes() for row in load(plain, 3).domains["a"].train.array}
    whole = load(plain, 3).domains["b"].train
    copies = {i for i, row in zip(whole.index, whole.array, strict=True) if row.tobytes() in source}

    asked = [part.test.open()["b"] for part in every_part(plain)]

    every = {int(row) for part in asked for row in part.index}
    assert copies
    assert every == set(whole.index.tolist()) - copies


def test_another_seed_has_other_parts_and_the_same_seed_the_same() -> None:
    again = [part.digest for part in every_part(Digits())]

    assert again == [part.digest for part in every_part(Digits())]
    assert len(set(again)) == COUNT
    assert not set(again) & {part.digest for part in every_part(Digits(), seed=4)}


@pytest.mark.parametrize("part", ["0/5", "6/5", "1/1", "3/0"])
def test_there_is_no_such_part(part: str) -> None:
    with pytest.raises(UserError, match="k/K with k from 1 to K"):
        numbers_of(part)


def test_more_parts_than_rows_are_refused() -> None:
    with pytest.raises(UserError, match="at most 50 parts"):
        load(Digits(holdout_fold="1/51"), 0)


def test_folds_that_test_every_row_are_refused(tmp_path: Path) -> None:
    dataset = table(tmp_path, predict="y", inputs=("a", "b"), test_folds=3, holdout_fold="1/5")
    with pytest.raises(UserError, match=r"test_folds=3.*leave out one"):
        load(dataset, 0)
