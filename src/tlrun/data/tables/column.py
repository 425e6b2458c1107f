"""A table as columns of text, and what is read from the text: numbers, words, missing values.

Shapes: N rows. A column keeps its text; every reading of it is asked for by whoever needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.data.tables.notation import NOT_FINITE, Notation

FIRST = 1000  # cells that say whether all are worth a try
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Column:
    """One column of N cells.

    text: the cells as written, without the spaces around them, "" where empty; a string array [N].
    notation: how the file writes numbers, and which words are missing values.
    place: where in its file a row stands, such as "line 7", for a message. typed: whether the file
    knows its values to be numbers, or true and false, and has no spelling of them.
    """

    name: str
    text: pa.Array
    notation: Notation
    place: Callable[[int], str]
    typed: bool = False

    def __len__(self) -> int:
        return len(self.text)

    @property
    def numbers(self) -> np.ndarray:
        """The numbers, float64 [N]: nan where a cell is missing or holds words."""
        return self._read[0]

    @property
    def words(self) -> np.ndarray:
        """Which cells hold neither a number nor a missing value, bool [N]."""
        return self._read[1]

    @cached_property
    def missing(self) -> np.ndarray:
        """Which cells are missing, bool [N]."""
        missing: np.ndarray = np.isnan(self.numbers) & ~self.words
        return _frozen(missing)

    @cached_property
    def numeric(self) -> bool:
        """Whether every cell that is not missing holds a number."""
        return not self.words.any()

    @cached_property
    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        """`numbers` and `words`."""
        numbers = self._all_numbers()
        words = np.zeros(len(self), dtype=bool)
        if numbers is None:
            numbers, words = self._some_numbers()
        if self.notation.missing_numbers:
            numbers[np.isin(numbers, self.notation.missing_numbers)] = np.nan
        return _frozen(numbers), _frozen(words)

    def _all_numbers(self) -> np.ndarray | None:
        """The numbers of a column of plain finite numbers and empty cells; None for any other."""
        if not self.notation.plain:
            return None
        empty = pc.equal(self.text, "")
        text = pc.if_else(empty, None, self.text) if pc.any(empty).as_py() else self.text
        try:
            pc.cast(text.slice(0, FIRST), pa.float64())  # words fail here, which is far cheaper
            cast = pc.cast(text, pa.float64())
        except pa.ArrowInvalid:
            return None
        numbers = np.array(cast.to_numpy(zero_copy_only=False))
        # "nan" and "inf" are for the notation to read
        return numbers if np.isfinite(numbers).sum() == len(cast) - cast.null_count else None

    def _some_numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """`numbers` and `words` of any column."""
        number = _to_numpy(pc.match_substring_regex(self.text, self.notation.pattern))
        numbers, words = np.full(len(self), np.nan), np.zeros(len(self), dtype=bool)
        numbers[number] = self._finite(self.text.filter(pa.array(number)))
        others = self.text.filter(pa.array(~number)).dictionary_encode()
        different = others.dictionary.to_pylist()
        infinite = [float(t) if NOT_FINITE.fullmatch(t) else np.nan for t in different]
        word = [not self.notation.is_missing(t) and not NOT_FINITE.fullmatch(t) for t in different]
        codes = _to_numpy(others.indices)
        numbers[~number] = np.array(infinite, dtype=np.float64)[codes]
        words[~number] = np.array(word, dtype=bool)[codes]
        return numbers, words

    def _finite(self, texts: pa.Array) -> np.ndarray:
        """The numbers of texts that are numbers, float64."""
        plain = texts
        if not self.notation.plain:
            written = [self.notation.as_plain(text) for text in texts.to_pylist()]
            plain = pa.array(written, pa.string())
        try:
            cast = pc.cast(pc.replace_substring_regex(plain, "^[+]", ""), pa.float64())
        except pa.ArrowInvalid:  # 1e999, which Python reads as infinite
            return np.array([float(text) for text in plain.to_pylist()])
        return np.array(cast.to_numpy(zero_copy_only=False))

    @cached_property
    def missing_words(self) -> dict[str, int]:
        """The texts that were read as missing, less the empty one, and how often each stands."""
        texts = self.text.filter(pa.array(self.missing))
        counts = {each["values"]: each["counts"] for each in pc.value_counts(texts).to_pylist()}
        counts.pop("", None)
        return counts

    @cached_property
    def values(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The different values as they are written, and which of them each cell holds.

        They are in order of size where all are numbers, else in the order of the alphabet. The
        second array, int64 [N], has each cell's position among them, -1 where it is missing.
        """
        encoded = self.text.dictionary_encode()
        read = self.notation.number
        different = encoded.dictionary.to_pylist()
        present = [text for text in different if not self.notation.is_missing(text)]
        if self.numeric:
            present.sort(key=lambda text: (read(text), text))
        else:
            present.sort()
        position = {text: number for number, text in enumerate(present)}
        codes = np.array([position.get(text, -1) for text in different], dtype=np.int64)
        return tuple(present), _frozen(codes[_to_numpy(encoded.indices)])

    def at(self, row: int) -> str:
        """The cell of a row and where it stands, for a message."""
        return f"{shown(self.text[row].as_py())} in {self.place(row)}"

    def check_present(self, key: str) -> None:
        """Raise UserError, naming the option `key`, where a cell is missing."""
        if self.missing.any():
            row = int(self.missing.argmax())
            text = self.text[row].as_py()
            found = f"{shown(text)}, a missing value," if text else "none"
            hint = "see dataset.missing" if text else ""
            expected = f"a value in every row of column {self.name}"
            raise UserError(Mistake(key, expected, f"{found} in {self.place(row)}", hint))

    def check_finite(self, key: str) -> None:
        """Raise UserError, naming the option `key`, where float32 cannot hold a number."""
        beyond = np.abs(self.numbers) > LARGEST
        if beyond.any():
            raise UserError(
                Mistake(
                    key,
                    expected=f"finite numbers in column {self.name}",
                    found=self.at(int(beyond.argmax())),
                    hint="empty the cell if it is missing, or name it in dataset.missing",
                )
            )


@dataclass(frozen=True)
class Table:
    """A file as columns of `rows` cells each.

    columns: by their names. unnamed: how many columns were left out because they have no name.
    empty: how many rows of the file were left out because they hold nothing.
    """

    columns: Mapping[str, Column]
    rows: int
    unnamed: int
    empty: int = 0

    def column(self, name: str, key: str) -> Column:
        """The column called `name`.

        Raises UserError, naming the option `key` that asks for it, where there is none.
        """
        written = as_written(name, list(self.columns))
        if written is None:
            hint = nearest(name, list(self.columns))
            raise UserError(Mistake(key, "a column", shown(name), hint))
        return self.columns[written]


def as_written(name: str, names: Sequence[str]) -> str | None:
    """`name` as it stands among `names`, or the one that looks the same; None where none does.

    Some systems compose é of two characters, and others have one for it: nobody sees which it is.
    """
    if name in names:
        return name
    alike = [other for other in names if normalize("NFC", other) == normalize("NFC", name)]
    return alike[0] if len(alike) == 1 else None


def shown(text: str) -> str:
    """`text` in quotes, and only the beginning of a long one."""
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _to_numpy(array: pa.Array) -> np.ndarray:
    """An array without nulls; dictionary indices as int64."""
    numpy: np.ndarray = array.to_numpy(zero_copy_only=False)
    return numpy.astype(np.int64) if numpy.dtype.kind in "iu" else numpy


def _frozen(array: np.ndarray) -> np.ndarray:
    """`array`, made read-only: the table is kept for the next who reads it."""
    array.flags.writeable = False
    return array
