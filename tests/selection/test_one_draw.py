"""Intervals of one draw: those of textbooks where there is one, and mirrored for errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from tlrun.core.task import Task
from tlrun.selection.one_draw import gain_of, score_of

TWO = Task("made", "multiclass", ("cat", "dog"))
NUMBER = Task("price", "regression", (), "mae")


def saying(right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(len(right)) % 2
    said = np.where(right, labels, 1 - labels)
    return np.where(said[:, None] == np.arange(2), 1.0, -1.0), labels


def test_of_an_accuracy_it_is_the_adjusted_wald_interval_with_t() -> None:
    right = np.arange(50) < 40
    outputs, labels = saying(right)

    found = score_of(TWO, "accuracy", outputs, labels)

    padded = np.concatenate([right, [True, False]]).astype(float)
    half = t.ppf(0.975, 51) * padded.std(ddof=1) / np.sqrt(52)
    assert found["score"] == 0.8
    assert (found["low"], found["high"]) == pytest.approx(
        (padded.mean() - half, padded.mean() + half)
    )
    assert found["rows"] == 50


def test_of_paired_errors_it_is_the_paired_t_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=30)
    ours, theirs = (labels + scale * rng.normal(size=30) for scale in (0.5, 1.0))

    found = gain_of(NUMBER, "mae", ours[:, None], theirs[:, None], labels)

    differences = abs(theirs - labels) - abs(ours - labels)
    half = t.ppf(0.975, 29) * differences.std(ddof=1) / np.sqrt(30)
    assert found["gain"] == pytest.approx(differences.mean())
    assert found["high"] - found["low"] == pytest.approx(2 * half)


def test_a_gain_turned_round_is_its_mirror() -> None:
    rng = np.random.default_rng(1)
    (one, labels), (other, _) = saying(rng.random(60) < 0.8), saying(rng.random(60) < 0.6)

    there = gain_of(TWO, "accuracy", one, other, labels)
    back = gain_of(TWO, "accuracy", other, one, labels)

    assert there["gain"] == -back["gain"]
    assert there["low"] == pytest.approx(-back["high"])
    assert there["differing"] == back["differing"]


def test_an_error_has_its_lower_bound_below() -> None:
    labels = np.arange(20.0)
    found = score_of(NUMBER, "mae", labels[:, None] + np.arange(20)[:, None] / 10, labels)

    assert found["low"] < found["score"] < found["high"]
    assert found["score"] == pytest.approx(0.95)


def test_what_is_undefined_is_none() -> None:
    outputs, labels = saying(np.ones(4, bool))
    binary = Task("made", "binary", ("no", "yes"))

    assert score_of(binary, "auc", outputs[:, 1:], np.zeros(4, int))["score"] is None
    assert gain_of(binary, "auc", outputs[:, 1:], outputs[:, 1:], np.zeros(4, int))["gain"] is None
    assert gain_of(TWO, "accuracy", outputs, outputs, labels)["differing"] == 0
