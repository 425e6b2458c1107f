"""Properties that many tests assert."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor


def assert_same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    """Both hold the same names with the same numbers, to the bit."""
    assert one.keys() == other.keys()
    assert len(one) > 0
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def assert_same_run(one: Path, other: Path, weights: bool = True) -> None:
    """Two run directories hold the same result, predictions and (unless told otherwise) weights, to
    the bit."""
    assert one != other
    assert (one / "result.json").read_bytes() == (other / "result.json").read_bytes()
    for name in ["predictions.safetensors", *(["model.safetensors"] if weights else [])]:
        assert_same_bits(load_file(one / name), load_file(other / name))


def assert_one_line_each(text: str, *mentions: str) -> None:
    """Error output is one line per expected mention, in order, with no traceback."""
    lines = text.strip().splitlines()
    assert len(lines) == len(mentions), text
    for line, mention in zip(lines, mentions, strict=True):
        assert line.startswith("tl-run: ")
        assert mention in line
    assert "Traceback" not in text
