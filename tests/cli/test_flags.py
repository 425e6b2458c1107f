"""Flags with values, in every spelling; what is none of them is a word or a line."""

from __future__ import annotations

import pytest

from tlrun.cli.flags import valued_flags
from tlrun.core.errors import UserError

FLAGS = {"--seed": "seed", "--out": "out", "-o": "out"}


@pytest.mark.parametrize("spelt", [["--seed", "3"], ["--seed=3"], ["seed=3"]])
def test_each_spelling_is_the_same(spelt: list[str]) -> None:
    assert valued_flags("it", ["a", *spelt, "b"], FLAGS) == ({"seed": "3"}, ["a", "b"])


def test_a_short_flag_is_the_long_one_and_the_last_counts() -> None:
    assert valued_flags("it", ["-o", "x", "--out=y=z"], FLAGS) == ({"out": "y=z"}, [])


@pytest.mark.parametrize("word", ["seed=3_4aec2227cfc1", "lam=1_seed=0", "other=3", "seed"])
def test_what_may_be_the_name_of_a_run_is_a_word(word: str) -> None:
    assert valued_flags("it", [word], FLAGS) == ({}, [word])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--sead", "3"],
            "it: expected one of --seed, --out, -o, found --sead; did you mean --see",
        ),
        (["--seed"], "--seed: expected a value after it, found nothing"),
        (["--seed="], "--seed: expected a value after it, found nothing"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], told: str) -> None:
    with pytest.raises(UserError) as caught:
        valued_flags("it", words, FLAGS)
    (line,) = caught.value.lines
    assert line.startswith(told)
