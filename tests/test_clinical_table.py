"""What docs/clinical_table.md shows is what tl-run says of the table that it is about."""

from pathlib import Path
from typing import Any

import pytest

import clinical_table
from tlrun.core.errors import UserError
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.load_report import summary

PAGE = (Path(__file__).parents[1] / "docs" / "clinical_table.md").read_text(encoding="utf-8")
READ: dict[str, Any] = {"separator": ";", "decimal": ","}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("clinic") / "clinic.csv"
    file.write_text("\n".join([*clinical_table.rows(), ""]), encoding="utf-8")
    return str(file)


def test_the_page_begins_with_the_first_lines_of_the_table() -> None:
    assert "\n".join(clinical_table.rows()[:3]) in PAGE


@pytest.mark.parametrize("options", [{}, {"separator": ";"}, READ])
def test_each_refusal_is_on_the_page(path: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        TableCsv(path=path, **options).load(0)

    (line,) = caught.value.lines
    assert f"tl-run: {line.replace(path, 'clinic.csv')}\n" in PAGE


def test_what_is_read_is_on_the_page(path: str) -> None:
    whole = TableCsv(path=path, predict=("died", "days"), ignore=("admitted",), **READ).load(0)
    sites = TableCsv(
        path=path, predict="died", ignore=("admitted", "days"), task="site", **READ
    ).load(0)

    for line in summary(whole.report):
        assert line in PAGE or "labels missing" in line
    assert next(line for line in summary(sites.report) if line.startswith("fewer")) in PAGE


def test_the_small_site_tests_every_row_once(path: str) -> None:
    ours = TableCsv(
        path=path,
        predict="died",
        ignore=("admitted", "days"),
        task="site",
        target="Évora",
        test_folds=5,
        **READ,
    ).load(0)
    (tested,) = [
        row for row in ours.report["splits"] if (row["domain"], row["split"]) == ("Évora", "test")
    ]

    assert f"each of its {tested['labels']} labelled patients once" in " ".join(PAGE.split())
    assert tested["classes"]["1"] == 6
    assert "Évora has six deaths." in PAGE
