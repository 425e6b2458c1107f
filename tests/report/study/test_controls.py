import shutil
from pathlib import Path

from tlrun.report.primary import is_primary
from tlrun.report.study.controls import control_rows, lacking

from made_runs import CONTROLS, put_arm, put_study
from made_studies import arm_of, only, parts_of, runs_of

JOINT = {**CONTROLS, "joint, λ=1": "joint λ=1", "linear_model": "linear_model"}


def test_a_control_that_several_arms_share_is_one_row(tmp_path: Path) -> None:
    put_study(tmp_path)
    rows = control_rows(parts_of(tmp_path).series)

    assert [row.label for row in rows] == ["scratch", "source_only"]
    assert all(list(row.runs) == list(range(6)) for row in rows)


def test_arms_with_other_seeds_share_the_runs_of_both(tmp_path: Path) -> None:
    put_study(tmp_path)
    for seed in (0, 1):
        shutil.rmtree(tmp_path / f"made/parameter_transfer/parameter_transfer_λ=1_seed={seed}")
        shutil.rmtree(tmp_path / f"made/feature_transfer/feature_transfer_λ=1_seed={seed + 2}")
    rows = control_rows(parts_of(tmp_path).series)

    assert [list(row.runs) for row in rows] == [list(range(6))] * 2


def test_a_control_that_is_an_arm_is_no_row_of_its_own(tmp_path: Path) -> None:
    put_arm(tmp_path, "scratch", 0.5)
    put_arm(tmp_path, "source_only", 0.5)
    one = parts_of(tmp_path).series

    assert control_rows(one) == []


def test_two_controls_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for steps in (10, 20):
        put_arm(tmp_path, "scratch", 0.5, options={"steps": steps}, controls={})
        of = {"scratch": f"scratch steps={steps}"}
        put_arm(tmp_path, "parameter_transfer", 0.7, options={"steps": steps}, controls=of)
    series = [one for one in parts_of(tmp_path).series if one.strategy == "parameter_transfer"]

    assert {row.label for row in control_rows(series)} == {
        "scratch (steps=10)", "scratch (steps=20)",
    }  # fmt: skip


def test_joint_and_methods_from_outside_decide_no_word(tmp_path: Path) -> None:
    put_arm(tmp_path / "with", "joint", 0.99, lam=1.0, controls=JOINT)
    put_arm(tmp_path / "with", "linear_model", 0.99, network=False, controls=JOINT)
    for path, controls in (("with", JOINT), ("without", CONTROLS)):
        put_arm(tmp_path / path, "scratch", 0.5, controls=controls)
        put_arm(tmp_path / path, "source_only", 0.5, controls=controls)
        put_arm(tmp_path / path, "parameter_transfer", 0.8, lam=1.0, controls=controls)
    arm = arm_of(only(tmp_path / "with"), "parameter_transfer")
    without = arm_of(only(tmp_path / "without"), "parameter_transfer")

    assert {gain.over: gain.primary for gain in arm.gains} == {
        "scratch": True, "source_only": True, "joint, λ=1": False, "linear_model": False,
    }  # fmt: skip
    assert {gain.over for gain in arm.gains if gain.outside} == {"linear_model"}
    assert (arm.word, arm.why) == (without.word, without.why)
    assert arm.word == "HELPS"
    assert [gain for gain in arm.gains if gain.primary] == list(without.gains)
    assert not is_primary(runs_of(tmp_path / "with", "joint λ=1")[0])


def test_a_control_that_has_no_run_at_all_is_lacking_unless_no_word_needs_it(
    tmp_path: Path,
) -> None:
    put_arm(tmp_path, "scratch", 0.5)
    put_arm(tmp_path, "parameter_transfer", 0.8, lam=1.0, controls=JOINT)

    assert lacking(parts_of(tmp_path).of("parameter_transfer")) == ["source_only"]
