import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.cli.command_line import command_line, override


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))), min_size=1, max_size=5))
def test_a_shell_reads_the_words_back(words: list[str]) -> None:
    assert shlex.split(command_line(words)) == words


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("seed=1", "seed=1"),
        ("dataset.predict=[a,b]", "'dataset.predict=[a,b]'"),
        ("dataset.separator=';'", "\"dataset.separator=';'\""),
        ("it's $5", "'it'\"'\"'s $5'"),
    ],
)
def test_it_is_written_as_people_write_it(word: str, typed: str) -> None:
    assert command_line([word]) == typed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "k=null"),
        ("null", "k='null'"),
        (True, "k=true"),
        ("true", "k='true'"),
        (["a", None, 0.5], "k=[a,null,0.5]"),
        ("it's", "k='it\\'s'"),
        ("a b", "k='a b'"),
        ("~/runs", "k=~/runs"),
    ],
)
def test_a_value_stands_as_hydra_reads_it(value: object, text: str) -> None:
    assert override("k", value) == text
