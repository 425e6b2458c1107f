"""Made texts: their words, their file, and what it takes to read them as tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.memory import Peak
from tlrun.core.tokens import Tokens
from tlrun.data.texts.tokenized import learnt, text_keys, tokenized
from tlrun.data.texts.tokenizer import Reader, Vocabulary

WORDS = 200_000  # different ones, of which word k is drawn with a chance of 1 / (k + SHIFT)
SHIFT = 2.7
MEDIAN, SPREAD, SHORTEST = 170, 0.65, 10  # of a text's words: lognormal, as those of IMDB are
VOCABULARY = Vocabulary("word", 20_000, 2, lowercase=True)  # the defaults of text_csv
LONGEST = 256
SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
Phases = dict[str, dict[str, float]]


def write(path: Path, n: int) -> None:
    """A file of n texts, one a line, from one seed."""
    rng = np.random.default_rng(0)
    lengths = np.maximum(SHORTEST, rng.lognormal(np.log(MEDIAN), SPREAD, n)).astype(np.int64)
    chances = np.cumsum(1 / (np.arange(WORDS) + SHIFT))
    drawn = np.searchsorted(chances, rng.random(int(lengths.sum())) * chances[-1])
    words = [_word(k) for k in range(WORDS)]
    ends = np.cumsum(lengths).tolist()
    with path.open("w", encoding="ascii") as file:
        for start, end in zip([0, *ends], ends, strict=False):
            file.write(" ".join(words[k] for k in drawn[start:end].tolist()) + "\n")


def _word(number: int) -> str:
    """A word for every number, no two alike."""
    spelled = ""
    while True:
        number, last = divmod(number, len(SYLLABLES))
        spelled += SYLLABLES[last]
        if not number:
            return spelled
        number -= 1


def read(path: Path) -> list[str]:
    """The texts of a file."""
    return path.read_text(encoding="ascii").splitlines()


def tokens_of(texts: list[str], cache: Path) -> Tokens:
    """All texts as tokens of a vocabulary that is learnt from them, made now or before."""
    keys = text_keys(texts)
    every = np.ones(len(texts), bool)
    vocabulary = learnt(VOCABULARY, texts, keys, every, cache, _silent)
    return tokenized(Reader(vocabulary, LONGEST, "word"), texts, keys, cache, _silent)[0]


def read_twice(path: Path, cache: Path) -> Phases:
    """By phase, what it takes to read the texts of a file as tokens: at first, and from `cache`."""
    peak = Peak()
    with peak.phase("the file read"):
        texts = read(path)
    every = np.ones(len(texts), bool)
    with peak.phase("keys of the texts"):
        keys = text_keys(texts)
    with peak.phase("vocabulary learnt"):
        vocabulary = learnt(VOCABULARY, texts, keys, every, cache, _silent)
    reader = Reader(vocabulary, LONGEST, "word")
    with peak.phase("texts to tokens"):
        tokens, _ = tokenized(reader, texts, keys, cache, _silent)
    expected = tokens.digest()
    with peak.phase("the second time, all of it from the cache"):
        tokens = tokens_of(texts, cache)
    if tokens.digest() != expected:
        sys.exit("expected the same tokens from the cache, found others")
    return peak.found


def in_child(function: Callable[..., Any], *words: object) -> Any:
    """What a function gives, as JSON, of these words as text, in a process of its own."""
    code = (
        "import importlib, json, sys\n"
        "module, name, *words = sys.argv[1:]\n"
        "print(json.dumps(getattr(importlib.import_module(module), name)(*words)))"
    )
    command = [sys.executable, "-c", code, function.__module__, function.__qualname__]
    done = subprocess.run(
        [*command, *map(str, words)],
        check=False, capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{done.stderr[-4000:]}\nexit code {done.returncode}")
    return json.loads(done.stdout)


def reading(path: str, cache: str) -> Phases:
    """`read_twice` of paths that are text, for `in_child`."""
    return read_twice(Path(path), Path(cache))


def _silent(line: str) -> None: ...
