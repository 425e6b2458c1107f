"""A stand-in for IMDB: made reviews in the same files, for machines that cannot have the real ones.

A review is a row of pseudo-words. Most say nothing, and stand as often as Zipf has it; some are for
or against, the more of them and the more of one mind the further the rating is from the middle, and
each domain likes some of these words best. Three in ten stand behind a "not" and mean the opposite,
so that the order of words counts. It is drawn from fixed seeds, with `random` alone, whose numbers
are the same on every machine.
"""

from __future__ import annotations

import random
from itertools import accumulate, product
from pathlib import Path

from tlrun.store.files import whole_folder

VERSION = 1  # of what is written: another one is another data set
EACH = {"train": 200, "test": 100}  # reviews of every rating
RATINGS = (1, 2, 3, 4, 7, 8, 9, 10)
NEUTRAL, SENTIMENT = 1500, 160  # how many words there are: that say nothing, for and against each
# by how far a rating is from the middle, 0 being 4 and 7, 3 being 1 and 10:
SHARE = (0.08, 0.11, 0.14, 0.17)  # of the words that are for or against
OF_ONE_MIND = (0.72, 0.8, 0.88, 0.95)  # of these, those that agree with the rating
OWN = 4.0  # how much likelier a domain's own quarter of those words is than the others
NEGATED, NEGATED_NEUTRAL = 0.3, 0.02  # how often "not" stands before a word
LENGTH, SPREAD = 4.0, 0.45  # mean and deviation of the logarithm of a length: about 60 words
SHORTEST, LONGEST = 8, 400
SENTENCE = 12  # words, on average
BEGINS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr", "pl")
VOWELS = ("a", "e", "i", "o", "u")
ENDS = ("", "n", "r", "l", "s")


def write(root: Path) -> None:
    """Write the folder `root`, whole or not at all. Raises OSError where that cannot be."""
    with whole_folder(root.parent, synced=False) as home:
        for (side, kind, name), text in reviews().items():
            folder = home / root.name / side / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode())


def reviews() -> dict[tuple[str, str, str], str]:
    """Every review, by its side, kind and file."""
    made = {}
    words = _Words()
    for side, each in EACH.items():
        for rating in RATINGS:
            kind = "pos" if rating > 5 else "neg"
            first = RATINGS.index(rating) % 4 * each
            for number in range(first, first + each):
                made[side, kind, f"{number}_{rating}.txt"] = words.review(side, rating, number)
    return made


class _Words:
    """The words, and how likely each is."""

    def __init__(self) -> None:
        syllables = [begin + vowel + end for vowel in VOWELS for begin in BEGINS for end in ENDS]
        every = [one + other for one, other in product(syllables, syllables[::7])]
        random.Random("words").shuffle(every)  # noqa: S311  # no secret
        every = list(dict.fromkeys(every))
        self._neutral = every[:NEUTRAL]
        self._zipf = list(accumulate(1 / (rank + 3) for rank in range(NEUTRAL)))
        chosen = every[NEUTRAL : NEUTRAL + 2 * SENTIMENT]
        self._sentiment = {False: chosen[:SENTIMENT], True: chosen[SENTIMENT:]}
        self._likely = [
            list(accumulate((OWN if k % 4 == decided else 1) / (k + 8) for k in range(SENTIMENT)))
            for decided in range(4)
        ]

    def review(self, side: str, rating: int, number: int) -> str:
        """The review of this number."""
        rng = random.Random(f"{VERSION} {side} {rating} {number}")  # noqa: S311  # no secret
        decided = abs(2 * rating - 11) // 2 - 1
        length = round(rng.lognormvariate(LENGTH, SPREAD))
        words: list[str] = []
        for _ in range(min(max(length, SHORTEST), LONGEST)):
            if rng.random() < SHARE[decided]:
                good = (rating > 5) == (rng.random() < OF_ONE_MIND[decided])
                negated = rng.random() < NEGATED
                of = self._sentiment[good != negated]
                word = rng.choices(of, cum_weights=self._likely[decided])[0]
            else:
                negated = rng.random() < NEGATED_NEUTRAL
                word = rng.choices(self._neutral, cum_weights=self._zipf)[0]
            words.append(f"not {word}" if negated else word)
            if rng.random() < 1 / SENTENCE:
                words[-1] += rng.choices((".", ".<br /><br />", ","), (8, 1, 5))[0]
        return " ".join(words)
