"""New texts as tokens, by the tokenizer that stands in preprocessing.json. N texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tlrun.core.tokens import Tokens
from tlrun.data.progress import Progress
from tlrun.data.tables.column import Column, Table
from tlrun.data.tables.notation import Notation
from tlrun.data.texts.text_table import in_one_line, text_of
from tlrun.data.texts.tokenized import text_keys
from tlrun.data.texts.tokenizer import Ids
from tlrun.data.texts.tokenizer import Reader as Tokenizer
from tlrun.inference.frames import is_frame, opened
from tlrun.inference.rows import (
    Memo,
    NewRows,
    Reader,
    Tell,
    about_new_rows,
    refused,
    silent,
)
from tlrun.inference.tables import check_columns, domains_of, unused

ALONE = "text"  # what the column is called of texts that are given alone


def text_reader(form: Mapping[str, Any], tell: Tell = silent) -> Reader:
    """Reads texts, or tables with a column of them, as those that were learnt from.

    form: its preprocessing.json. tell: is told how far a long reading has come. Raises KeyError,
    TypeError or ValueError where `form` is none.
    """
    made_of = [str(name) for name in form["text"]]
    tokenizer = Tokenizer(json.dumps(form["tokenizer"]), form["max tokens"], "preprocessing.json")
    notation = Notation(tuple(form["missing"]))
    in_line = bool(form.get("in one line"))  # an older tl-run did not say so
    domain_column, domains = form["domain column"], dict(form["domains"])

    def read_texts(new: Any, memo: Memo) -> NewRows:
        """Raises UserError where there are no texts, or one is empty."""
        if isinstance(new, str | Path) or is_frame(new):
            table = opened(new, notation, ",", "utf-8", memo)
            check_columns(table, made_of)
            text = text_of(table, made_of)
            of, column = domains_of(table, domain_column, domains)
            told = list(unused(table, [*made_of, column]))
        else:
            text, of, column, told = _alone(new, notation), None, "", []
        _check_present(text)
        texts = text.text.to_pylist()
        if in_line:
            texts = list(map(in_one_line, texts))
        with about_new_rows():
            tokens, cut = _tokens(tokenizer, texts, tell)
        return NewRows(tokens, of, column, (*told, *_told(tokenizer, tokens, cut)))

    return read_texts


def _alone(new: Any, notation: Notation) -> Column:
    """Texts that are given without a table, as a column."""
    texts = list(new) if hasattr(new, "__iter__") and not isinstance(new, bytes) else [new]
    wrong = [place for place, text in enumerate(texts) if not isinstance(text, str)]
    if wrong:
        found = f"{texts[wrong[0]]!r}"[:60]
        raise refused("a text in every row", f"{found} in row {wrong[0] + 1}")
    if not texts:
        raise refused("at least one text", "none")
    trimmed = pa.array([text.strip() for text in texts], pa.string())
    column = Column(ALONE, trimmed, notation, lambda row: f"row {row + 1}")
    return text_of(Table({ALONE: column}, len(texts), 0), [ALONE])


def _check_present(text: Column) -> None:
    """Raise UserError where a text is missing, which no row that was learnt from was."""
    if text.missing.any():
        row = int(text.missing.argmax())
        expected = f"a text in every row of {text.name}"
        raise refused(expected, f"none in {text.place(row)}", "leave such rows out")


def _tokens(tokenizer: Tokenizer, texts: Sequence[str], tell: Tell) -> tuple[Tokens, np.ndarray]:
    """The texts as tokens, and how many of each were cut off, int64 [N]."""
    progress = Progress("texts to tokens", len(texts), tell, "texts")
    parts: list[Ids] = []
    for part in tokenizer.read(texts):
        parts.append(part)
        progress.at(sum(len(each.cut) for each in parts))
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    tokens = Tokens(
        np.concatenate([part.values for part in parts]),
        np.concatenate([[0], np.cumsum(lengths)]),
        tokenizer.longest,
        tokenizer.size,
        text_keys(texts),
        texts=texts,
    )
    return tokens, np.concatenate([part.cut for part in parts])


def _told(tokenizer: Tokenizer, tokens: Tokens, cut: np.ndarray) -> Iterator[str]:
    """How many texts were cut, and how many hold nothing that the tokenizer knows."""
    if count := int((cut > 0).sum()):
        yield f"cut to {tokenizer.longest} tokens: {count:,} of {len(cut):,} texts"
    unknown = tokens.values == tokenizer.unknown
    marks = np.isin(tokens.values, sorted(tokenizer.marks))
    said = np.concatenate([[0], np.cumsum(~(unknown | marks))])[tokens.offsets]
    if mute := int((np.diff(said) == 0).sum()):
        yield f"texts of unknown tokens alone: {mute:,} of {len(cut):,}"
