"""The tokenizer beside a graph gives the ids that the run has learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tlrun.data.texts.tokenizer import Reader, Vocabulary
from tlrun.inference.graph.texts import ENDING, TokenInputs

TEXTS = ["A good film", "so bad, so very bad", "the plot", "a b c d e f g h i j k", "¿?"]


@pytest.fixture(params=["word", "bpe"])
def form(request: pytest.FixtureRequest) -> dict[str, object]:
    learnt = Vocabulary(request.param, 60, 1, lowercase=True).learn(TEXTS)
    kept = json.loads(learnt.to_str())
    return {"text": ["text"], "tokenizer": kept, "max tokens": 6, "missing": ["bad"]}


def test_its_ids_are_those_of_the_reader_cut_and_filled_up(
    form: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "t.json"
    file.write_bytes(TokenInputs(form).files()[ENDING])
    tokenizer = Tokenizer.from_file(str(file))

    ids = np.array([one.ids for one in tokenizer.encode_batch(TEXTS)])

    (wanted,) = Reader(json.dumps(form["tokenizer"]), 6, "it").read(TEXTS)
    assert ids.shape == (5, 6)
    for row, (start, end) in enumerate(zip(wanted.offsets, wanted.offsets[1:], strict=False)):
        expected = wanted.values[start:end].tolist()
        assert ids[row].tolist() == expected + [0] * (6 - len(expected))


def test_random_texts_are_of_known_words_and_the_single_one_is_too_long(
    form: dict[str, object],
) -> None:
    inputs = TokenInputs(form)

    texts, given = inputs.random(1, np.random.default_rng(0))
    many, ids = inputs.random(50, np.random.default_rng(0))

    assert given["input_ids"].shape == (1, 6)
    assert len(texts[0].split()) > 6
    assert len(many) == len(ids["input_ids"]) == 50
    assert (ids["input_ids"][:, 0] != 0).all()
    assert "bad" not in many  # a text that is nothing else is none
    assert any(len(text.split()) == 1 for text in many)
