"""Where the words of a drawing go, so that none lies upon another."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import east_asian_width

from tlrun.core.errors import printable

EM = {"W": 1.0, "F": 1.0}  # widths of characters in ems: of Chinese, of emoji
USUAL = 0.62  # of the others: a little more than the mean of bold sans-serif letters


def width_of(words: str, size: float) -> float:
    """About how wide `words` are, written in letters of `size`; rather more than less."""
    return size * sum(EM.get(east_asian_width(letter), USUAL) for letter in words)


def cut(words: str, width: float, size: float) -> str:
    """`words`, or as many of their first letters as fit `width`, and an ellipsis."""
    words = printable(words)
    if width_of(words, size) <= width:
        return words
    used = USUAL * size
    for count, letter in enumerate(words):
        used += width_of(letter, size)
        if used > width:
            return words[:count].rstrip() + "…"
    return words


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart and within low … high, each as near to where it is `wanted`.

    Neighbours that are too near are pooled into a block about their mean, until no two blocks meet
    (the pool-adjacent-violators way to least squares). Where all do not fit, they start at `low`.
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    blocks: list[tuple[float, int]] = []  # the sum of where its first would stand, and how many
    for rank, k in enumerate(order):
        total, count = wanted[k] - gap * rank, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    last = max(low, high - gap * (len(wanted) - 1))
    means = [total / count for total, count in blocks for _ in range(count)]
    places = [0.0] * len(wanted)
    for rank, k in enumerate(order):
        places[k] = min(max(means[rank], low), last) + gap * rank
    return places


def rows(spans: Sequence[tuple[float, float]], air: float) -> list[int]:
    """The row of each span (start, end): the first in which it is `air` away from those before."""
    ends: list[float] = []
    chosen: list[int] = []
    for start, end in spans:
        row = next((r for r, other in enumerate(ends) if start >= other + air), len(ends))
        if row == len(ends):
            ends.append(end)
        ends[row] = end
        chosen.append(row)
    return chosen
