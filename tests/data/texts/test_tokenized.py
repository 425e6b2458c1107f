"""Tokens are made once: what is kept is what would be made, and what is damaged is made again."""

from pathlib import Path

import numpy as np
import pytest

from tlrun.core.inputs import digest_of
from tlrun.data.texts import tokenized as module
from tlrun.data.texts.tokenized import learnt, text_keys, tokenized
from tlrun.data.texts.tokenizer import Reader, Vocabulary

from reviews import reviews

WORDS = Vocabulary("word", 1000, 1, lowercase=True)
TEXTS = [text for _, text in reviews(30)]
KEYS = text_keys(TEXTS)
FIRST = np.arange(30) < 20


def test_only_the_texts_to_learn_from_say_what_is_learnt(tmp_path: Path) -> None:
    found = learnt(WORDS, TEXTS, KEYS, FIRST, tmp_path)

    assert found == WORDS.learn(TEXTS[:20]).to_str()
    others = [*TEXTS[:20], *["something else"] * 10]
    assert learnt(WORDS, others, text_keys(others), FIRST, tmp_path / "b") == found
    assert "n0x19" in found
    assert "n0x20" not in found


def test_what_was_learnt_and_read_is_kept_and_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = learnt(WORDS, TEXTS, KEYS, FIRST, tmp_path)
    tokens, cut = tokenized(Reader(text, 5, "x"), TEXTS, KEYS, tmp_path)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Vocabulary, "learn", never)
    monkeypatch.setattr(Reader, "read", never)
    assert learnt(WORDS, TEXTS, KEYS, FIRST, tmp_path) == text
    again, cut_again = tokenized(Reader(text, 5, "x"), TEXTS, KEYS, tmp_path)
    assert digest_of(again) == digest_of(tokens)
    assert np.array_equal(cut_again, cut)
    assert again.documents() == TEXTS
    with pytest.raises(AssertionError):  # another length is another entry
        tokenized(Reader(text, 6, "x"), TEXTS, KEYS, tmp_path)
    with pytest.raises(AssertionError):
        tokenized(Reader(text, 5, "x"), TEXTS[::-1], KEYS[::-1], tmp_path)
    with pytest.raises(AssertionError):
        learnt(WORDS, TEXTS, KEYS, ~FIRST, tmp_path)


@pytest.mark.parametrize("file", ["tokenizer.json", "values.npy", "manifest.json"])
def test_what_is_damaged_is_made_again(tmp_path: Path, file: str) -> None:
    text = learnt(WORDS, TEXTS, KEYS, FIRST, tmp_path)
    tokens, _ = tokenized(Reader(text, 5, "x"), TEXTS, KEYS, tmp_path)
    for found in tmp_path.glob(f"*/{file}"):
        found.write_bytes(found.read_bytes()[:-3] + b"???")

    assert learnt(WORDS, TEXTS, KEYS, FIRST, tmp_path) == text
    again, _ = tokenized(Reader(text, 5, "x"), TEXTS, KEYS, tmp_path)
    assert digest_of(again) == digest_of(tokens)


def test_where_nothing_can_be_kept_it_is_made_all_the_same(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    text = learnt(WORDS, TEXTS, KEYS, FIRST, blocked)

    tokens, _ = tokenized(Reader(text, 5, "x"), TEXTS, KEYS, blocked)
    assert len(tokens) == 30


def test_what_takes_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY", 10)
    told: list[str] = []
    learnt(WORDS, TEXTS, KEYS, FIRST, tmp_path, told.append)

    assert told == ["learning a vocabulary of 20 texts, once"]


def test_keys_are_equal_where_texts_are() -> None:
    keys = text_keys(["a", "b", "a", "é", ""])

    assert keys.shape == (5, 16)
    assert len(np.unique(keys, axis=0)) == 4
    assert np.array_equal(keys[0], keys[2])
