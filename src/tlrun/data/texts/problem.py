"""From a table of texts to a problem: what does not test says how all are read as tokens.

Shapes: N rows of the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Problem
from tlrun.core.tokens import Tokens
from tlrun.data.load_report import FEW, few
from tlrun.data.tables.column_roles import Columns, columns
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.problem import Read, problem_of
from tlrun.data.tables.splits import Splits
from tlrun.data.tables.table_notes import table_notes
from tlrun.data.texts.options import ReadAs
from tlrun.data.texts.text_table import TextTable
from tlrun.data.texts.tokenized import learnt, text_keys, tokenized
from tlrun.data.texts.tokenizer import Reader, Vocabulary, read_file

OFTEN = 20.0  # per cent of a test set's tokens, from which on unknown ones are many
VERSION = 1  # of the form of preprocessing.json


def text_problem(found: TextTable, options: TableOptions, how: ReadAs, seed: int) -> Problem:
    """The problem of a table of texts as `seed` draws its labels.

    options: of its rows. how: its texts are read. Raises UserError where the tokenizer cannot read
    them, and as `tables.problem.problem_of` does.
    """
    table = columns(found.table, options, found.text)
    texts = found.text.text.to_pylist()
    keys = text_keys(texts)

    def read(table: Columns, splits: Splits) -> Read:
        reader = Reader(
            _tokenizer(how, texts, keys, splits), how.max_tokens, how.tokenizer or "word"
        )
        tokens, cut = tokenized(reader, texts, keys, how.folder)
        words = how.tokenizer in (None, "word")
        notes = _notes(table, splits, reader, tokens, cut, words)
        return Read(tokens, list(notes), _preprocessing(found, table, reader, options))

    notes = [*found.notes, *_unused(found, table, options), *table_notes(table)]
    return problem_of(table, options, seed, notes, read)


def _unused(found: TextTable, table: Columns, options: TableOptions) -> Iterator[str]:
    """Which columns of the table nothing is learnt from."""
    used = {name for names in options.named().values() for name in names}
    used |= {target.column.name for target in table.targets}
    left = [name for name in found.table.columns if name not in used]
    if left:
        yield f"columns that are not used: {few(left)}"


def _tokenizer(how: ReadAs, texts: Sequence[str], keys: np.ndarray, splits: Splits) -> str:
    """The JSON of the tokenizer: learnt from every text that does not test, or read."""
    if not how.files:
        kind: Any = how.tokenizer or "word"
        vocabulary = Vocabulary(kind, how.vocabulary, how.min_count, how.lowercase)
        return learnt(vocabulary, texts, keys, splits.pool, how.folder)
    return read_file(how.files[0])


def _notes(
    table: Columns, splits: Splits, reader: Reader, tokens: Tokens, cut: np.ndarray, words: bool
) -> Iterator[str]:
    """What was cut off, and how much of the test texts no text to learn from has.

    words: whether a token is a word. Raises UserError where a domain has only unknown tokens.
    """
    used = splits.pool | splits.test
    yield f"tokens: {reader.size:,} different ones, {tokens.lengths[used].mean():.0f} a text"
    if (cut[used] > 0).any():
        lost = cut[used].sum() / (cut[used].sum() + tokens.lengths[used].sum())
        texts = 100 * (cut[used] > 0).mean()
        yield (
            f"cut to {reader.longest} tokens: {texts:.1f} % of the texts, "
            f"{100 * lost:.1f} % of all tokens (dataset.max_tokens)"
        )
    if reader.unknown is None:
        return
    unknown = _counts(tokens.values == reader.unknown, tokens.offsets)
    marks = np.isin(tokens.values, sorted(reader.marks))
    counted = tokens.lengths - _counts(marks, tokens.offsets)
    shares, mute = {}, {}
    for position, (name, _) in enumerate(table.domains):
        for of, rows in (("learn from", splits.pool), ("test", splits.test)):
            mine = rows & (table.domain == position)
            if mine.any() and (unknown[mine] >= counted[mine]).all():
                expected = f"texts to {of} in domain {name} with a token that the tokenizer knows"
                hint = "try dataset.tokenizer=bpe, or leave the domain out"
                raise UserError(Mistake("dataset.tokenizer", expected, "unknown ones alone", hint))
        tested = splits.test & (table.domain == position)
        if tested.any():
            shares[name] = 100 * unknown[tested].sum() / counted[tested].sum()
            mute[name] = int((unknown[tested] >= counted[tested]).sum())
    parts = "; dataset.tokenizer=bpe reads parts of words" if words else ""
    often = max(shares.values(), default=0.0) > OFTEN
    yield f"unknown tokens in the test texts: {_each(shares)}{parts if often else ''}"
    if sum(mute.values()):
        some = [f"{count} of {name}" for name, count in mute.items() if count]
        yield f"test texts of unknown tokens alone: {few(some)}"


def _counts(chosen: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """How many tokens of each text are `chosen`, int64 [N]."""
    before = np.concatenate([[0], np.cumsum(chosen, dtype=np.int64)])[offsets]
    return np.diff(before)


def _each(shares: Mapping[str, float]) -> str:
    """The share of every domain, or the range of many."""
    if len(shares) <= FEW:
        return ", ".join(f"{name} {share:.1f} %" for name, share in shares.items())
    low, high = min(shares, key=lambda n: shares[n]), max(shares, key=lambda n: shares[n])
    mean = sum(shares.values()) / len(shares)
    return f"{mean:.1f} %, from {shares[low]:.1f} ({low}) to {shares[high]:.1f} ({high})"


def _preprocessing(
    found: TextTable, table: Columns, reader: Reader, options: TableOptions
) -> dict[str, Any]:
    """How the texts were read, as strict JSON."""
    tasks = [{"column": each.column.name, **asdict(each.task)} for each in table.targets]
    return {
        "version": VERSION,
        "text": list(found.made_of),
        "in one line": found.in_line,
        "missing": list(map(str, options.missing or ())),
        "max tokens": reader.longest,
        "tokenizer": json.loads(reader.text),
        "tasks": [{**task, "classes": list(task["classes"])} for task in tasks],
        "domain column": found.task,
        "domains": dict(table.domain_values),
    }
