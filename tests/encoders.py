"""Folders of small encoders, as transformers writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor

from tlrun.data.texts.tokenizer import PAD, UNKNOWN
from tlrun.models.bert import encoder, name_in_file
from tlrun.models.bert_files import NAMES, Sizes

from reviews import AGAINST, FOR, OTHER

SMALL = Sizes(vocabulary=40, width=12, layers=2, heads=3, inner=20, positions=16, deviation=0.3)


def config(sizes: Sizes = SMALL, **changes: Any) -> dict[str, Any]:
    """What config.json holds of an encoder; None in `changes` leaves a key out."""
    usual = {"model_type": "bert", "hidden_act": "gelu"}
    full = usual | {theirs: getattr(sizes, ours) for ours, theirs in NAMES.items()} | changes
    return {key: value for key, value in full.items() if value is not None}


def tensors(sizes: Sizes = SMALL) -> dict[str, Tensor]:
    """Weights of an encoder by BERT's names, with the pooler that comes with them."""
    phi = encoder(sizes)
    found = {name_in_file(name): tensor.clone() for name, tensor in phi.state_dict().items()}
    return found | {"pooler.dense.weight": torch.zeros(sizes.width, sizes.width)}


def folder(path: Path, sizes: Sizes = SMALL, **changes: Any) -> Path:
    """A folder at `path` with an encoder. changes: to its config.json."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config(sizes, **changes)), encoding="utf-8")
    save_file(tensors(sizes), path / "model.safetensors")
    return path


def encoder_of_reviews(path: Path, **changes: Any) -> Path:
    """Such a folder whose vocabulary has the words of `reviews`. changes: to its config.json."""
    words = [PAD, UNKNOWN, *FOR, *AGAINST, *OTHER]
    words += [f"[unused{number}]" for number in range(SMALL.vocabulary - len(words))]
    numbered = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(numbered, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder(path, **changes) / "tokenizer.json"))
    return path


def padded(*texts: list[int]) -> Tensor:
    """Ids of texts, int32 [B, L], padded with 0."""
    ids = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.int32)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
    return ids
