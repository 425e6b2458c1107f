import csv
import os
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import loadmat

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split, known
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.table_file import _parsed

DATA = Path(os.environ.get("TLRUN_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
UPDRS: dict[str, Any] = {
    "separator": r"\t",
    "predict": ("motor_UPDRS", "total_UPDRS"),
    "group": "subject#",
}


def real(name: str) -> Path:
    """A file of real data, which no repository keeps."""
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not in {DATA}; set TLRUN_TEST_DATA to the folder that has it")
    return DATA / name


@pytest.fixture(scope="module")
def landmine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """14,820 x 9, a task column of 29 values, a binary label."""
    data, file = loadmat(real("landmine.mat")), tmp_path_factory.mktemp("tables") / "landmine.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["field", *(f"f{k}" for k in range(9)), "mine"])
        for task, (inputs, labels) in enumerate(
            zip(data["feature"][0], data["label"][0], strict=True), start=1
        ):
            writer.writerows(
                [f"field_{task}", *x.tolist(), y] for x, y in zip(inputs, labels[:, 0], strict=True)
            )
    return str(file)


def loaded(folder: Path, lines: list[str], seed: int = 0, **options: Any) -> Problem:
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    _parsed.cache_clear()  # a test rewrites a file faster than its time changes
    return TableCsv(path=str(folder / "table.csv"), **options).load(seed)


def every_split(problem: Problem) -> list[Split]:
    learning = [s for d in problem.domains.values() for s in (d.train, d.val) if s is not None]
    return [*learning, *problem.test.open().values()]


def rows(n: int) -> list[str]:
    return [
        "t,x,c,y",
        *(f"{'abc'[k % 3]},{k * k % 97},{'uvw'[k * 5 % 3]},{k // 3 % 2}" for k in range(n)),
    ]


@pytest.mark.parametrize("options", [{}, {"task": "t"}, {"predict": ("y", "c"), "ignore": ("t",)}])
def test_a_larger_draw_contains_the_smaller_one_of_its_seed(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    """Of every task in every domain, training and validation together."""
    few, many = (
        loaded(tmp_path, rows(150), 4, labels=n, val_share=0.25, duplicates="keep", **options)
        for n in (8, 20)
    )
    for name, domain in few.domains.items():
        for task in domain.tasks:
            bought = []
            for found in (domain, many.domains[name]):
                parts = [part for part in (found.train, found.val) if part is not None]
                bought.append(
                    {
                        row
                        for part in parts
                        for row in part.index[known(part.labels[task.name])].tolist()
                    }
                )
            assert [len(rows) for rows in bought] == [8, 20]
            assert bought[0] < bought[1]


def test_landmine_is_29_domains_with_one_task(landmine: str) -> None:
    problem = TableCsv(path=landmine, task="field", labels=20, val_share=0.2).load(seed=0)
    index = np.concatenate([split.index for split in every_split(problem)])

    assert len(problem.domains) == 29
    assert problem.shape == (9,)
    assert len(set(index.tolist())) == len(index)
    for name, domain in problem.domains.items():
        assert [task.kind for task in domain.tasks] == ["binary"]
        assert domain.val is not None
        assert (len(domain.train), len(domain.val)) == (16, 4)
        assert set(domain.train.labels["mine"].tolist()) == {0, 1}
        assert abs(problem.test.open()[name].labels["mine"].mean() - 904 / 14820) < 0.05
    everything = TableCsv(path=landmine, task="field").load(seed=0)
    train = np.concatenate([domain.train.inputs for domain in everything.domains.values()])
    assert np.allclose([train.mean(axis=0), train.std(axis=0)], [[0] * 9, [1] * 9], atol=1e-5)


def test_landmine_is_read_once_for_all_seeds(landmine: str) -> None:
    table = TableCsv(path=landmine, task="field", labels=20)
    table.load(seed=0)
    before = _parsed.cache_info()
    table.load(seed=1)

    assert _parsed.cache_info().hits == before.hits + 1
    assert _parsed.cache_info().misses == before.misses


def test_parkinsons_is_two_regression_tasks_and_no_subject_straddles() -> None:
    table = TableCsv(path=str(real("parkinsons_updrs.data")), **UPDRS, val_share=0.2)
    problem = table.load(seed=0)
    subjects = np.loadtxt(table.path, delimiter="\t", skiprows=1, usecols=0)
    parts = every_split(problem)
    who = [set(subjects[split.index].tolist()) for split in parts]

    assert [task.kind for task in problem.tasks.values()] == ["regression", "regression"]
    assert sum(map(len, who)) == len(set.union(*who)) == 42
    assert [len(part) for part in who] == [23, 6, 13]
    assert problem.shape == (19,)
    for name, task in problem.tasks.items():
        labels = parts[0].labels[name]
        assert np.allclose([labels.mean(), labels.std()], [task.location, task.scale])


def test_what_tests_changes_nothing_that_trains(tmp_path: Path) -> None:
    table = ["x,c,y", *(f"{k / 8},{'ab'[k % 2]},{k / 7}" for k in range(40))]
    before = loaded(tmp_path, table)
    row = int(before.test.open()["table"].index[0])
    after = loaded(tmp_path, [*table[: row + 1], "1e6,z,1e6", *table[row + 2 :]])
    mine, theirs = (problem.domains["table"] for problem in (before, after))

    assert np.array_equal(mine.train.index, theirs.train.index)
    assert np.array_equal(mine.train.array, theirs.train.array)
    assert np.array_equal(mine.train.labels["y"], theirs.train.labels["y"])
    assert before.digest != after.digest


@pytest.mark.parametrize("options", [{}, {"labels": 8, "val_share": 0.25}, {"group": "x"}])
def test_the_order_of_rows_moves_no_size(tmp_path: Path, options: dict[str, Any]) -> None:
    table = rows(90)
    problems = []
    for seed in range(3):
        shuffled = random.Random(seed).sample(table[1:], 90)
        problems.append(
            loaded(tmp_path, [table[0], *shuffled], task="t", duplicates="keep", **options)
        )
    sizes = {
        tuple((row["domain"], row["split"], row["examples"]) for row in p.report["splits"])
        for p in problems
    }

    assert len(sizes) == 1 or "group" in options  # a group has as many rows as it has
    assert all(set(problem.domains) == {"a", "b", "c"} for problem in problems)


def test_seeds_move_the_test_set_where_split_seed_is_null(tmp_path: Path) -> None:
    def tested(seed: int, **options: Any) -> list[int]:
        problem = loaded(tmp_path, rows(60), seed, labels=20, **options)
        return problem.test.open()["table"].index.tolist()  # type: ignore[no-any-return]

    assert tested(0) == tested(1) != tested(0, split_seed=1)
    assert tested(0, split_seed=None) != tested(1, split_seed=None)


def test_missing_labels_are_missing_and_a_row_without_any_is_not_used(tmp_path: Path) -> None:
    table = [
        "x,y,z",
        *(f"{k / 8},{'ab'[k % 2] if k % 4 else ''},{k / 7 if k % 3 else 'nan'}" for k in range(48)),
    ]
    problem = loaded(tmp_path, table, predict=("y", "z"))
    index = np.concatenate([split.index for split in every_split(problem)])

    assert set(range(48)) - set(index.tolist()) == {0, 12, 24, 36}
    for split in every_split(problem):
        assert np.array_equal(split.labels["y"] == -1, split.index % 4 == 0)
        assert np.array_equal(np.isnan(split.labels["z"]), split.index % 3 == 0)
        assert [split.labels[task].dtype.name for task in "yz"] == ["int64", "float64"]
    assert "4 rows without any label: not used" in problem.report["notes"]


def test_labels_that_were_not_bought_are_hidden(tmp_path: Path) -> None:
    table = ["x,y,z", *(f"{k / 8},{'ab'[k % 2]},{k / 7}" for k in range(60))]
    train = loaded(tmp_path, table, predict=("y", "z"), labels=6).domains["table"].train

    assert (train.labels["y"] >= 0).sum() == (~np.isnan(train.labels["z"])).sum() == 6
    assert len(train) <= 12


def test_missing_numbers_are_told(tmp_path: Path) -> None:
    problem = loaded(
        tmp_path, ["x,w,y", ",1,0", "2,,1", "3,,0", *(f"{k},{k / 8},{k % 2}" for k in range(30))]
    )

    assert "missing numbers, read as the mean: 3, in x (1), w (2)" in problem.report["notes"]


def test_a_source_and_a_target(tmp_path: Path) -> None:
    problem = loaded(
        tmp_path, rows(60), task="t", target="b", labels=4, metric="accuracy", duplicates="keep"
    )

    assert list(problem.domains) == ["a", "c", "b"]
    assert problem.named("source") == ("a", "c")
    assert problem.named("target") == ("b",)
    assert problem.one_label_space
    assert problem.tasks["y"].metric == "accuracy"


def test_no_budget_and_no_test_row_of_the_target_changes_what_a_source_learns(
    tmp_path: Path,
) -> None:
    """So that its stage is trained once, whatever is done with the target."""
    lines = ["d,x,c,y", *(f"{'ab'[k % 2]},{k / 7},{'uvw'[k % 3]},{k / 3}" for k in range(80))]
    wild = [*lines[:2], "b,1e3,z,1e4", *lines[3:]]  # a row of the target
    found = []
    for table, labels, val_share in ((lines, 4, 0.0), (lines, 20, 0.0), (wild, None, 0.0)):
        options = {"task": "d", "target": "b", "labels": labels, "val_share": val_share}
        found.append(loaded(tmp_path, table, seed=1, **options))
    sources = [problem.domains["a"] for problem in found]

    assert len({source.digest for source in sources}) == 1
    assert len(sources[0].train) == 28
    assert [len(problem.domains["b"].train) for problem in found] == [4, 20, 28]


def test_duplicates_are_dropped_from_test_or_kept_and_told(tmp_path: Path) -> None:
    # 50 rows, 10 of them twice
    table = ["x,c,y", *(f"{k % 25 / 8},{'uv'[k % 2]},{k % 2}" for k in range(60))]
    dropped, kept = (loaded(tmp_path, table, duplicates=d) for d in ("drop", "keep"))
    learnt = {table[k + 1] for k in dropped.domains["table"].train.index}
    tested = [table[k + 1] for k in dropped.test.open()["table"].index]
    count = dropped.report["duplicates"]["table"]

    assert count == kept.report["duplicates"]["table"] > 0
    assert not learnt & set(tested)
    assert len(kept.test.open()["table"]) == 18 == len(tested) + count
    assert "dropped" in dropped.report["notes"][0]
    assert "kept" in kept.report["notes"][0]


def test_what_one_seed_saw_moves_no_duplicate(tmp_path: Path) -> None:
    table = ["a,b,c,y", *(f"{'uvwx'[k % 4]},{k % 3},{k // 12},{k % 2}" for k in range(48))]
    tested = [
        loaded(tmp_path, table, seed, labels=2).test.open()["table"].index.tolist()
        for seed in range(5)
    ]

    # two rows tell few categories, and many rows look alike
    assert all(index == tested[0] for index in tested)


def test_a_test_set_of_duplicates_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"dataset.duplicates: expected test rows of domain table .*, found 6 that are",
    ):
        loaded(tmp_path, ["x,y", *(f"{k % 2}.5,{k % 2}" for k in range(20))])


CELL = st.sampled_from(["", "0", "1", "2.5", "a", "b", "nan", "inf", '"q, r"', "train", "test"])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "task": st.just("t"),
        "group": st.just("g"),
        "split": st.just("s"),
        "labels": st.integers(1, 6),
        "val_share": st.sampled_from([0.0, 0.4]),
        "kind": st.sampled_from(["auto", "classification", "regression"]),
        "split_seed": st.none(),
        "categorical": st.just(("x",)),
    },
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(*[CELL] * 5), max_size=14), OPTIONS, st.integers(0, 3))
def test_any_table_loads_or_is_refused_in_clear_lines(
    tmp_path: Path, table: list[tuple[str, ...]], options: dict[str, Any], seed: int
) -> None:
    lines = ["t,g,s,x,y", *(",".join(cells) for cells in table)]
    try:
        problem = loaded(tmp_path, lines, seed, **options)
    except UserError as error:
        for line in error.lines:
            assert re.fullmatch(r"dataset[.a-z_]*: expected .*, found .*", line)
        return
    index = np.concatenate([split.index for split in every_split(problem)])
    assert len(set(index.tolist())) == len(index)
    assert all(np.isfinite(split.array).all() for split in every_split(problem))
    assert all(split.inputs.dtype == np.float32 for split in every_split(problem))


def test_labels_that_were_not_bought_are_not_told_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{k % 7},{k % 5},{'pq'[k % 2]},{'' if k % 9 == 0 else 'uv'[k % 2]}" for k in range(90)]
    path.write_text("\n".join(["x,y,a,b", *rows]), encoding="utf-8")
    report = (
        TableCsv(path=str(path), predict=("a", "b"), labels=20, duplicates="keep").load(0).report
    )
    train = {row["task"]: row for row in report["splits"] if row["split"] == "train"}

    assert train["a"]["missing"] == 0 < train["b"]["missing"]
    for row in train.values():
        assert row["labels"] + row["missing"] + row["not bought"] == row["examples"]


def test_a_test_set_with_few_of_a_class_is_told_of_folds(tmp_path: Path) -> None:
    few = ["x,y", *(f"{k * 7 % 53 / 8},{'ab'[k % 2]}" for k in range(40))]
    many = ["x,y", *(f"{k * 7 % 997 / 8},{'ab'[k % 2]}" for k in range(400))]
    told = "dataset.test_folds=5 tests every row once"

    assert told in loaded(tmp_path, few).report["notes"]
    assert told not in loaded(tmp_path, few, test_folds=5).report["notes"]
    assert told not in loaded(tmp_path, many).report["notes"]
