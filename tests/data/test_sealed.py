"""Sealed rows are disjoint from the open ones, the same for every seed, and keep groups whole."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from film_reviews import film_reviews, folder_of
from hypothesis import given
from hypothesis import strategies as st

from tlrun.config.registry import find, shipped
from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split, digest
from tlrun.data.assembly import arrays_digest
from tlrun.data.base import Dataset
from tlrun.data.datasets.digits import Digits
from tlrun.data.datasets.digits_binary import DigitsBinary
from tlrun.data.datasets.digits_domains import DigitsDomains
from tlrun.data.datasets.digits_tasks import DigitsTasks
from tlrun.data.datasets.image_folder import ImageFolder
from tlrun.data.datasets.imdb import Imdb
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.examples import row_hashes
from tlrun.data.sealed import LEAST, draw, judged_rows, load, load_with_sealed, rows_digest

from photos import put_domains


def rows(n: int, classes: int = 3, seed: int = 0) -> Split:
    """Examples that are all different, with random classes."""
    labels = np.random.default_rng(seed).integers(0, classes, n)
    return Split(np.arange(n, dtype=np.float32)[:, None], {"t": labels}, np.arange(n) + 7)


def table(tmp_path: Path, **options: Any) -> TableCsv:
    """400 rows in groups of three; every tenth is a copy of the one before."""
    rng = np.random.default_rng(0)
    lines = ["a,b,who,y"]
    for k, (a, b) in enumerate(rng.normal(size=(400, 2)).round(5).tolist()):
        lines.append(f"{a},{b},p{k // 3},{'no' if a + b < 0.3 else 'yes'}")
        if k % 10 == 9:
            lines[-1] = lines[-2]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    return TableCsv(path=str(tmp_path / "t.csv"), predict="y", **options)


def photos(tmp_path: Path, **options: Any) -> ImageFolder:
    put_domains(tmp_path / "in", ("photo", "sketch"), 18)
    return ImageFolder(
        path=str(tmp_path / "in"),
        cache=str(tmp_path / "cache"),
        size=8,
        test_share=0.7,
        group=r"patient\d+",
        **options,
    )


def every(tmp_path: Path) -> dict[str, Dataset]:
    """Data sets of every kind, of which four tenths are sealed."""
    imdb = folder_of(film_reviews(60), tmp_path)
    return {
        "digits": Digits(sealed=0.4),
        "digits_tasks": DigitsTasks(sealed=0.4),
        "digits_binary": DigitsBinary(sealed=0.4),
        "digits_domains": DigitsDomains(target="noise", sealed=0.4),
        "table_csv": table(tmp_path, sealed=0.4, ignore=("who",)),
        "imdb": Imdb(
            path=str(imdb), cache=str(tmp_path / "cache"), download=False, min_count=1, sealed=0.4
        ),
    }


def places(split: Split) -> list[int]:
    return split.index.tolist()  # type: ignore[no-any-return]  # numpy's


@pytest.mark.parametrize(
    "name", ["digits", "digits_tasks", "digits_binary", "digits_domains", "table_csv", "imdb"]
)
def test_open_and_sealed_rows_are_disjoint_and_together_the_whole_test_set_of_every_seed(
    name: str, tmp_path: Path
) -> None:
    dataset: Any = every(tmp_path)[name]
    whole = replace(dataset, sealed=0.0).load(0).test.open()
    drawn = [load_with_sealed(dataset, seed) for seed in (0, 1)]

    for problem, sealed in drawn:
        opened = problem.test.open()
        assert sealed.keys() == opened.keys() == whole.keys()
        for domain, split in whole.items():
            kept, left = sealed[domain], opened[domain]
            assert not set(places(kept)) & set(places(left))
            assert sorted(places(kept) + places(left)) == sorted(places(split))
            assert abs(len(kept) - 0.4 * len(split)) <= 2
            at = dict(zip(places(split), row_hashes(split.inputs), strict=True))
            for part in (kept, left):
                keys = row_hashes(part.inputs)
                assert all(at[r] == k for r, k in zip(places(part), keys, strict=True))
    one, other = (judged_rows(problem, sealed) for problem, sealed in drawn)
    assert rows_digest(one) == rows_digest(other)
    assert {name: places(split) for name, split in one.items()} == {
        name: places(split) for name, split in other.items()
    }


def test_every_data_set_that_ships_can_seal_and_seals_nothing_by_default() -> None:
    for name in shipped("dataset"):
        (sealed,) = [field for field in fields(find("dataset", name)) if field.name == "sealed"]
        assert sealed.default == 0.0


def test_without_sealing_the_problem_is_what_the_data_set_gives() -> None:
    problem, sealed = load_with_sealed(Digits(), 3)

    assert sealed == {}
    assert problem.digest == Digits().load(3).digest
    assert problem.report == Digits().load(3).report


def test_what_is_learnt_and_reported_is_all_there_is_but_the_sealed_rows() -> None:
    whole, (problem, sealed) = Digits().load(0), load_with_sealed(Digits(sealed=0.3), 0)
    opened = problem.test.open()

    assert [d.digest for d in problem.domains.values()] == [
        d.digest for d in whole.domains.values()
    ]
    assert problem.digest == arrays_digest(problem.domains, opened) != whole.digest
    assert problem.examples == whole.examples
    assert problem.report["sealed"] == {name: len(split) for name, split in sealed.items()}
    counted = {r["domain"]: r for r in problem.report["splits"] if r["split"] == "test"}
    for name, split in opened.items():
        assert counted[name]["examples"] == len(split)
        labels = split.labels["digit"].tolist()
        assert list(counted[name]["classes"].values()) == [labels.count(k) for k in range(10)]
    assert [r for r in problem.report["splits"] if r["split"] != "test"] == [
        r for r in whole.report["splits"] if r["split"] != "test"
    ]
    told = problem.report["notes"][-1]
    assert str(sum(map(len, sealed.values()))) in told
    assert "tl-run final RUN" in told


def sides(problem: Problem, sealed: Mapping[str, Split]) -> dict[str, dict[int, set[str]]]:
    """On which sides each group has test rows: by group and, across domains, by its number."""
    found: dict[str, dict[int, set[str]]] = {"group": {}, "equal": {}}
    for side, splits in (("open", problem.test.open()), ("sealed", sealed)):
        for split in splits.values():
            groups = [] if split.groups is None else split.groups.tolist()
            for group in groups:
                found["group"].setdefault(group, set()).add(side)
            for key in row_hashes(split.inputs):
                found["equal"].setdefault(hash(key), set()).add(side)
    return found


def test_groups_and_equal_rows_never_straddle(tmp_path: Path) -> None:
    grouped = sides(*load_with_sealed(table(tmp_path, sealed=0.3, group="who"), 0))
    equal = sides(*load_with_sealed(table(tmp_path, sealed=0.3, ignore=("who",)), 0))["equal"]
    images = sides(*load_with_sealed(photos(tmp_path, sealed=0.4), 0))["group"]

    for found in (grouped["group"], grouped["equal"], equal, images):
        assert all(len(on) == 1 for on in found.values())
        assert {side for on in found.values() for side in on} == {"open", "sealed"}


@given(
    n=st.integers(5, 60),
    groups=st.integers(1, 25),
    share=st.floats(0.05, 0.9),
    seed=st.integers(0, 99),
)
def test_groups_are_whole_across_domains_and_the_share_is_met_to_half_a_group(
    n: int, groups: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    one = replace(rows(n, seed=seed), groups=rng.integers(0, groups, n))
    other = replace(rows(n + 3, seed=seed + 1), groups=rng.integers(groups // 2, groups, n + 3))
    test = {"one": one, "other": other}
    chosen = draw(test, share, seed, copies=False)
    on: dict[int, set[bool]] = {}
    for name, split in test.items():
        assert split.groups is not None
        for group, side in zip(split.groups.tolist(), chosen[name].tolist(), strict=True):
            on.setdefault(group, set()).add(side)
    sealed = sum(int(each.sum()) for each in chosen.values())
    largest = int(np.bincount(np.concatenate([one.groups, other.groups])).max())

    assert all(len(each) == 1 for each in on.values())
    assert abs(sealed - share * (2 * n + 3)) <= largest + 1


@given(n=st.integers(4, 80), share=st.floats(0.05, 0.6), seed=st.integers(0, 99))
def test_a_larger_share_of_one_class_seals_the_same_rows_and_more(
    n: int, share: float, seed: int
) -> None:
    test = {"d": rows(n, classes=1)}
    few, many = (draw(test, part, seed)["d"] for part in (share, 1.5 * share))

    assert not (few & ~many).any()
    assert abs(int(few.sum()) - share * n) <= 0.5


@given(seed=st.integers(0, 99), order=st.integers(0, 99))
def test_neither_the_order_of_rows_nor_other_domains_decide(seed: int, order: int) -> None:
    one = rows(40)
    shuffled = one.select(np.random.default_rng(order).permutation(40))
    alone, beside = (
        draw({"d": one}, 0.3, seed),
        draw({"a": rows(9), "d": shuffled}, 0.3, seed, copies=False),
    )

    assert set(one.index[alone["d"]].tolist()) == set(shuffled.index[beside["d"]].tolist())


def test_every_class_is_sealed_in_its_share_and_another_split_seed_seals_other_rows() -> None:
    test = {"d": rows(1000, classes=4)}
    one, other = (draw(test, 0.25, seed)["d"] for seed in (0, 1))

    for label in range(4):
        mine = test["d"].labels["t"] == label
        assert abs(int((one & mine).sum()) - 0.25 * int(mine.sum())) <= 1
    assert (one != other).any()


def test_rows_that_chance_makes_equal_are_not_tied(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [",".join(map(str, row)) for row in rng.integers(0, 3, (600, 4)).tolist()]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,y", *lines]))
    dataset = TableCsv(path=str(tmp_path / "t.csv"), predict="y", sealed=0.3)

    found = sides(*load_with_sealed(dataset, 0))["equal"]
    assert any(len(on) == 2 for on in found.values())


def test_the_digest_of_rows_is_that_of_what_they_are_not_of_how_they_are_read() -> None:
    one = rows(30)
    numbers = replace(one, labels={"t": np.random.default_rng(0).normal(size=30)})
    scaled = replace(numbers, labels={"t": 3 * numbers.labels["t"] + 5})
    larger = replace(one, inputs=np.ones((30, 3, 2, 2), np.float32))
    back = one.select(np.arange(30)[::-1])

    assert rows_digest({"d": one}) == rows_digest({"d": larger}) == rows_digest({"d": back})
    assert rows_digest({"d": numbers}) == rows_digest({"d": scaled})
    different = [
        {"d": one},
        {"e": one},
        {"d": one.select(np.arange(29))},
        {"d": replace(one, index=one.index + 1)},
        {"d": replace(one, labels={"t": one.labels["t"][::-1]})},
        {"d": numbers},
    ]
    assert len({rows_digest(each) for each in different}) == len(different)


def test_only_what_the_problem_is_about_is_opened() -> None:
    target, source = (
        load_with_sealed(DigitsDomains(target=name, sealed=0.3), 0)
        for name in ("noise", "inverted")
    )

    assert list(judged_rows(*target)) == ["noise"]
    assert list(judged_rows(*source)) == ["inverted"]
    # the same rows, whichever domain is the target
    for name, split in target[1].items():
        assert digest([split]) == digest([source[1][name]])


@dataclass(frozen=True)
class Folded(Digits):
    """A data set that folds by an option of another name."""

    def load(self, seed: int) -> Problem:
        problem = super().load(seed)
        return replace(problem, folds=(problem, problem))


@pytest.mark.parametrize(
    ("dataset", "found"),
    [
        (TableCsv(sealed=0.3, test_folds=5), "5 folds"),
        (TableCsv(sealed=0.3, split_seed=None), "split_seed=null"),
        (Folded(sealed=0.3), "2 folds"),
        (Digits(sealed=0.01), "sealed"),
        (Digits(sealed=0.9, test_share=0.1), "open"),
    ],
)
def test_what_cannot_be_sealed_is_refused_in_one_line(dataset: Dataset, found: str) -> None:
    with pytest.raises(UserError, match=found) as error:
        load(dataset, 0)

    (mistake,) = error.value.mistakes
    assert mistake.key == "dataset.sealed"
    assert "\n" not in str(mistake)


def test_no_side_of_a_judged_domain_has_fewer_than_the_least() -> None:
    for share in (0.05, 0.1, 0.3):
        try:
            problem, sealed = load_with_sealed(Digits(sealed=share, test_share=0.2), 0)
        except UserError:
            assert round(share * 180) < LEAST
            continue
        assert min(len(problem.test.open()["target"]), len(sealed["target"])) >= LEAST


def test_a_side_that_leaves_the_metric_undefined_is_refused(tmp_path: Path) -> None:
    lines = [f"{k * 0.37},{'yes' if k % 50 == 0 else 'no'}" for k in range(200)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *lines]))
    dataset = TableCsv(path=str(tmp_path / "t.csv"), predict="y", sealed=0.1, test_share=0.6)

    with pytest.raises(UserError, match=r"dataset\.sealed: expected 2 different test labels"):
        load(dataset, 0)
