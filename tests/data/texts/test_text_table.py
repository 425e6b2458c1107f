"""A table of texts is found in whatever files it is, and nothing is taken for a text by chance."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.data.texts.options import TextOptions
from tlrun.data.texts.text_table import text_table

from reviews import reviews, write_csv, write_json_lines

HEADER = ("label", "text")
ROWS = reviews(12)


def texts(path: Path, **options: Any) -> list[str]:
    found: list[str] = text_table(TextOptions(path=str(path), **options)).text.text.to_pylist()
    return found


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as told:
        text_table(TextOptions(path=str(path), **options))
    assert "\n" not in str(told.value)
    return str(told.value)


def test_one_table_in_any_form_of_file_is_one_table(tmp_path: Path) -> None:
    files = [
        write_csv(tmp_path / "a.csv", HEADER, ROWS),
        write_csv(tmp_path / "a.tsv", HEADER, ROWS, "\t"),
        write_json_lines(
            tmp_path / "a.jsonl", [dict(zip(HEADER, row, strict=True)) for row in ROWS]
        ),
    ]
    for file in list(files):
        packed = tmp_path / f"{file.name}.gz"
        packed.write_bytes(gzip.compress(file.read_bytes()))
        files.append(packed)

    for file in files:
        assert texts(file) == [text for _, text in ROWS]


def test_the_column_with_the_most_words_is_the_text_and_that_is_told(tmp_path: Path) -> None:
    rows = [(str(k), label, f"{text} end", "two words") for k, (label, text) in enumerate(ROWS)]
    file = write_csv(tmp_path / "a.csv", ("id", "label", "body", "short"), rows)
    found = text_table(TextOptions(path=str(file)))

    assert found.made_of == ("body",)
    assert found.notes == ("text: body, the column with the most words",)
    assert texts(file, predict="body", text="short") == ["two words"] * 12
    # what has another use is none
    assert text_table(TextOptions(path=str(file), predict="body")).made_of == ("short",)
    assert text_table(TextOptions(path=str(file), task="body")).made_of == ("short",)


def test_texts_that_are_written_without_spaces_are_found(tmp_path: Path) -> None:
    rows = [
        ("影评", "正面", "这部电影非常好看,演员也很出色"),
        ("书评", "负面", "书的内容太长,很无聊"),
    ]
    file = write_csv(tmp_path / "a.csv", ("shop", "label", "text"), rows * 3)

    assert text_table(TextOptions(path=str(file), task="shop")).made_of == ("text",)


def test_several_columns_are_put_together_without_those_that_are_empty(tmp_path: Path) -> None:
    rows = [("x", "A title", "and a body"), ("y", "", "a body alone"), ("x", "title alone", "NA")]
    file = write_csv(tmp_path / "a.csv", ("label", "title", "body"), rows)

    assert texts(file, text=("title", "body")) == [
        "A title\nand a body",
        "a body alone",
        "title alone",
    ]


def test_a_row_without_a_text_is_refused_by_its_line_or_skipped_and_told(tmp_path: Path) -> None:
    rows = [*ROWS[:3], ("for", ""), *ROWS[3:], ("for", "NA")]
    file = write_csv(tmp_path / "a.csv", HEADER, rows)

    said = refused(file)
    assert "dataset.text: expected a text in every row of text, found none in line 5" in said
    assert "and 1 more row" in said
    assert "dataset.empty=skip" in said
    found = text_table(TextOptions(path=str(file), empty="skip"))
    assert found.table.rows == 12
    assert found.notes[1] == "rows without a text, skipped: 2, the first in line 5"
    assert found.table.columns["label"].text.to_pylist() == [label for label, _ in ROWS]
    assert found.text.place(3) == "line 6"


def test_a_file_a_domain_in_a_folder(tmp_path: Path) -> None:
    write_csv(tmp_path / "b.csv", HEADER, ROWS[:4])
    write_csv(tmp_path / "a.tsv", HEADER[::-1], [row[::-1] for row in ROWS[4:]], "\t")
    (tmp_path / "notes.md").write_text("not a table")
    (tmp_path / ".hidden.csv").write_text("x")
    found = text_table(TextOptions(path=str(tmp_path)))

    assert found.task == "file"
    assert found.table.columns["file"].text.to_pylist() == ["a"] * 8 + ["b"] * 4
    assert found.text.text.to_pylist() == [text for _, text in [*ROWS[4:], *ROWS[:4]]]
    assert found.text.place(8) == "line 2 of b.csv"


def test_a_domain_without_a_text_does_not_vanish(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", HEADER, ROWS)
    write_csv(tmp_path / "b.csv", HEADER, [("for", "")] * 3)

    assert "none in b" in refused(tmp_path, empty="skip")
    write_csv(tmp_path / "a.csv", HEADER, [("for", "")] * 3)
    assert "expected a text in every domain" in refused(
        tmp_path / "a.csv", empty="skip", text="text"
    )


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", HEADER, ROWS)
    write_csv(tmp_path / "b.csv", ("label", "body"), ROWS)
    assert "body, text in one of a.csv and b.csv alone" in refused(tmp_path)
    (tmp_path / "b.csv").unlink()
    write_csv(tmp_path / "a.tsv", HEADER, ROWS, "\t")
    assert "two files called a" in refused(tmp_path)
    (tmp_path / "a.tsv").unlink()
    write_csv(tmp_path / "a.csv", ("file", *HEADER), [("x", *row) for row in ROWS])
    assert "a column file" in refused(tmp_path)


def test_what_is_not_there_or_no_text_is_refused_in_a_line(tmp_path: Path) -> None:
    numbers = write_csv(tmp_path / "n.csv", ("a", "b"), [("1", "2"), ("3", "4")])
    latin = tmp_path / "l.csv"
    latin.write_bytes("label,text\nfor,un café très bon\n".encode("latin-1"))

    assert "expected a column of texts" in refused(numbers)
    assert "dataset.text: expected a column" in refused(numbers, text="c")
    assert "found nothing at" in refused(tmp_path / "none.csv")
    assert "dataset.path" in refused(Path())
    (tmp_path / "empty").mkdir()
    assert "none in the folder" in refused(tmp_path / "empty")
    assert "try dataset.encoding=latin-1" in refused(latin)
    assert texts(latin, encoding="latin-1") == ["un café très bon"]
