from pathlib import Path

import pytest

from tlrun.report.study.build import build_report

from made_runs import put_arm


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


@pytest.mark.parametrize("count", [1, 4, 5])
def test_of_many_arms_the_top_one_is_compared_with_each(tmp_path: Path, count: int) -> None:
    put(tmp_path, **{f"arm{k}": 0.5 + 0.08 * k for k in range(count)})
    sentences = " ".join(said(tmp_path))
    pairs = sentences.count("is better than")

    assert pairs == {1: 0, 4: 6, 5: 4}[count]
    assert sentences.count(f"arm{count - 1} is better than") == min(pairs, count - 1)
