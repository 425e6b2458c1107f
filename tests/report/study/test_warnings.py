from pathlib import Path

from tlrun.report.study.build import build_report

from made_runs import put_arm, put_study
from made_studies import arm_of, only, planned

PT, FT = "parameter_transfer λ=1", "feature_transfer λ=1"


def test_a_usual_study_has_none(tmp_path: Path) -> None:
    put_study(tmp_path)

    assert only(tmp_path).warnings == ()


def test_few_test_examples_of_a_class_are_told(tmp_path: Path) -> None:
    put_study(tmp_path, rows=14)
    (said,) = only(tmp_path).warnings

    assert "7 of 'cat' of target/kind" in said
    assert "7 of 'dog' of target/kind" in said


def test_the_second_study_on_the_same_rows_is_exploratory(tmp_path: Path) -> None:
    put_study(tmp_path)
    planned(tmp_path, {"feature_transfer": [FT]})
    planned(tmp_path, {"parameter_transfer": [PT]})
    second, first = build_report([tmp_path]).studies

    assert (first.look, second.look) == (1, 2)
    assert first.warnings == ()
    assert "Study 2 on these 400 test examples: exploratory" in second.warnings[0]
    assert arm_of(second, "parameter_transfer").word == "HELPS"
    assert second.warnings[1] == (
        "Counting the looks (α = 0.0083), HELPS of parameter_transfer at λ=1 stays."
    )


def test_a_word_that_the_looks_take_away_is_told(tmp_path: Path) -> None:
    """The third study at α/(3·4), where the gain is a small one."""
    for strategy, share in (("scratch", 0.5), ("source_only", 0.5), ("fused", 0.515)):
        put_arm(tmp_path, strategy, share)
    for strategy in ("scratch", "source_only", "fused"):
        planned(tmp_path, {strategy: [strategy]})
    third = build_report([tmp_path]).studies[0]

    assert third.look == 3
    assert arm_of(third, "fused").word == "HELPS"
    assert third.warnings[1] == "Counting the looks (α = 0.0042), HELPS of fused becomes UNCLEAR."


def test_states_name_the_arm_and_its_lam(tmp_path: Path) -> None:
    for lam in (1.0, 2.0):
        put_arm(tmp_path, "parameter_transfer", 0.6, lam=lam, loss=99.0, seeds=int(4 + lam))
    put_arm(tmp_path, "scratch", 0.5)
    put_arm(tmp_path, "source_only", 0.5, loss=99.0)

    assert set(only(tmp_path).warnings) == {
        "parameter_transfer at λ=1: 1 of 6 seeds missing; 5 of 5 runs diverged.",
        "parameter_transfer at λ=2; source_only: 6 of 6 runs diverged.",
    }


def test_predictions_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """Without them an interval would be over seeds alone, and narrower for it."""
    put_study(tmp_path)
    whole = only(tmp_path)
    damaged = next(tmp_path.glob("*/feature_transfer/*/predictions.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:20])
    said = [sentence for sentence in only(tmp_path).warnings if "cannot be read" in sentence]

    assert not any("cannot be read" in sentence for sentence in whole.warnings)
    (sentence,) = said
    assert sentence.startswith("feature_transfer at λ=1: the outputs of 1 of 6 runs cannot be")
    assert "no interval and no word" in sentence
