from pathlib import Path
from typing import Any

import pytest

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS
from tlrun.sweeps.trials import trials_of

from problems import Watcher, config, planned, swept

VALIDATED = {"name": "digits", "val_share": 0.2}
RATES = [0.0005, 0.003, 0.02]


def tuned(path: Path, **changes: Any) -> dict[str, Any]:
    return config(
        path, **{"dataset": VALIDATED, "tune": {"lr": RATES}, "controls": True, **changes}
    )


def test_every_arm_and_control_has_the_same_trials(tmp_path: Path) -> None:
    """Each an ordinary run: the very one that a sweep over optimizer.lr has."""
    names = ("parameter_transfer", "feature_transfer")
    sweep = swept([tuned(tmp_path, strategy={"name": name}) for name in names], Watcher())
    ordinary = swept(
        [
            tuned(
                tmp_path,
                strategy={"name": name},
                optimizer={"name": "adam", "lr": rate},
                tune={"lr": None},
            )
            for name in names
            for rate in RATES
        ],
        Watcher(),
    )

    assert sweep.runs.keys() == ordinary.runs.keys()
    for trials in sweep.trials:
        for name in trials[0]:
            assert [arms[name].run.optimizer.lr for arms in trials] == RATES
    assert [[arms[THIS].run_dir for arms in trials] for trials in sweep.trials] == [
        [ordinary.arms[k][THIS].run_dir for k in ks] for ks in ((0, 1, 2), (3, 4, 5))
    ]


def test_tuning_moves_no_id_and_the_optimizers_own_rate_is_among_three(tmp_path: Path) -> None:
    """So that switching it on or off trains nothing anew."""
    plain = planned(config(tmp_path, dataset=VALIDATED), Watcher())
    (trials,) = swept([tuned(tmp_path, tune={"lr": True})], Watcher()).trials

    assert trials[1][THIS].run_dir == plain.run_dir
    assert trials[1][THIS].stages[0].key == plain.stages[0].key
    assert len({arms[THIS].run_dir for arms in trials}) == 3


def test_a_run_is_its_own_only_trial_where_nothing_is_tuned(tmp_path: Path) -> None:
    run = build(config(tmp_path))

    assert trials_of(run) == [run]


def test_what_learns_by_no_rate_is_one_run_and_its_stages_share_the_trials_rate(
    tmp_path: Path,
) -> None:
    sweep = swept([tuned(tmp_path, strategy={"name": "linear_model"}, controls=False)], Watcher())
    of_network = swept([tuned(tmp_path, controls=False)], Watcher())

    assert len(sweep.runs) == 1
    assert len(of_network.runs) == len(RATES)
    keys = [stage.key for _, plan in of_network.runs.values() for stage in plan.stages]
    assert len(set(keys)) == 2 * len(RATES)  # source and target, each at each rate


@pytest.mark.parametrize(
    ("data", "strategy"),
    [("digits", "parameter_transfer"), ("digits_tasks", "shared_parameters")],
)
def test_without_validation_labels_nothing_is_planned(
    tmp_path: Path, data: str, strategy: str
) -> None:
    asked = tuned(tmp_path, dataset={"name": data}, strategy={"name": strategy})
    with pytest.raises(UserError) as caught:
        swept([asked], Watcher())

    (line,) = caught.value.lines
    assert line.startswith(
        "tune.lr: expected dataset.val_share above 0, found 0; the rate is chosen on validation"
    )
    assert list(tmp_path.glob("digits*")) == []
