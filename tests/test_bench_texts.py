"""The benchmark of texts: what is made and compared is what it says; that the script runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.made_texts import read, tokens_of, write
from bench.text_loops import (
    BATCH,
    KEPT,
    gradients_apart,
    loader,
    our_batches,
    places,
    texts_of,
    typical,
    widths,
)

from reviews import tokens

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "texts.py"
LENGTHS = np.random.default_rng(0).integers(1, 40, 4 * BATCH).tolist()


def test_made_texts_are_the_same_every_time_and_have_the_lengths_of_reviews(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, 400)
    texts = read(tmp_path / "one")

    assert texts == read(tmp_path / "two")
    assert len(set(texts)) == len(texts) == 400
    assert 150 < np.median([len(text.split()) for text in texts]) < 190
    found = tokens_of(texts, tmp_path)
    assert found.digest() == tokens_of(texts, tmp_path).digest()
    assert found.lengths.tolist() == [min(256, len(text.split())) for text in texts]


def test_the_loops_by_hand_compute_what_tl_run_does() -> None:
    apart, largest = gradients_apart(texts_of(tokens(LENGTHS)))

    assert apart < 1e-6
    assert largest > 1e-3


@pytest.mark.parametrize("how", ["padded", "fixed", "packed"])
def test_a_loop_by_hand_draws_every_text_once(how: str) -> None:
    texts = texts_of(tokens(LENGTHS))
    seen = []
    for ids, _, lengths in loader(texts, how):
        counts = (ids != 0).sum(1)
        assert ids.shape[1] == (max(LENGTHS) if how == "fixed" else int(counts.max()))
        assert (lengths is None) == (how != "packed")
        assert lengths is None or torch.equal(lengths, counts)
        seen += counts.tolist()

    assert sorted(seen) == sorted(LENGTHS)


def test_kept_or_read_batch_by_batch_the_batches_are_the_same() -> None:
    texts = texts_of(tokens(LENGTHS))

    for _, kept, read_ in zip(range(9), our_batches(texts, KEPT), our_batches(texts, 0)):  # noqa: B905  # endless
        assert torch.equal(kept.inputs, read_.inputs)


def test_places_are_counted_and_the_batches_measured_have_those_of_an_epoch() -> None:
    texts = texts_of(tokens(LENGTHS))
    found = places(texts, widths(texts))

    assert found["packed"] <= found["tl-run"] <= found["padded"] <= found["fixed"]
    assert found["packed"] == sum(LENGTHS) / len(LENGTHS) * BATCH
    # of two batches from 0, 1, …: 5, 3, 5.5, 4, 5.5 places a text, and 32/6 on average
    assert typical(torch.tensor([9, 1, 5, 6, 2, 9]), 2, 4) == [2, 4, 0, 3]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/clear_refs")
def test_the_script_measures_every_part() -> None:
    words = ["--texts", "64", "--rounds", "1", "--steps", "1"]
    said = subprocess.run(
        [sys.executable, str(SCRIPT), *words], check=True, capture_output=True, text=True
    ).stdout

    for row in ("vocabulary learnt", "texts to tokens", "tl-run", "padded", "fixed", "packed"):
        assert f"\n| {row} |" in said
    for row in ("tl-run, padded once and kept", "tl-run, read batch by batch", "1 steps"):
        assert f"\n| {row} |" in said
    assert "Gradients of a batch by chance" in said
