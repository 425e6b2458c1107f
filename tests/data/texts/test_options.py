"""Options of texts contradict each other in one line, and say how a table's rows are used."""

from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.datasets.fdu_mtl import FduMtl
from tlrun.data.datasets.imdb import Imdb
from tlrun.data.texts.options import ReadAs, TextOptions, published_rows


def test_cells_stand_between_what_the_file_is_called_for() -> None:
    for name, expected in (("a.csv", ","), ("a.TSV", r"\t"), ("a.tab.gz", r"\t"), ("a.txt", ",")):
        assert TextOptions().separator_of(Path(name)) == expected
        assert TextOptions(separator=";").separator_of(Path(name)) == ";"


def test_a_column_has_one_use() -> None:
    with pytest.raises(UserError, match=r"dataset\.text: expected columns that have no other use"):
        TextOptions(text="a", predict="a")
    with pytest.raises(UserError, match=r"found a, which dataset\.text names too"):
        TextOptions(text="a", task="a")
    with pytest.raises(UserError, match="columns that have no other use, found a"):
        TextOptions(group="a", task="a")
    TextOptions(target="a")  # of a folder, a file


def test_missing_words_have_one_form() -> None:
    assert TextOptions(missing=("NA", " na")).missing == TextOptions(missing=("na",)).missing


def test_rows_are_used_as_those_of_a_table_are() -> None:
    options = TextOptions(predict="y", labels=5, val_share=0.2, test_share=0.4, metric="auc")
    rows = options.rows(("title", "body"), "shop")

    assert rows.named()["inputs"] == ("title", "body")
    assert (rows.predict, rows.task, rows.labels, rows.val_share) == ("y", "shop", 5, 0.2)
    assert (rows.test_share, rows.metric) == (0.4, "auc")


def test_a_tokenizer_that_is_a_file_is_one_of_the_files_that_are_read() -> None:
    assert TextOptions(tokenizer="mine.json").read_as.files == [Path("mine.json").absolute()]
    (packaged,) = TextOptions(tokenizer="minilm").read_as.files
    assert packaged.name == "tokenizer.json"
    for learnt in (None, "word", "bpe"):
        assert TextOptions(tokenizer=learnt).read_as.files == []
    with pytest.raises(UserError, match="nobody's home"):
        _ = TextOptions(tokenizer="~nobody-at-all/x").read_as.files


def test_a_cache_of_nobody_is_refused() -> None:
    with pytest.raises(UserError, match="nobody's home"):
        _ = ReadAs(None, 10, 1, True, 10, "~nobody-at-all/x").folder
    assert TextOptions(cache="/a").read_as.folder == Path("/a")


def test_texts_with_their_own_test_set_are_split_as_published() -> None:
    for options in (FduMtl(labels=5, metric="auc"), Imdb(val_share=0.2, duplicates="keep")):
        rows = published_rows(options, "label", "dvd")

        assert (rows.split, rows.task, rows.target, rows.predict) == (
            "split", "domain", "dvd", "label",
        )  # fmt: skip
        assert (rows.labels, rows.val_share) == (options.labels, options.val_share)
        assert (rows.metric, rows.duplicates) == (options.metric, options.duplicates)
        assert rows.missing is None
        assert ReadAs.of(options).vocabulary == options.vocabulary
