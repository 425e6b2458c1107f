import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tlrun.report.study.peak import peaks

from made_runs import Made, put_arm, put_run
from made_studies import parts_of

SHARES = {0.0: 0.4, 1.0: 0.8, math.inf: 0.5}


def put_axis(path: Path, shares: Mapping[float, float], seeds: int = 6) -> None:
    """An axis with validation losses that choose the best of these."""
    for lam, share in shares.items():
        loss = 1 - share
        put_arm(path, "parameter_transfer", share, seeds, lam=lam, val_loss=loss)


def said(path: Path) -> list[str]:
    parts = parts_of(path)
    return list(peaks(parts.study.axes, parts.terms, parts.evidence))


def test_an_inner_lam_that_beats_both_ends_is_a_peak(tmp_path: Path) -> None:
    put_axis(tmp_path, SHARES)
    (sentence,) = said(tmp_path)

    assert sentence.startswith("parameter transfer: inner λ=1, the only inner λ, +")
    assert " over λ=0 and +" in sentence
    assert sentence.endswith(
        "INNER PEAK: λ* is better than both ends, each by an interval above 0."
    )


@pytest.mark.parametrize(
    ("shares", "word"),
    [
        ({0.0: 0.8, 1.0: 0.4, math.inf: 0.5}, "λ=0 is better: "),
        ({0.0: 0.4, 1.0: 0.5, math.inf: 0.8}, "λ=∞ is better: "),
        ({0.0: 0.6, 1.0: 0.6, math.inf: 0.6}, "FLAT: "),
        ({0.0: 0.4, 1.0: 0.6, math.inf: 0.6}, "FLAT: "),
    ],
)
def test_an_end_that_is_better_is_named(
    tmp_path: Path, shares: Mapping[float, float], word: str
) -> None:
    put_axis(tmp_path, shares)
    (sentence,) = said(tmp_path)

    assert word in sentence
    assert "INNER PEAK" not in sentence


def test_of_several_inner_lams_validation_chooses_and_says_how_often(tmp_path: Path) -> None:
    put_axis(tmp_path, {**SHARES, 10.0: 0.6})
    (sentence,) = said(tmp_path)

    assert "inner λ=1, chosen by validation loss (1 for 6 of 6 seeds), " in sentence


def test_without_validation_labels_nothing_chooses(tmp_path: Path) -> None:
    for lam, share in {**SHARES, 10.0: 0.6}.items():
        put_arm(tmp_path, "parameter_transfer", share, lam=lam)
    (sentence,) = said(tmp_path)

    assert "λ* not chosen: it takes validation labels" in sentence


def test_too_few_seeds_are_told_and_not_taken_for_missing_labels(tmp_path: Path) -> None:
    put_axis(tmp_path / "2", {**SHARES, 10.0: 0.6}, seeds=2)
    put_axis(tmp_path / "4", SHARES, seeds=4)

    assert said(tmp_path / "2") == ["parameter transfer: 2 seeds, and to choose λ takes 3."]
    assert said(tmp_path / "4")[0].endswith("4 seeds, and a word about the axis takes 5.")


@pytest.mark.parametrize("shares", [{0.0: 0.4, 1.0: 0.8}, {0.0: 0.4, math.inf: 0.5}, {1.0: 0.5}])
def test_an_axis_without_both_ends_or_an_inner_lam_says_nothing(
    tmp_path: Path, shares: Mapping[float, float]
) -> None:
    put_axis(tmp_path, shares)

    assert said(tmp_path) == []


def test_scores_that_are_undefined_are_said_to_be(tmp_path: Path) -> None:
    """auc of a test set with one class."""
    for lam in SHARES:
        for seed in range(6):
            made = {"target/kind": Made(np.zeros((40, 2)), np.zeros(40, np.int64), "auc")}
            put_run(tmp_path, "parameter_transfer", seed, made, lam=lam)
    (sentence,) = said(tmp_path)

    assert sentence == (
        "parameter transfer: inner λ=1, the only inner λ. λ* cannot be compared with both ends, "
        "for a score is undefined."
    )


def test_an_axis_on_which_runs_have_diverged_has_no_shape(tmp_path: Path) -> None:
    put_axis(tmp_path, SHARES)
    (whole,) = said(tmp_path)
    file = next(tmp_path.glob("made/*/*_seed=2/run.json"))
    told = {"diverged": {"task": "target/kind", "loss": 3e30, "constant": 0.69}}
    file.write_text(json.dumps(json.loads(file.read_text()) | told))
    (sentence,) = said(tmp_path)

    assert "diverged" not in whole
    assert sentence == "parameter transfer: 1 of 18 runs diverged; try a smaller optimizer.lr."
