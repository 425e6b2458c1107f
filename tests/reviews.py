"""Small texts for tests: their tokens, made or read, and files that hold them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tlrun.core.problem import Split
from tlrun.core.task import Task
from tlrun.core.tokens import Tokens

FOR = ("good", "fine", "great", "lovely")
AGAINST = ("bad", "poor", "awful", "dull")
OTHER = ("the", "film", "was", "so", "and", "plot", "actor", "scene", "it", "very", "long", "day")


def tokens(lengths: Sequence[int], seed: int = 0, vocabulary: int = 50) -> Tokens:
    """Texts of random ids, 2 and above, of such lengths."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))])
    values = rng.integers(2, vocabulary, int(offsets[-1])).astype(np.int32)
    contents = rng.integers(0, 256, (len(lengths), 16)).astype(np.uint8)
    return Tokens(values, offsets, max([1, *lengths]), vocabulary, contents)


def token_split(lengths: Sequence[int], task: Task, seed: int = 0) -> Split:
    """Such texts with random labels."""
    labels = np.random.default_rng(seed).integers(0, len(task.classes), len(lengths))
    return Split(tokens(lengths, seed), {task.name: labels}, np.arange(len(lengths)))


def reviews(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """So many labels and texts, all different, a text having words of its label alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        words = FOR if number % 2 else AGAINST
        text = [*rng.choice(OTHER, rng.integers(3, 20)), *rng.choice(words, 2), f"n{seed}x{number}"]
        rows.append(("for" if number % 2 else "against", " ".join(rng.permutation(text))))
    return rows


def write_csv(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], by: str = ","
) -> Path:
    """A file of separated text, by commas or by tabs."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=by)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_json_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def domains_csv(path: Path, n: int = 40, domains: Sequence[str] = ("books", "dvd", "toys")) -> Path:
    """A file with the columns shop, label and text: so many reviews of each domain."""
    rows = []
    for number, name in enumerate(domains):
        rows += [(name, label, text) for label, text in reviews(n, number)]
    return write_csv(path, ("shop", "label", "text"), rows)
