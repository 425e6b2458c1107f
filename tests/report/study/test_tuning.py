import json
from pathlib import Path

import numpy as np
from made_trials import ARM, CONTROLS, RATES, at, put_trials, put_tuned, tuned_plan

from tlrun.report.study.tuning import NO_RATE

from made_runs import put_arm, put_run
from made_studies import arm_of, only, planned

RIGHT = np.arange(60) % 3 > 0


def test_which_rates_were_chosen_how_often_stands_with_every_arm(tmp_path: Path) -> None:
    low, centre, high = [0.1, 0.2, 0.3], [0.2, 0.1, 0.3], [0.2, 0.3, 0.1]
    tuned_plan(tmp_path)
    for name in (ARM, *CONTROLS):
        put_trials(tmp_path, name, dict(enumerate([centre, low, centre, high, centre, centre])))
    study = only(tmp_path)
    cost = dict(study.cost)

    assert {arm.tuned for arm in study.arms} == {"lr 0.003: 4 of 6 seeds, 0.001: 1, 0.01: 1"}
    assert cost["tuning"] == (
        "optimizer.lr of 3 rates (0.001, 0.003, 0.01) by validation loss, seed by seed, each arm "
        "and control alike"
    )
    assert "parameter_transfer lr=0.001: lr 0.003: 4 of 6 seeds" in cost["rates chosen"]
    assert cost["runs"].startswith("54 (36 of them controls)")  # whatever was chosen
    assert not [line for line in study.warnings if "lie beyond" in line]


def test_most_seeds_at_an_end_of_the_list_are_warned_of(tmp_path: Path) -> None:
    """More than half of them: of six seeds three are no warning."""
    low, high = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]
    tuned_plan(tmp_path)
    put_trials(tmp_path, ARM, dict(enumerate([high] * 4 + [low] * 2)))
    put_trials(tmp_path, "scratch", dict(enumerate([low] * 5 + [high])))
    put_trials(tmp_path, "source_only", dict(enumerate([low] * 3 + [high] * 3)))
    warned = [line for line in only(tmp_path).warnings if "lie beyond" in line]

    beyond = ", and the best rate may lie beyond: "
    of_arm = f"highest rate that was tried (0.01){beyond}{at(ARM, RATES[0])} (4 of 6)."
    of_control = f"lowest rate that was tried (0.001){beyond}scratch (5 of 6)."
    assert sorted(warned) == [f"Most seeds chose the {end}" for end in (of_arm, of_control)]


def test_what_learns_by_no_rate_says_so(tmp_path: Path) -> None:
    planned(tmp_path, {"linear_model": ["linear_model"]}, controls={}, tuning=())
    for seed in range(6):
        put_run(tmp_path, "linear_model", seed, RIGHT, network=False, controls={}, optimizer={})
    study = only(tmp_path)

    assert arm_of(study, "linear_model").tuned == NO_RATE
    assert "tuning" not in dict(study.cost)
    assert "rates chosen" not in dict(study.cost)


def test_validation_labels_of_what_trains_on_none_are_labels_it_has_used(tmp_path: Path) -> None:
    """source_only chooses its rate by labels of the target, on which it does not train."""
    put_tuned(tmp_path)
    for run in (tmp_path / "made" / "source_only").iterdir():
        result = json.loads((run / "result.json").read_text(encoding="utf-8"))
        result["labels"]["target"] = 0
        (run / "result.json").write_text(json.dumps(result), encoding="utf-8")
        data = json.loads((run / "data.json").read_text(encoding="utf-8"))
        row = next(row for row in data["splits"] if row["split"] == "train")
        data["splits"].append({**row, "split": "val", "labels": 7})
        (run / "data.json").write_text(json.dumps(data), encoding="utf-8")
    study = only(tmp_path)

    assert arm_of(study, "source_only").labels == 7
    assert arm_of(study, ARM).labels == 20


def test_an_untuned_study_says_none(tmp_path: Path) -> None:
    put_arm(tmp_path, "parameter_transfer", 0.6)
    study = only(tmp_path)

    assert dict(study.cost)["tuning"] == "none: learning rate 0.003, the same for every arm"
    assert "rates chosen" not in dict(study.cost)
    assert {arm.tuned for arm in study.arms} == {""}


def test_the_first_rate_stands_for_all_and_is_no_arm_of_its_own(tmp_path: Path) -> None:
    put_tuned(tmp_path)
    (arm,) = (arm for arm in only(tmp_path).arms if arm.role == "arm")

    assert arm.label == at(ARM, RATES[0])  # as made plans are labelled
