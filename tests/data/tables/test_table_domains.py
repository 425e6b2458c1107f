from pathlib import Path

import numpy as np
import pytest
from table_columns import found

from tlrun.core.errors import UserError
from tlrun.data.datasets.table_csv import TableCsv

ROWS = [
    f"{site},{k % 7},{k % 3},{'no' if k % 5 < 2 else 'yes'}"
    for k, site in enumerate(["a", "b.1", "c", "7"] * 20)
]
TEXT = "\n".join(["site,x,y,ill", *ROWS])


def test_sources_that_are_not_named_are_not_read(tmp_path: Path) -> None:
    every = found(tmp_path, TEXT, task="site", target="c")
    for names in (("b.1",), ("b_1",)):
        some = found(tmp_path, TEXT, task="site", target="c", sources=names)

        assert some.domains == (("b_1", "source"), ("c", "target"))
        assert some.used.tolist() == [site in ("b.1", "c") for site in ["a", "b.1", "c", "7"] * 20]
        assert some.targets[0].task == every.targets[0].task


def test_a_number_names_a_source(tmp_path: Path) -> None:
    assert found(tmp_path, TEXT, task="site", target="c", sources=(7,)).domains[0][0] == "7"


def test_the_target_is_the_same_whichever_sources_it_has(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TEXT, encoding="utf-8")
    asked = {"path": str(tmp_path / "table.csv"), "task": "site", "target": "c", "labels": 6}
    rows = []
    for sources in (None, ("a",), ("b.1", "a"), ("7",)):
        problem = TableCsv(**asked, duplicates="keep", sources=sources).load(3)  # type: ignore[arg-type]
        target, test = problem.domains["c"], problem.test.open()["c"]
        rows.append(np.concatenate([target.train.index, test.index]).tolist())
        assert problem.report["notes"] == [
            n for n in problem.report["notes"] if "not used" not in n
        ]

    assert rows[0] == rows[1] == rows[2] == rows[3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target": "c", "sources": ("aa",)},
            "dataset.sources: expected other domains, found 'aa'",
        ),
        ({"target": "c", "sources": ("c",)}, "dataset.sources: expected other domains than"),
        ({"target": "c", "sources": ()}, "dataset.sources: expected other domains than"),
        ({"sources": ("a",)}, "dataset.sources: expected null without a target, found a"),
        ({"target": "d"}, "dataset.target: expected a value of column site, found 'd'"),
    ],
)
def test_what_is_no_source_is_refused(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        found(tmp_path, TEXT, task="site", **options)

    assert str(error.value).startswith(message)
    assert len(str(error.value).splitlines()) == 1
