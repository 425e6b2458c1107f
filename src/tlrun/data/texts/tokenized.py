"""Texts as tokens, made once: vocabulary and ids are kept by content.

    <cache>/tokenizer-<key>/tokenizer.json      what was learnt; key: of the texts and how
    <cache>/tokens-<key>/values.npy, offsets.npy, cut.npy
                                                key: of the tokenizer, the texts, and where they end

An entry that is damaged is made again, and one that cannot be written each time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import blake2b, sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tlrun.core.errors import say
from tlrun.core.tokens import Tokens
from tlrun.data.progress import Progress
from tlrun.data.texts.tokenizer import Ids, Reader, Vocabulary
from tlrun.store.downloads import described
from tlrun.store.entries import Damaged, Entry

MANY = 20_000  # texts, from which on it is told that a vocabulary is learnt
FORM = 2  # of what is kept of texts: the same text, read otherwise, is another entry
FILES = ("values.npy", "offsets.npy", "cut.npy")


def text_keys(texts: Sequence[str]) -> np.ndarray:
    """16 bytes for each text, uint8 [N, 16], equal where texts are."""
    joined = b"".join(blake2b(text.encode(), digest_size=16).digest() for text in texts)
    return np.frombuffer(joined, np.uint8).reshape(-1, 16)


def learnt(
    vocabulary: Vocabulary,
    texts: Sequence[str],
    keys: np.ndarray,
    learning: np.ndarray,
    cache: Path,
    tell: Callable[[str], None] = say,
) -> str:
    """The tokenizer, as JSON, of those of `texts` in `learning`, bool [N], learnt now or before.

    keys: of every text. tell: of what takes long. Raises UserError as `Vocabulary.learn` does.
    """
    total = sha256(json.dumps([FORM, asdict(vocabulary), version("tokenizers")]).encode())
    total.update(np.sort(np.ascontiguousarray(keys[learning]).view("S16").ravel()).tobytes())
    entry = _entry(cache, f"tokenizer-{total.hexdigest()[:16]}")
    kept = _read(entry, ("tokenizer.json",))
    if kept is None:
        rows = np.flatnonzero(learning).tolist()
        if len(rows) > MANY:
            tell(f"learning a vocabulary of {len(rows):,} texts, once")
        found: str = vocabulary.learn(texts[row] for row in rows).to_str()
        kept = {"tokenizer.json": found.encode()}
        _write(entry, kept)
    return kept["tokenizer.json"].decode()


def tokenized(
    reader: Reader,
    texts: Sequence[str],
    keys: np.ndarray,
    cache: Path,
    tell: Callable[[str], None] = say,
) -> tuple[Tokens, np.ndarray]:
    """All of `texts` as tokens, and how many of each were cut off, int64 [N]; read now or before.

    keys: of every text. tell: of what takes long.
    """
    total = sha256(json.dumps([FORM, reader.longest, version("tokenizers")]).encode())
    total.update(reader.text.encode())
    total.update(keys.tobytes())
    entry = _entry(cache, f"tokens-{total.hexdigest()[:16]}")
    kept = _read(entry, FILES)
    if kept is None:
        progress = Progress("texts to tokens", len(texts), tell, "texts")
        parts: list[Ids] = []
        for part in reader.read(texts):
            parts.append(part)
            progress.at(sum(len(each.cut) for each in parts))
        kept = _files(parts)
        _write(entry, kept)
    values, offsets, cut = (np.load(io.BytesIO(kept[name])) for name in FILES)
    return Tokens(values, offsets, reader.longest, reader.size, keys, texts=texts), cut


def _files(parts: Sequence[Ids]) -> dict[str, bytes]:
    """What an entry holds of texts that were read in parts."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    arrays = {
        "values.npy": np.concatenate([part.values for part in parts]),
        "offsets.npy": np.concatenate([[0], np.cumsum(lengths)]),
        "cut.npy": np.concatenate([part.cut for part in parts]),
    }
    files = {}
    for name, array in arrays.items():
        written = io.BytesIO()
        np.save(written, array)
        files[name] = written.getvalue()
    return files


def _entry(cache: Path, name: str) -> Entry:
    return Entry(cache / name, cache / f".{name}.lock")


def _read(entry: Entry, names: Sequence[str]) -> dict[str, bytes] | None:
    """The files of an entry; None where it is not there, or not whole."""
    try:
        kept = entry.read()
    except (Damaged, OSError):
        return None
    return kept if kept is not None and kept.keys() == set(names) else None


def _write(entry: Entry, files: dict[str, bytes]) -> None:
    """Keep what was made; two processes that make it make the same."""
    try:
        entry.write(files)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        say(f"{entry.path} cannot be kept ({described(error)}), so it is made again each time")
