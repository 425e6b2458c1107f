from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.report.answer import Arm, Figure
from tlrun.report.statistics.paired import Paired
from tlrun.report.statistics.verdict import Verdict
from tlrun.report.study.arms import Series
from tlrun.report.study.build import build_report
from tlrun.report.study.compare import Counts, Row
from tlrun.report.study.evidence import Comparison, Evidence
from tlrun.report.study.versus import versus

from made_runs import put_arm

SERIES = Series("", "fused", "", "–", {})


def said(path: Path) -> list[str]:
    (study,) = build_report([path]).studies
    return [sentence for sentence in study.more if "on the same seeds" in sentence]


def put(path: Path, **shares: float) -> None:
    for strategy in ("scratch", "source_only"):
        put_arm(path, strategy, 0.4)
    for strategy, share in shares.items():
        put_arm(path, strategy, share)


def test_arms_are_compared_with_each_other_whatever_their_controls_say(tmp_path: Path) -> None:
    put(tmp_path, fused=0.8, feature_transfer=0.6, parameter_transfer=0.6)
    better, open_ = said(tmp_path)

    assert "fused is better than feature transfer, by " in better
    assert "fused is better than parameter transfer, by " in better
    assert open_.count(";") == 0
    assert "feature transfer and parameter transfer" in open_ or (
        "parameter transfer and feature transfer" in open_
    )


def test_the_better_one_comes_first(tmp_path: Path) -> None:
    put(tmp_path, feature_transfer=0.5, fused=0.8)
    (better,) = said(tmp_path)

    assert better.startswith("Arm against arm, on the same seeds: fused is better than feature")


def test_ten_equal_arms_are_told_apart_no_more_often_than_alpha() -> None:
    """The top one is compared with each, and is the top one by luck: of 45 pairs, not of 9."""
    rng, studies, alpha = np.random.default_rng(0), 300, 0.05
    arms = [Arm(f"a{k}", "fused", "–", "arm", Figure("")) for k in range(10)]

    class Normal(Evidence):
        """Gains of 20 seeds of arms without a difference."""

        def gain(self, ours: Any, theirs: Any, task: Any = None) -> Comparison:
            gains = ours[0] - theirs[0]
            return Comparison("target accuracy", tuple(range(20)), Paired(gains, None))

    told = 0
    for _ in range(studies):
        drawn = sorted(rng.normal(size=(10, 20)), key=lambda scores: -scores.mean())
        rows = [
            Row(replace(SERIES, runs={0: scores}), arm, (), Counts(20, None, None), Verdict(""))
            for scores, arm in zip(drawn, arms, strict=True)
        ]
        told += any("better" in sentence for sentence in versus(rows, alpha, Normal()))
    assert told <= alpha * studies + 2 * (alpha * studies) ** 0.5


@pytest.mark.parametrize("count", [1, 4, 5])
def test_of_many_arms_the_top_one_is_compared_with_each(tmp_path: Path, count: int) -> None:
    put(tmp_path, **{f"arm{k}": 0.5 + 0.08 * k for k in range(count)})
    sentences = " ".join(said(tmp_path))
    pairs = sentences.count("is better than")

    assert pairs == {1: 0, 4: 6, 5: 4}[count]
    assert sentences.count(f"arm{count - 1} is better than") == min(pairs, count - 1)
