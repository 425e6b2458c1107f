"""A problem of texts: its vocabulary never saw a test text, and its test set is one for all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.core.tokens import Tokens
from tlrun.data.datasets.text_csv import TextCsv

from reviews import domains_csv, reviews, write_csv


def problem(path: Path, seed: int = 0, **options: Any) -> Problem:
    given: dict[str, Any] = {"task": "shop", "min_count": 1, "cache": str(path.parent / "cache")}
    return TextCsv(path=str(path), **(given | options)).load(seed)


def test_texts_of(found: Problem) -> list[str]:
    documents = []
    for split in found.test.open().values():
        assert isinstance(split.inputs, Tokens)
        documents += split.inputs.documents()
    return documents


test_texts_of.__test__ = False  # type: ignore[attr-defined]  # a helper of that name


def vocabulary_of(found: Problem) -> set[str]:
    return set(found.preprocessing["tokenizer"]["model"]["vocab"])


def test_the_vocabulary_has_every_word_of_what_may_train_and_none_of_the_test_alone(
    tmp_path: Path,
) -> None:
    """Each text has a word of its own."""
    found = problem(domains_csv(tmp_path / "a.csv"), labels=4, target="dvd")
    tested = {word for text in test_texts_of(found) for word in text.split() if "x" in word}
    every = {f"n{k}x{n}" for k in range(3) for n in range(40)}
    tested &= every

    assert len(tested) == 3 * 12
    assert vocabulary_of(found) & every == every - tested


def test_the_test_set_and_the_vocabulary_are_one_for_every_seed_and_tokenizer(
    tmp_path: Path,
) -> None:
    path = domains_csv(tmp_path / "a.csv")
    found = problem(path, labels=4)
    for seed, options in (
        (1, {}),
        (0, {"tokenizer": "bpe", "vocabulary": 90}),
        (2, {"max_tokens": 3}),
    ):
        other = problem(path, seed, labels=4, **options)
        assert test_texts_of(other) == test_texts_of(found)
        assert other.examples == found.examples
    assert vocabulary_of(problem(path, 1, labels=4)) == vocabulary_of(found)


def test_labels_stay_with_their_texts(tmp_path: Path) -> None:
    known = {text: label for k in range(3) for label, text in reviews(40, k)}
    found = problem(domains_csv(tmp_path / "a.csv"))
    for name, domain in found.domains.items():
        for split in (domain.train, found.test.open()[name]):
            assert isinstance(split.inputs, Tokens)
            for text, label in zip(split.inputs.documents(), split.labels["label"], strict=True):
                assert domain.tasks[0].classes[label] == known[text]


def test_a_text_that_stands_among_those_to_learn_from_is_dropped_from_the_test(
    tmp_path: Path,
) -> None:
    """However it was cut or read: the texts are compared, not their tokens."""
    rows = [("books", label, text) for label, text in reviews(40)]
    twice = [*rows, *(("dvd", label, text) for _, label, text in rows[:20])]
    twice += [("dvd", label, text) for label, text in reviews(20, 1)]
    path = write_csv(tmp_path / "a.csv", ("shop", "label", "text"), twice)
    found = problem(path, max_tokens=2)
    trained = {
        text
        for domain in found.domains.values()
        if isinstance(domain.train.inputs, Tokens)
        for text in domain.train.inputs.documents()
    }

    assert not trained & set(test_texts_of(found))
    assert sum(found.report["duplicates"].values()) > 0
    kept = problem(path, max_tokens=2, duplicates="keep")
    assert len(test_texts_of(kept)) > len(test_texts_of(found))


def test_what_is_cut_and_what_is_unknown_is_told(tmp_path: Path) -> None:
    path = domains_csv(tmp_path / "a.csv")
    long = problem(path).report["notes"]
    short = problem(path, max_tokens=4, min_count=2).report["notes"]

    assert not any("cut to" in note for note in long)
    cut = next(note for note in short if note.startswith("cut to 4 tokens: "))
    assert "% of the texts" in cut
    # every text has one word that no other has, of about 14
    unknown = next(note for note in long if note.startswith("unknown tokens in the test texts"))
    shares = [float(part.split()[1]) for part in unknown.partition(": ")[2].split(", ")]
    assert all(3 < share < 20 for share in shares)


def test_columns_that_are_not_used_are_told(tmp_path: Path) -> None:
    rows = [(str(k), label, text, "x") for k, (label, text) in enumerate(reviews(40))]
    path = write_csv(tmp_path / "a.csv", ("id", "label", "text", "note"), rows)
    found = problem(path, task=None, predict="label")

    assert "columns that are not used: id, note" in found.report["notes"]


def test_domains_of_unknown_tokens_alone_are_refused(tmp_path: Path) -> None:
    rows = [("books", label, text) for label, text in reviews(40)]
    rows += [("greek", label, f"αβγ{k} δεζ{k}") for k, (label, _) in enumerate(reviews(40))]
    path = write_csv(tmp_path / "a.csv", ("shop", "label", "text"), rows)

    with pytest.raises(
        UserError, match=r"a token that the tokenizer knows, found unknown ones alone; try .*=bpe"
    ):
        problem(path, min_count=2)
    assert problem(path, min_count=2, tokenizer="bpe").tasks


def test_test_texts_of_unknown_tokens_alone_are_counted(tmp_path: Path) -> None:
    rows = [("books", label, text, "train") for label, text in reviews(20)]
    rows += [("books", label, text, "test") for label, text in reviews(20, 1)]
    rows += [("books", "for", "αβγ δεζ", "test")]
    path = write_csv(tmp_path / "a.csv", ("shop", "label", "text", "part"), rows)
    notes = problem(path, split="part").report["notes"]

    assert "test texts of unknown tokens alone: 1 of books" in notes


def test_how_texts_were_read_is_strict_json_that_reads_them_alike(tmp_path: Path) -> None:
    found = problem(domains_csv(tmp_path / "a.csv"))
    kept = json.loads(json.dumps(found.preprocessing, allow_nan=False))
    (tmp_path / "tokenizer.json").write_text(json.dumps(kept["tokenizer"]))
    again = problem(tmp_path / "a.csv", tokenizer=str(tmp_path / "tokenizer.json"))

    assert again.digest == found.digest
    assert kept["text"] == ["text"]
    assert kept["domain column"] == "shop"
    assert kept["tasks"][0]["classes"] == ["against", "for"]


def test_folds_have_a_vocabulary_each(tmp_path: Path) -> None:
    found = problem(domains_csv(tmp_path / "a.csv", 20), test_folds=4, min_count=1)

    assert len(found.folds) == 4
    tested = [text for fold in found.folds for text in test_texts_of(fold)]
    assert len(tested) == len(set(tested)) == 60
    kept = found.preprocessing["folds"]
    words = [set(each["tokenizer"]["model"]["vocab"]) for each in kept]
    for fold, mine in zip(found.folds, words, strict=True):
        own = {w for text in test_texts_of(fold) for w in text.split() if w.startswith("n")}
        assert not own & mine


def test_the_order_of_the_domains_texts_and_lengths_reach_the_batches(tmp_path: Path) -> None:
    found = problem(domains_csv(tmp_path / "a.csv"))
    split = found.domains["books"].train

    assert split.lengths is not None
    assert np.array_equal(split.lengths, (split.array != 0).sum(axis=1))
    assert found.inputs.kind == "tokens"
