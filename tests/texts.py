"""Small problems whose inputs are texts, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

from tlrun.core.problem import Domain, HeldOutTest, Problem, Role, Split
from tlrun.core.task import Task
from tlrun.core.tokens import Tokens

MOOD = Task("mood", "binary", ("bad", "good"))
STARS = Task("stars", "regression", location=3.0, scale=1.5)
LONGEST = 50


def tokens(texts: Sequence[str], at_hand: bool = True) -> Tokens:
    """The texts as ids, a word of them each; at_hand: the texts stay beside them."""
    ids = [[_id(word) for word in text.split()][:LONGEST] for text in texts]
    contents = [list(sha256(text.encode()).digest()[:16]) for text in texts]
    return Tokens(
        np.array([i for each in ids for i in each], np.int32),
        np.cumsum([0, *(len(each) for each in ids)]),
        LONGEST,
        1000,
        np.array(contents, np.uint8).reshape(-1, 16),
        texts=list(texts) if at_hand else None,
    )


def _id(word: str) -> int:
    """One id a word, of 2 to 999; words in tests are few enough not to share one often."""
    return 2 + int.from_bytes(sha256(word.encode()).digest()[:4]) % 998


def written(rng: np.random.Generator, moods: np.ndarray) -> list[str]:
    """A text for each mood: some words of no meaning, one or two that lean to the mood."""
    texts = []
    for mood in moods:
        plain = [f"word{k}" for k in rng.integers(0, 30, rng.integers(2, 8))]
        leaning = [("poor", "fine")[int(mood) ^ int(rng.random() < 0.1)] for _ in range(2)]
        texts.append(" ".join(rng.permutation([*plain, *leaning])))
    return texts


def part(seed: int, n: int, tasks: Sequence[Task] = (MOOD,), at_hand: bool = True) -> Split:
    """n texts; every class or number follows from the mood that is written in each."""
    rng = np.random.default_rng(seed)
    moods = rng.integers(0, 2, n)
    labels: Mapping[str, np.ndarray] = {
        task.name: 2.0 + 3 * moods if task.kind == "regression" else moods for task in tasks
    }
    return Split(tokens(written(rng, moods), at_hand), labels, np.arange(n))


def reviews(
    *roles: Role, tasks: Sequence[Task] = (MOOD,), val: bool = False, at_hand: bool = True
) -> Problem:
    """A domain of texts for each role given: 40 to train on, 30 to test, 9 to validate on."""
    parts, test = {}, {}
    for k, role in enumerate(roles):
        name = f"{role}{k}"
        train, held_out, valid = (
            part(9 * k + j, n, tasks, at_hand) for j, n in enumerate((40, 30, 9))
        )
        parts[name] = Domain(name, role, tuple(tasks), train, valid if val else None)
        test[name] = held_out
    return Problem(parts, HeldOutTest(test), "digest")
