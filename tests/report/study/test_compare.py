import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tlrun.report.answer import Study

from made_runs import off_by, put_arm, put_numbers, put_run, put_study, right_on
from made_studies import arm_of, only, parts_of


def change(path: Path, seed: int, test: float | None) -> None:
    """Give a run of a strategy's folder another test score."""
    (folder,) = path.glob(f"*_seed={seed}")
    result = json.loads((folder / "result.json").read_text())
    result["headline"]["test"] = test
    (folder / "result.json").write_text(json.dumps(result))


def test_lower_is_better_shows_scores_as_they_are_and_gains_above_0_as_better(
    tmp_path: Path,
) -> None:
    put_numbers(tmp_path, "scratch", 2.0)
    put_numbers(tmp_path, "source_only", 1.6)
    put_numbers(tmp_path, "parameter_transfer", 0.8, lam=1.0)
    put_numbers(tmp_path, "feature_transfer", 3.0, lam=1.0)
    study = only(tmp_path)
    good, bad = arm_of(study, "parameter_transfer"), arm_of(study, "feature_transfer")

    assert study.better == "lower"
    assert [arm.strategy for arm in study.arms] == [
        "parameter_transfer", "source_only", "scratch", "feature_transfer",
    ]  # fmt: skip
    for arm in study.arms:
        low, value, high = arm.score.low, arm.score.value, arm.score.high
        assert value is not None
        assert low is not None
        assert high is not None
        assert 0 < low < value < high
        assert arm.score.text.startswith(f"{value:.4g}")
    assert (good.word, bad.word) == ("HELPS", "HURTS")
    assert all((gain.figure.value or 0) > 0 and gain.ups == 6 for gain in good.gains)
    assert all((gain.figure.value or 0) < 0 and gain.ups == 0 for gain in bad.gains)
    assert study.delta is None  # what counts as much is not known of a label's unit


def test_no_word_without_a_score_of_a_control_that_it_depends_on(tmp_path: Path) -> None:
    """To be better than the others alone is not what was asked for."""
    put_study(tmp_path)
    assert arm_of(only(tmp_path), "parameter_transfer").word == "HELPS"
    change(tmp_path / "made/source_only", 2, None)
    study = only(tmp_path)
    arm = arm_of(study, "parameter_transfer")

    assert (arm.word, arm.why) == ("", "the gain over the source model left alone is undefined")
    assert [gain.shown for gain in arm.gains] == ["above", "–"]
    assert arm_of(study, "feature_transfer").word == "HURTS"  # whatever the other control is


def test_no_word_without_any_run_of_a_control_that_it_depends_on(tmp_path: Path) -> None:
    put_study(tmp_path)
    shutil.rmtree(tmp_path / "made/source_only")
    study = only(tmp_path)

    assert arm_of(study, "parameter_transfer").word == ""
    assert any("no finished run of its control the source model" in said for said in study.warnings)


def test_only_seeds_that_both_have_are_paired(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=7)
    (folder,) = (tmp_path / "made/source_only").glob("*_seed=3")
    shutil.rmtree(folder)
    parts = parts_of(tmp_path)
    one = parts.of("parameter_transfer")
    arm = arm_of(only(tmp_path), "parameter_transfer")
    by_name = {gain.over: gain for gain in arm.gains}
    scores = [
        one.runs[seed].result["headline"]["test"] - run.result["headline"]["test"]
        for seed, run in one.controls["source_only"].items()
    ]

    assert by_name["scratch"].figure.n == 7
    assert by_name["source_only"].figure.n == 6
    assert by_name["source_only"].figure.value == pytest.approx(np.mean(scores))
    assert arm.word == "HELPS"


def test_a_word_counts_the_fewest_seeds_of_its_controls(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=6)
    for seed in (0, 1):
        (folder,) = (tmp_path / "made/source_only").glob(f"*_seed={seed}")
        shutil.rmtree(folder)

    assert arm_of(only(tmp_path), "parameter_transfer").why == "4 seeds, and a word takes 5"


def test_more_arms_widen_the_interval_of_a_gain_and_not_of_a_score(tmp_path: Path) -> None:
    put_study(tmp_path / "two")
    put_study(tmp_path / "three")
    put_arm(tmp_path / "three", "joint", 0.5, lam=1.0)
    two, three = only(tmp_path / "two"), only(tmp_path / "three")
    a, b = arm_of(two, "parameter_transfer"), arm_of(three, "parameter_transfer")

    assert (two.arms_planned, three.arms_planned) == (2, 3)
    assert a.score == b.score
    assert a.gains[0].figure.level == 1 - 0.05 / 2
    assert b.gains[0].figure.level == 1 - 0.05 / 3
    assert (b.gains[0].figure.low or 0) < (a.gains[0].figure.low or 0)


def ps_of(study: Study) -> list[float | None]:
    return [g.p for arm in study.arms if arm.role == "arm" for g in arm.gains if g.primary]


def test_p_values_are_holms_over_all_gains_of_arms(tmp_path: Path) -> None:
    for strategy, share in (("scratch", 0.5), ("source_only", 0.55), ("joint", 0.56)):
        put_arm(tmp_path / "both", strategy, share)
        if strategy != "joint":
            put_arm(tmp_path / "alone", strategy, share)
    for path in ("both", "alone"):
        put_arm(tmp_path / path, "parameter_transfer", 0.57, lam=1.0)
    both, alone = only(tmp_path / "both"), only(tmp_path / "alone")
    ps = [p for p in ps_of(both) if p is not None]

    assert len(ps) == 4
    for gain, less in zip(
        arm_of(both, "parameter_transfer").gains,
        arm_of(alone, "parameter_transfer").gains,
        strict=True,
    ):
        assert (gain.p or 0) >= (less.p or 0)  # more of them are more to mend
    for arm in both.arms:
        if arm.role != "arm":
            assert {gain.p for gain in arm.gains} == {None}
            assert arm.word == ""


def test_gains_without_any_spread_have_neither_interval_nor_p(tmp_path: Path) -> None:
    for strategy, error in (("scratch", 1.0), ("source_only", 1.0), ("fused", 0.5)):
        for seed in range(6):
            put_run(tmp_path, strategy, seed, {"target/price": off_by(np.full(50, error))})
    arm = arm_of(only(tmp_path), "fused")

    assert [(gain.shown, gain.p, gain.figure.low) for gain in arm.gains] == [("–", None, None)] * 2
    assert arm.word == ""


def test_controls_of_two_arms_are_measured_against_each_other(tmp_path: Path) -> None:
    put_study(tmp_path)
    study = only(tmp_path)
    (over,) = arm_of(study, "scratch").gains
    (under,) = arm_of(study, "source_only").gains

    assert (over.over, under.over) == ("source_only", "scratch")
    assert over.figure.value == pytest.approx(-(under.figure.value or 0))
    assert over.figure.low == pytest.approx(-(under.figure.high or 0))


def test_few_differing_examples_show_nothing(tmp_path: Path) -> None:
    right = np.arange(400) % 2 == 0
    for seed in range(6):
        put_run(tmp_path, "scratch", seed, right)
        put_run(tmp_path, "source_only", seed, right)
        better = right.copy()
        better[1:12:2] = True
        put_run(tmp_path, "fused", seed, {"target/kind": right_on(better)})
    arm = arm_of(only(tmp_path), "fused")

    assert [gain.differing for gain in arm.gains] == [6, 6]
    assert arm.word == ""
    assert "on 6 of the test examples" in arm.why


FAR = {"task": "target/kind", "loss": 3e30, "constant": 0.69}


def put_with(path: Path, far: dict[str, int]) -> Study:
    """A study with one arm that helps and one that hurts. far: how many runs of each diverged."""
    put_study(path)
    for strategy, count in far.items():
        for file in list(path.glob(f"made/{strategy}/*/run.json"))[:count]:
            file.write_text(json.dumps(json.loads(file.read_text()) | {"diverged": FAR}))
    return only(path)


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("strategy", ["parameter_transfer", "feature_transfer"])
def test_no_word_rests_on_an_arm_that_has_diverged(
    tmp_path: Path, strategy: str, count: int
) -> None:
    other = {"parameter_transfer": "HURTS", "feature_transfer": "HELPS"}[strategy]
    study = put_with(tmp_path, {strategy: count})
    arm = arm_of(study, strategy)
    name = strategy.replace("_", " ")

    assert (arm.word, arm.mark, arm.diverged) == ("", "diverged", count)
    assert arm.why == f"{count} of 6 runs diverged; try a smaller optimizer.lr"
    assert not arm.best
    assert {one.word for one in study.arms if one.role == "arm" and one is not arm} == {other}
    sentences = [study.verdict, *study.more]
    assert not any(f"{name} (λ=1) helps" in said.lower() for said in sentences)
    assert not any(f"{name} (λ=1) hurts" in said.lower() for said in sentences)
    assert not any("is better than" in said for said in sentences)
    assert any("diverged; try a smaller" in said for said in sentences)
    assert f"{strategy} at λ=1: {count} of 6 runs diverged." in study.warnings


@pytest.mark.parametrize("control", ["scratch", "source_only"])
def test_no_word_rests_on_a_control_that_has_diverged(tmp_path: Path, control: str) -> None:
    """Or every arm would help."""
    study = put_with(tmp_path, {control: 2})

    assert {arm.word for arm in study.arms} == {""}
    for arm in study.arms:
        if arm.role == "arm":
            assert arm.why.startswith("2 of 6 runs of ")
            assert arm.mark == ""
    assert arm_of(study, control).mark == "diverged"
    assert study.verdict.startswith("No verdict: 2 of 6 runs of ")


def test_one_that_decides_no_word_may_have_diverged(tmp_path: Path) -> None:
    controls = {"scratch": "scratch", "joint, λ=1": "joint"}
    for strategy, share in {"scratch": 0.5, "joint": 0.2, "fused": 0.8}.items():
        far = FAR if strategy == "joint" else None
        put_arm(tmp_path, strategy, share, controls=controls, diverged=far)

    assert arm_of(only(tmp_path), "fused").word == "HELPS"
