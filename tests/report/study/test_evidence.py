from pathlib import Path

import numpy as np
import pytest

from tlrun.core.task import TaskKey
from tlrun.report.statistics.over_seeds import paired_interval
from tlrun.report.study import evidence
from tlrun.report.study.evidence import Comparison, Evidence

from made_runs import draws, off_by, put_numbers, put_run, right_on
from made_studies import runs_of

ROWS = 120


def put_pair(path: Path, **facts: object) -> None:
    """Two arms on six seeds; facts: of each task."""
    for strategy, share in (("fused", 0.7), ("scratch", 0.5)):
        for seed, right in enumerate(draws(share, 6, ROWS, len(strategy))):
            made = {
                "target/kind": right_on(
                    right, **{key: value for key, value in facts.items() if value is not None}
                )
            }
            put_run(path, strategy, seed, made)


def gain_of(path: Path, task: TaskKey | None = None) -> Comparison:
    found = Evidence().gain(runs_of(path, "fused"), runs_of(path, "scratch"), task)
    assert found is not None
    return found


def width(found: Comparison) -> float:
    low, high = found.bounds(0.95)
    return high - low


def test_seeds_with_other_test_rows_have_the_variance_of_seeds_alone(tmp_path: Path) -> None:
    for strategy, share in (("fused", 0.7), ("scratch", 0.5)):
        for seed, right in enumerate(draws(share, 6, ROWS, len(strategy))):
            own = right_on(right, index=np.arange(ROWS) + 1000 * seed)
            put_run(tmp_path, strategy, seed, {"target/kind": own}, test_examples=f"{seed}")
    found = gain_of(tmp_path)
    low, high = found.bounds(0.95)
    mean, half = paired_interval(found.pairs.gains.tolist())

    assert found.pairs.values is None
    assert found.variance.examples == 0
    assert (low, high) == pytest.approx((mean - half, mean + half))
    assert found.spread.units is None


def test_the_same_test_rows_add_the_variance_of_examples(tmp_path: Path) -> None:
    put_pair(tmp_path)
    found = gain_of(tmp_path)

    assert found.variance.examples > 0
    assert found.variance.total >= max(found.variance.seeds, found.variance.examples)
    assert found.spread.units == ROWS


def test_groups_widen_the_interval_of_the_headline_and_of_a_task(tmp_path: Path) -> None:
    """Whose examples go right or wrong together."""
    groups = np.repeat(np.arange(12), ROWS // 12)
    rng = np.random.default_rng(0)
    for strategy, share in (("fused", 0.7), ("scratch", 0.5)):
        of_group = (rng.random(12) < share)[groups]
        for seed in range(6):
            flip = np.random.default_rng([seed, len(strategy)]).random(ROWS) < 0.05
            for path, known in (("with", groups), ("without", None)):
                made = {"target/kind": right_on(of_group ^ flip, groups=known)}
                put_run(tmp_path / path, strategy, seed, made)
    key = TaskKey("target", "kind")

    for task in (None, key):
        found = gain_of(tmp_path / "with", task)
        assert found.pairs.clustered
        assert found.spread.units == 12
        assert width(found) > 1.5 * width(gain_of(tmp_path / "without", task))


def test_missing_predictions_leave_the_gain_and_the_variance_of_seeds(tmp_path: Path) -> None:
    put_pair(tmp_path)
    before = gain_of(tmp_path)
    (tmp_path / "made/fused/fused_seed=3/predictions.safetensors").write_bytes(b"broken")
    after = gain_of(tmp_path)

    assert after.pairs.gains.tolist() == before.pairs.gains.tolist()
    assert after.pairs.values is None


def test_the_gain_of_one_task_of_one_is_that_of_the_headline(tmp_path: Path) -> None:
    put_pair(tmp_path)

    assert gain_of(tmp_path, TaskKey("target", "kind")).bounds(0.95) == gain_of(tmp_path).bounds(
        0.95
    )


def test_folds_test_every_row_once_and_have_a_gain_of_examples(tmp_path: Path) -> None:
    put_pair(tmp_path, folds=np.arange(ROWS) % 5, metric="auc")
    found = gain_of(tmp_path)

    assert found.pairs.values is not None
    assert np.isfinite(found.bounds(0.95)).all()


def test_a_headline_of_the_target_rests_on_its_tasks_alone(tmp_path: Path) -> None:
    right = np.arange(40) % 4 > 0
    tasks = {"target/kind": right_on(right), "elsewhere/kind": right_on(~right)}
    path = put_run(tmp_path, "fused", 0, tasks)
    run = runs_of(tmp_path, "fused")[0]

    assert {str(key) for key in Evidence().about(run)} == set(tasks)  # "mean accuracy"
    text = (path / "result.json").read_text().replace("mean accuracy", "target accuracy")
    (path / "result.json").write_text(text)
    run = runs_of(tmp_path, "fused")[0]
    assert {str(key) for key in Evidence().about(run)} == {"target/kind"}
    assert Evidence().rarest(run) == 20


def test_tasks_of_several_domains_have_rows_apart_and_of_one_domain_together(
    tmp_path: Path,
) -> None:
    for name, keys in (("one", ("d/a", "d/b")), ("two", ("d/a", "e/a"))):
        for seed, right in enumerate(draws(0.6, 6, ROWS)):
            put_run(tmp_path / name, "fused", seed, {key: right_on(right) for key in keys})
        units = Evidence().units(runs_of(tmp_path / name, "fused")[0])
        assert units is not None
        assert len(units.rows) == (ROWS if name == "one" else 2 * ROWS)


def test_a_score_that_gets_better_downwards_is_turned_back(tmp_path: Path) -> None:
    put_numbers(tmp_path, "fused", 1.0)
    runs = list(runs_of(tmp_path, "fused").values())
    found = Evidence().score(runs)

    assert found is not None
    figure = found.figure(0.95, signed=False)
    mean = np.mean([run.result["headline"]["test"] for run in runs])
    assert figure.value == pytest.approx(mean)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < mean < figure.high


def test_nothing_is_compared_without_a_seed_in_common_or_a_score(tmp_path: Path) -> None:
    put_pair(tmp_path)
    ours, theirs = runs_of(tmp_path, "fused"), runs_of(tmp_path, "scratch")
    mixed = {"d/a": right_on(np.ones(20, bool)), "d/b": off_by(np.ones(20))}
    put_run(tmp_path / "mixed", "fused", 0, mixed)
    several = runs_of(tmp_path / "mixed", "fused")

    assert Evidence().gain({0: ours[0]}, {1: theirs[1]}) is None
    assert Evidence().gain(several, several) is None
    assert Evidence().score(list(several.values())) is None
    assert Evidence().rarest(several[0]) == 10


def test_what_is_kept_of_few_runs_changes_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pair(tmp_path)
    whole, gain = Evidence(), gain_of(tmp_path)
    every = [*runs_of(tmp_path, "fused").values(), *runs_of(tmp_path, "scratch").values()]
    units = [whole.units(run) for run in every]
    monkeypatch.setattr(evidence, "KEPT", 2)
    small = Evidence()

    for run, expected in zip(every, units, strict=True):
        found = small.units(run)
        assert found is not None
        assert expected is not None
        assert np.array_equal(found.each, expected.each)
        assert found.rows is small.units(every[0]).rows  # type: ignore[union-attr]  # not None
    assert gain_of(tmp_path).pairs.gains.tolist() == gain.pairs.gains.tolist()
    assert gain_of(tmp_path).bounds(0.95) == gain.bounds(0.95)


def test_what_cannot_be_read_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_pair(tmp_path)
    runs = list(runs_of(tmp_path, "fused").values())
    (runs[1].path / "predictions.safetensors").unlink()
    monkeypatch.setattr(evidence, "KEPT", 1)
    found = Evidence()

    for _ in range(2):
        assert [found.unread(run) for run in runs] == [run is runs[1] for run in runs]
