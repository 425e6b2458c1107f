import pytest

from tlrun.config.field_words import (
    BY_COMMAND,
    BY_WORD,
    COMMAND_WORDS,
    FIELD_WORDS,
    FieldWord,
    plain,
    that_is,
)
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight


@pytest.mark.parametrize("entry", FIELD_WORDS, ids=lambda entry: entry.words.split()[0])
def test_every_setting_is_a_command_that_composes(entry: FieldWord) -> None:
    words = [rewrite(word) for word in entry.setting.split()]

    assert preflight(words, multirun="seeds" in entry.setting).jobs
    assert entry.meaning


def test_no_word_stands_twice() -> None:
    assert len(BY_WORD) == sum(len(entry.words.split()) for entry in FIELD_WORDS)
    assert len(BY_COMMAND) == sum(len(words.split()) for words in COMMAND_WORDS)
    assert all(word == plain(word) for word in (*BY_WORD, *BY_COMMAND))


@pytest.mark.parametrize("word", ["fine-tune", "Fine_Tune", "FINE TUNE"])
def test_capitals_and_dashes_make_no_difference(word: str) -> None:
    assert that_is(word).startswith("that is strategy=parameter_transfer lam.value=inf (")


def test_another_word_is_none() -> None:
    assert that_is("xyzzy") == ""
