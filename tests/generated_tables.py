"""Tables of every form, each with what was written into it, for tests to compare with what is read.

A recipe is a seed: everything about a table follows from it.
"""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MISSING = ["", "NA", "n/a", "NaN", "null", "None", "?"]
WORDS = ["red", "blue", "not sure", "É-7", "x,y", "a;b", 'say "so"', "007", "7", "1.50", "true"]
IDS = ["007", "08", "8", "90071992547409921", "90071992547409922", "A/1", "Zürich", "no"]


@dataclass
class Made:
    """A table, and what was written into it.

    options: of the data set, to read it. numbers, categories: the inputs by name; nan and None are
    missing. labels: text, or numbers of a regression. domains: text a row; None without any.
    left_out: the inputs that are to be. faulty: a column that is to be refused; None where none is.
    """

    options: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    categories: dict[str, list[str | None]] = field(default_factory=dict)
    labels: list[str] | np.ndarray = field(default_factory=list)
    domains: list[str] | None = None
    left_out: list[str] = field(default_factory=list)
    faulty: str | None = None


class Writer:
    """Writes numbers as one file does."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        marks = [(".", ""), (".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (".", "'")]
        self.decimal, self.thousands = marks[rng.integers(len(marks))]

    def number(self, value: float) -> str:
        """A finite number as text that is read as just that number."""
        form = self.rng.integers(4)
        if form == 0 and value == round(value):
            text = f"{value:,.0f}"
        elif form == 1:
            text = f"{value:.17e}"
        else:
            text = f"{value:,.17g}" if abs(value) < 1e15 else repr(value)
        return text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)

    def cell(self, value: float) -> str:
        """A number, or a word for none."""
        return self.missing() if np.isnan(value) else self.number(value)

    def missing(self) -> str:
        return MISSING[self.rng.integers(len(MISSING))]


def _measured(rng: np.random.Generator, n: int) -> np.ndarray:
    """Numbers of some size that nobody takes for a name of the row."""
    size = 10.0 ** rng.integers(-3, 5)
    drawn = [
        rng.normal(rng.normal(), 1, n) * size,
        rng.integers(0, 8, n).astype(float),
        np.round(rng.exponential(size, n), 2),
        np.full(n, 3.5),
    ]
    return drawn[rng.integers(len(drawn))]


def _words(rng: np.random.Generator, n: int) -> list[str]:
    few = rng.choice(WORDS, size=rng.integers(2, 5), replace=False)
    chosen: list[str] = rng.choice(few, n).tolist()
    if all(_is_number(word) for word in few):  # a column of numbers is no category
        chosen[0] = chosen[1] = "red"
        chosen[2 : n // 2 + 3] = ["blue"] * (n // 2 + 1)
    elif any(_is_number(word) for word in few):
        words = [word for word in few if not _is_number(word)]
        chosen[: n // 2 + 1] = rng.choice(words, n // 2 + 1).tolist()
    return chosen


def _is_number(word: str) -> bool:
    return word.replace(".", "").isdigit()


FAULTS: dict[str, Callable[[np.random.Generator, int, Writer], list[str]]] = {}


def _fault(make: Callable[[np.random.Generator, int, Writer], list[str]]) -> object:
    FAULTS[make.__name__.strip("_")] = make
    return make


@_fault
def _stray_word(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    cells = [writer.number(x) for x in rng.normal(size=n)]
    word = ["total", "<0.1", "#DIV/0!", "12 kg", "-", "ca. 5", "1_000", "0x1F", "５"][
        rng.integers(9)
    ]
    for row in rng.choice(n, rng.integers(1, 4), replace=False):
        cells[row] = word
    return cells


@_fault
def _other_notation(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    other = "," if writer.decimal == "." else "."
    cells = [f"{x:.3f}".replace(".", other) for x in rng.normal(size=n)]
    if writer.thousands == other:  # 1,234 would be a number
        cells = [f"{x:.2f}".replace(".", other) for x in rng.normal(size=n)]
    return cells


@_fault
def _percentages(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    return [f"{x:.1f}{' ' * rng.integers(2)}%" for x in rng.uniform(0, 100, n)]


@_fault
def _money(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    mark = "$€£"[rng.integers(3)]
    return [f"{mark}{x:.2f}" for x in rng.uniform(0, 100, n)]


@_fault
def _dates(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    form = ["{y}-{m:02}-{d:02}", "{d}.{m}.{y}", "{m}/{d}/{y}", "{y}-{m:02}-{d:02} 12:{d:02}:00"]
    chosen = form[rng.integers(len(form))]
    cells = []
    for _ in range(n):
        day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1950, 2030)
        cells.append(chosen.format(y=year, m=month, d=day))
    return cells


@_fault
def _nearly_unique(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    cells = [f"name {k}" for k in rng.permutation(n)]
    cells[0] = cells[1]
    return cells


@_fault
def _free_text(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    words = ["the", "patient", "says", "it", "hurts", "now", "and", "then"]
    return [" ".join([*rng.choice(words, rng.integers(5, 9)), str(k)]) for k in range(n)]


@_fault
def _absurd(rng: np.random.Generator, n: int, writer: Writer) -> list[str]:
    cells = [writer.number(x) for x in rng.normal(size=n)]
    size = ["1e20", "-1e12", "3e38", "1e300", "inf", "1e9"][rng.integers(6)]
    cells[rng.integers(n)] = size
    return cells


def make(seed: int, folder: Path, faulty: bool) -> Made:
    """The table of a recipe, written into `folder`."""
    rng = np.random.default_rng(seed)
    n, writer, made = int(rng.integers(30, 80)), Writer(rng), Made()
    columns: dict[str, list[str]] = {}
    names = [
        f"{word}{k}" for k, word in enumerate(rng.permutation(["a", "b c", "é", "d.e", "f", "1"]))
    ]
    for name in names[: rng.integers(1, 4)]:
        values = _measured(rng, n) if made.numbers else rng.normal(rng.normal(), 1, n)
        if rng.integers(2):
            values = np.where(rng.random(n) < 0.1, np.nan, values)
        made.numbers[name] = values
        columns[name] = [writer.cell(value) for value in values]
    for name in names[4 : 4 + rng.integers(0, 3)]:
        words: list[str | None] = list(_words(rng, n))
        if rng.integers(2):
            words[int(rng.integers(n))] = None
        made.categories[name] = words
        columns[name] = [writer.missing() if word is None else word for word in words]
    if rng.integers(3) == 0:
        first = int(rng.integers(2))
        ids = [[str(k + first) for k in range(n)], [f"P{k:04}" for k in rng.permutation(n)]]
        made.left_out.append("id")
        columns["id"] = ids[rng.integers(2)]
    if faulty:
        kind = sorted(FAULTS)[rng.integers(len(FAULTS))]
        made.faulty = f"bad {kind}"
        columns[made.faulty] = FAULTS[kind](rng, n, writer)
    if rng.integers(3) == 0:
        some = rng.choice(IDS, size=2, replace=False).tolist()
        made.domains = [some[k % 2] for k in range(n)]
        columns["where"] = made.domains
        made.options |= {"task": "where"}
        if rng.integers(2):
            made.options["target"] = some[0]
    shuffled = {name: columns[name] for name in rng.permutation(list(columns))}
    if rng.integers(3):
        classes = rng.choice(["yes", "no", "inf", "01", "1", "maybe so", "Ja"], 3, replace=False)
        made.labels = [str(classes[k // 2 % (2 + seed % 2)]) for k in range(n)]
        shuffled["y"] = made.labels
        made.options |= {"kind": {"y": "classification"}, "metric": "accuracy"}
    else:
        made.labels = rng.normal(10, 5, n)
        shuffled["y"] = [writer.number(value) for value in made.labels]
    _write(rng, shuffled, folder, writer, made)
    return made


def _write(
    rng: np.random.Generator,
    columns: dict[str, list[str]],
    folder: Path,
    writer: Writer,
    made: Made,
) -> None:
    """The file of a table, in one of the ways to write it."""
    separator = [",", ";", "\t", "|"][rng.integers(4)]
    ends = ["\n", "\r\n"][rng.integers(2)]
    quote_all = bool(rng.integers(2))
    text = io.StringIO(newline="")
    lines = csv.writer(
        text,
        delimiter=separator,
        lineterminator=ends,
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    lines.writerow(columns)
    lines.writerows(zip(*columns.values(), strict=True))
    encoding = ["utf-8", "utf-8-sig", "utf-16"][rng.integers(3)]
    raw = text.getvalue().encode(encoding)
    file = folder / "table.csv"
    if rng.integers(4) == 0:
        file, raw = folder / "table.csv.gz", gzip.compress(raw)
    file.write_bytes(raw)
    made.options |= {
        "path": str(file),
        "separator": separator.replace("\t", r"\t"),
        "encoding": encoding,
        "decimal": writer.decimal,
        "thousands": writer.thousands or None,
        "predict": "y",
        "duplicates": "keep",
    }
