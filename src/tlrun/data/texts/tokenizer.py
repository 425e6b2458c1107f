"""From texts to ids, by a tokenizer that is learnt from texts or read from a file.

Ids are as `core/tokens.py` has them: 0 is padding, and no text has it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from tlrun.core.errors import Mistake, UserError
from tlrun.core.tokens import PADDING
from tlrun.store.downloads import described

KEY = "dataset.tokenizer"
PAD, UNKNOWN = "[PAD]", "[UNK]"  # what ours call the two tokens that stand for none
PADS = (PAD, "<pad>", "<PAD>")
MOST = 1_000_000  # ids of a tokenizer, for each has a vector
AT_ONCE = 4096  # texts between two words about how far it is


@dataclass(frozen=True)
class Vocabulary:
    """What is learnt from texts.

    kind: word, every word and mark of punctuation a token; bpe, parts of words, by byte-pair
        encoding (Sennrich et al., 2016). size: the most tokens there are. min_count: how often a
        word, or a pair of parts, stands in the texts at least. lowercase: whether case is lost.
    """

    kind: Literal["word", "bpe"]
    size: int
    min_count: int
    lowercase: bool

    def learn(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer of some texts; the order in which they come changes nothing.

        Raises UserError where no token stands in them often enough.
        """
        options: dict[str, Any] = {
            "vocab_size": self.size,
            "min_frequency": self.min_count,
            "special_tokens": [PAD, UNKNOWN],
            "show_progress": False,
        }
        if self.kind == "word":
            tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
            trainer: Any = trainers.WordLevelTrainer(**options)
        else:
            tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
            trainer = trainers.BpeTrainer(**options)
        form = [normalizers.NFKC()] + ([normalizers.Lowercase()] if self.lowercase else [])
        tokenizer.normalizer = normalizers.Sequence(form)
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        _on_one_core()
        tokenizer.train_from_iterator(texts, trainer)
        if tokenizer.get_vocab_size() <= 2:
            expected = f"a word that stands {self.min_count} times in the texts to learn from"
            hint = "try dataset.min_count=1"
            if self.kind == "word":
                hint += "; dataset.tokenizer=bpe reads texts without spaces"
            raise UserError(Mistake("dataset.min_count", expected, "none", hint))
        return tokenizer


@dataclass(frozen=True)
class Ids:
    """Texts as ids. values: int32 [T]. offsets: int64 [N+1], where in `values` each text begins.

    cut: int64 [N], how many tokens of each were cut off.
    """

    values: np.ndarray
    offsets: np.ndarray
    cut: np.ndarray


class Reader:
    """A tokenizer as texts are read with it. text: its JSON. longest: to what a text is cut.

    Raises UserError, naming `name`, where it is no tokenizer that texts can be read with.
    """

    def __init__(self, text: str, longest: int, name: str) -> None:
        self.text, self.longest = text, longest
        try:
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # noqa: BLE001  # the library raises nothing narrower
            raise _no_tokenizer(name, " ".join(str(error).split())) from None
        padding, first = self._tokenizer.padding or {}, self._tokenizer.id_to_token(PADDING)
        # of padding the library takes id 0 unless told, whatever token that is
        is_padding = (padding.get("pad_id"), padding.get("pad_token")) == (PADDING, first)
        if not is_padding and first not in PADS:
            raise _no_tokenizer(name, f"one whose id 0 is {first!r}, and no padding")
        if self.size > MOST:
            raise _no_tokenizer(name, f"ids up to {self.size - 1:,}, beyond {MOST:,}")
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        if longest <= self._special:
            found = f"{longest}, and {self._special} of them say where a text begins and ends"
            raise UserError(Mistake("dataset.max_tokens", "more tokens", found, "raise it"))
        self._tokenizer.enable_truncation(longest)
        # a text may well say [PAD], and is then no shorter for it
        self._tokenizer.encode_special_tokens = True

    @property
    def size(self) -> int:
        """How many ids there are: the largest, and one."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def unknown(self) -> int | None:
        """The id of what the vocabulary does not have; None where it can spell everything."""
        model = json.loads(self.text)["model"]
        if isinstance(model.get("unk_id"), int):
            return int(model["unk_id"])
        name = model.get("unk_token")
        found: int | None = self._tokenizer.token_to_id(name) if name else None
        return found

    @cached_property
    def marks(self) -> frozenset[int]:
        """The ids that say where a text begins and ends, and nothing of it."""
        return frozenset(self._tokenizer.encode("").ids)

    def read(self, texts: Sequence[str]) -> Iterator[Ids]:
        """The ids of texts, in parts, in order."""
        _on_one_core()
        for start in range(0, len(texts), AT_ONCE):
            read = self._tokenizer.encode_batch_fast(list(texts[start : start + AT_ONCE]))
            # where a text says "[PAD]", and that is a word of the vocabulary
            ids = [[i for i in one.ids if i != PADDING] for one in read]
            lengths = [len(one) for one in ids]
            cut = [self._beyond(one.overflowing) for one in read]
            values = np.fromiter((i for one in ids for i in one), np.int32, sum(lengths))
            offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
            yield Ids(values, offsets, np.array(cut, np.int64))

    def _beyond(self, overflowing: Sequence[Any]) -> int:
        """How many tokens stand in what a text has beyond its cut."""
        return sum(len(part.ids) - self._special for part in overflowing)


def _on_one_core() -> None:
    """Hold the library to one core, as far as nobody has said otherwise.

    A process of a sweep has its share of the cores alone, and otherwise the library warns of forks.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def read_file(path: Path) -> str:
    """The JSON of the tokenizer in a file. Raises UserError where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _no_tokenizer(str(path), described(error)) from None


def _no_tokenizer(name: str, found: str) -> UserError:
    expected = f"word, bpe, minilm or the path of a tokenizer.json whose id 0 is padding ({name})"
    return UserError(Mistake(KEY, expected, found, "try dataset.tokenizer=word"))
