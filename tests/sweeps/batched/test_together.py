import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from heads import plan_of, record_of, stacked
from safetensors.torch import load_file

from tlrun.core.errors import Mistake, RunFailed, Terminated, UserError
from tlrun.runs import final_evaluation
from tlrun.runs.attempts import Attempt, earlier_attempt
from tlrun.runs.outcome import load_run
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import train
from tlrun.runs.run_record import begin
from tlrun.store.files import write_json
from tlrun.store.finished import Finished, finish
from tlrun.sweeps.batched import families, together
from tlrun.sweeps.batched.memory import need_of
from tlrun.training.finite import check_answers
from tlrun.training.stacked.loop import Stack

from problems import Watcher, data_of, performed
from properties import assert_same_run

VALIDATED = {"name": "digits", "val_share": 0.3}


BEST = {"name": "trainer", "steps": 6, "batch_size": 16, "select": "best", "eval_every": 2}


def sweep(runs_dir: Path, seeds: int = 2, **changes: Any) -> list[Plan]:
    """Runs along λ, of several seeds."""
    lams = (0.1, 1.0, math.inf)
    return [
        plan_of(runs_dir, value, seed=seed, **changes) for seed in range(seeds) for value in lams
    ]


def by_the_loop(plans: list[Plan]) -> list[Path]:
    watcher = Watcher()
    return [performed(plan, THIS, watcher).path for plan in plans]


def assert_alike(one: Path, other: Path) -> None:
    """The files of two folders hold the same, numbers to rounding."""
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    for name in names:
        if name.endswith(".safetensors"):
            mine, theirs = load_file(one / name), load_file(other / name)
            assert list(mine) == list(theirs)
            for key, tensor in mine.items():
                assert torch.allclose(tensor, theirs[key], rtol=1e-5, atol=1e-6), key
    for name in ("result.json", "data.json"):
        mine, theirs = (json.loads((folder / name).read_text()) for folder in (one, other))
        assert_alike_values(mine, theirs)
    lines = [(folder / "metrics.jsonl").read_text().splitlines() for folder in (one, other)]
    assert len(lines[0]) == len(lines[1])
    for mine, theirs in zip(*lines, strict=True):
        assert_alike_values(json.loads(mine), json.loads(theirs))
    assert (one / "config.yaml").read_text() == (other / "config.yaml").read_text()
    records = [record_of(folder) for folder in (one, other)]
    assert list(records[0]) == list(records[1])
    own = {"pid", "started", "ended", "seconds", "stages", "digests", "engine", "own digest"}
    assert {k: v for k, v in records[0].items() if k not in own} == {
        k: v for k, v in records[1].items() if k not in own
    }
    assert [list(stage) for stage in records[0]["stages"]] == [
        list(stage) for stage in records[1]["stages"]
    ]


def assert_alike_values(mine: Any, theirs: Any) -> None:
    """Two values of JSON are built alike, and numbers are equal to rounding."""
    assert type(mine) is type(theirs)
    if isinstance(mine, dict):
        assert list(mine) == list(theirs)
        for key, value in mine.items():
            assert_alike_values(value, theirs[key])
    elif isinstance(mine, list):
        assert len(mine) == len(theirs)
        for value, other in zip(mine, theirs, strict=True):
            assert_alike_values(value, other)
    elif isinstance(mine, float):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    else:
        assert mine == theirs


def test_every_file_of_a_run_of_a_stack_is_that_of_the_run_alone(tmp_path: Path) -> None:
    plans = sweep(tmp_path / "stacked", dataset=VALIDATED)
    results = stacked(plans)
    alone = by_the_loop(sweep(tmp_path / "loop", dataset=VALIDATED))

    assert all(result.reason == "" and not result.found for result in results.values())
    for plan, path in zip(plans, alone, strict=True):
        assert_alike(plan.run_dir.path, path)
        assert load_run(plan.run_dir.path).result["labels"] == load_run(path).result["labels"]
        assert (record_of(plan.run_dir.path)["engine"], record_of(path)["engine"]) == (
            "stacked",
            "loop",
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": {"name": "identity"}, "strategy": {"name": "scratch"}},
        {"backbone": {"name": "identity"}, "strategy": {"name": "joint"}},
        {"optimizer": {"name": "sgd", "lr": 0.01}},
        {
            "dataset": {"name": "digits_tasks", "val_share": 0.3},
            "strategy": {"name": "shared_parameters", "train": "head", "heads": "shared"},
        },
        {"dataset": {"name": "digits", "classes": "split"}},
        {"trainer": BEST, "dataset": VALIDATED},
    ],
    ids=["scratch", "joint", "sgd", "tasks", "own classes", "best"],
)  # fmt: skip
def test_so_it_is_of_other_strategies_and_options(tmp_path: Path, changes: dict[str, Any]) -> None:
    plans = [plan_of(tmp_path / "stacked", seed=seed, **changes) for seed in (0, 1)]
    stacked(plans)
    alone = by_the_loop([plan_of(tmp_path / "loop", seed=seed, **changes) for seed in (0, 1)])

    for plan, path in zip(plans, alone, strict=True):
        assert record_of(plan.run_dir.path)["engine"] == "stacked"
        assert_alike(plan.run_dir.path, path)


def test_companions_move_no_bit_and_no_line(tmp_path: Path) -> None:
    """One alone, and the same among six with another budget of labels, rate and decay."""
    many = sweep(tmp_path / "many", dataset=VALIDATED)
    others = [
        plan_of(tmp_path / "many", dataset={**VALIDATED, "labels_per_class": 8}),
        plan_of(tmp_path / "many", dataset=VALIDATED, optimizer={"name": "adam", "lr": 0.1}),
        plan_of(
            tmp_path / "many",
            dataset=VALIDATED,
            optimizer={"name": "adam", "lr": 0.003, "weight_decay": 0.1},
        ),
    ]
    stacked([*others, *many])
    single = plan_of(tmp_path / "single", 1.0, seed=1, dataset=VALIDATED)
    stacked([single])
    same = many[4].run_dir.path

    assert same.name == single.run_dir.name
    assert_same_run(single.run_dir.path, same)
    assert (same / "metrics.jsonl").read_bytes() == (
        single.run_dir.path / "metrics.jsonl"
    ).read_bytes()


def test_each_engine_finds_what_the_other_has_finished(tmp_path: Path) -> None:
    stacked([plan_of(tmp_path, 1.0)])
    watcher = Watcher()
    found = performed(plan_of(tmp_path, 1.0, sweep={"jobs": None, "engine": "loop"}), THIS, watcher)
    by_the_loop([plan_of(tmp_path, 7.0)])
    results = stacked([plan_of(tmp_path, value) for value in (1.0, 7.0, 9.0)])

    assert found.found
    assert [result.found for result in results.values()] == [True, True, False]


def test_a_shared_stage_is_trained_once_and_found_by_the_others(tmp_path: Path) -> None:
    plans = sweep(tmp_path)
    stacked(plans)
    stages = [record_of(plan.run_dir.path)["stages"][0] for plan in plans]

    # λ=∞ draws other domains, and so is another product
    assert [stage["found"] for stage in stages] == [False, True, True, False, True, True]
    assert len({stage["key"] for stage in stages}) == 2
    assert all(stage["seconds"] > 0 for stage in stages)


def test_one_that_diverges_fails_and_the_others_finish(tmp_path: Path) -> None:
    rates = (0.01, 1e3, 0.02)
    table = {"name": "digits_tasks"}
    strategy = {"name": "shared_parameters", "train": "head", "heads": "shared"}
    trainer = {"name": "trainer", "steps": 60, "batch_size": 16, "eval_every": 60}
    plans = [
        plan_of(
            tmp_path,
            dataset=table,
            strategy=strategy,
            trainer=trainer,
            backbone={"name": "identity"},
            optimizer={"name": "sgd", "lr": lr},
        )
        for lr in rates
    ]
    results = stacked(plans)
    diverged = plans[1].run_dir.path

    assert [record_of(plan.run_dir.path)["status"] for plan in plans] == [
        "finished",
        "failed",
        "finished",
    ]
    assert "try a smaller optimizer.lr" in results[diverged].reason
    assert record_of(diverged)["reason"] == results[diverged].reason


def test_one_whose_answers_are_not_finite_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = sweep(tmp_path, seeds=1)
    inner, asked = check_answers, list[object]()

    def second(*arguments: Any) -> None:
        asked.append(arguments)
        if len(asked) == 3:  # of two domains the first, of the second run
            raise RunFailed("expected finite outputs")
        inner(*arguments)

    monkeypatch.setattr(final_evaluation, "check_answers", second)
    results = stacked(plans)

    status = [record_of(plan.run_dir.path)["status"] for plan in plans]
    assert sorted(status) == ["failed", "finished", "finished"]
    assert [each.reason for each in results.values() if each.reason] == ["expected finite outputs"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Terminated])
def test_a_stack_that_is_stopped_says_so_in_each_run_and_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    plans = sweep(tmp_path / "stopped", seeds=1)

    def stopped(*_: Any) -> None:
        raise stop

    with monkeypatch.context() as patched:
        patched.setattr(Stack, "_evaluate", stopped)
        with pytest.raises(stop):
            stacked(plans)
    statuses = [record_of(p.run_dir.path)["status"] for p in plans if p.run_dir.path.exists()]
    assert statuses == ["interrupted"] * 2  # λ=∞ is another product, which had not begun

    stacked(plans)
    whole = sweep(tmp_path / "whole", seeds=1)
    stacked(whole)
    for one, other in zip(plans, whole, strict=True):
        assert_same_run(one.run_dir.path, other.run_dir.path)


def test_what_fails_for_all_is_written_down_by_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = sweep(tmp_path, seeds=1)

    def full(*_: Any) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(Stack, "fit", full)
    results = stacked(plans)

    assert {record_of(plan.run_dir.path)["status"] for plan in plans} == {"failed"}
    for plan, result in zip(plans, results.values(), strict=True):
        assert result.reason.startswith("out of memory; try a smaller trainer.batch_size")
        assert (plan.run_dir.path / "traceback.txt").exists()


def test_what_does_not_fit_is_split_and_told_and_has_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = sweep(tmp_path / "whole"), sweep(tmp_path / "parts")
    watchers = Watcher(), Watcher()
    stacked(whole, watchers[0])
    most = need_of(whole[0], data_of(whole[0])).of(1)
    monkeypatch.setattr("tlrun.sweeps.batched.memory.MOST", most)
    monkeypatch.setattr("tlrun.sweeps.batched.families.MOST", most)
    stacked(parts, watchers[1])
    told = [
        [int(line.split()[2]) for line in watcher.notes if line.startswith("heads of ")]
        for watcher in watchers
    ]

    # a seed at a time, and of a run alone nothing is told
    assert told == [[4, 2], [2, 2]]
    for one, other in zip(whole, parts, strict=True):
        assert_same_run(one.run_dir.path, other.run_dir.path)


def test_what_does_not_fit_at_all_is_trained_by_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.sweeps.batched.memory.MOST", 1000)
    plans = sweep(tmp_path, seeds=1)
    results = stacked(plans)

    assert {record_of(plan.run_dir.path)["engine"] for plan in plans} == {"loop"}
    assert {result.reason for result in results.values()} == {""}


def test_an_attempt_that_may_not_be_gone_on_from_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.sweeps.batched.memory.MOST", 1000)
    plans = sweep(tmp_path, seeds=1)
    whole = train

    def refused(plan: Plan, *rest: Any) -> None:
        if plan is plans[1]:
            raise UserError(Mistake(str(plan.run_dir.path), "to go on", "torch 1 then"))
        whole(plan, *rest)

    monkeypatch.setattr(together, "train", refused)
    results = stacked(plans)
    reasons = [results[plan.run_dir.path].reason for plan in plans]

    assert reasons == ["", "expected to go on, found torch 1 then", ""]


def test_such_an_attempt_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = sweep(tmp_path, seeds=1)
    whole = earlier_attempt
    before = {"status": "interrupted", "stage_keys": []}
    plans[1].run_dir.path.mkdir(parents=True)
    write_json(plans[1].run_dir.path / "run.json", before)

    def refused(plan: Plan) -> Attempt:
        if plan is plans[1]:
            raise UserError(Mistake(str(plan.run_dir.path), "to go on", "torch 1 then"))
        return whole(plan)

    monkeypatch.setattr(together, "earlier_attempt", refused)
    results = stacked(plans)
    reasons = [results[plan.run_dir.path].reason for plan in plans]

    assert reasons == ["", "expected to go on, found torch 1 then", ""]
    assert record_of(plans[1].run_dir.path) == before


def test_weights_are_written_before_they_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "KEPT", 1)
    written: list[int] = []

    def counted(several: Any) -> None:
        written.append(len(several))
        finish(several)

    monkeypatch.setattr(together, "finish", counted)
    stacked(sweep(tmp_path, seeds=1))

    assert [count for count in written if count] == [1, 1, 1]


def test_data_that_have_changed_are_refused_with_nothing_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*_: Any) -> None:
        raise RunFailed("expected the data that the run was planned with, found others")

    monkeypatch.setattr(families, "check_unchanged", changed)
    plans = sweep(tmp_path, seeds=1)
    results = stacked(plans)

    assert not any(plan.run_dir.path.exists() for plan in plans)
    assert {result.reason for result in results.values()} == {
        "expected the data that the run was planned with, found others"
    }


class Stopping(Watcher):
    """Stops what it watches in the third update."""

    def step(self, step: int, terms: Any) -> None:
        super().step(step, terms)
        if self.steps == 3:
            raise KeyboardInterrupt


def test_a_stage_of_its_own_goes_on_where_a_stack_was_stopped(tmp_path: Path) -> None:
    """The source stage of a stack is trained by the loop, and has checkpoints as any other."""
    often: dict[str, Any] = {"stages": False, "checkpoint": {"seconds": None, "steps": 1}}
    one, other = (plan_of(tmp_path / each, **often) for each in ("stopped", "whole"))
    with pytest.raises(KeyboardInterrupt):
        stacked([one], Stopping())
    watcher = Watcher()
    stacked([one], watcher)
    stacked([other])

    assert any("goes on from step 2 of 6" in line for line in watcher.notes)
    assert_same_run(one.run_dir.path, other.run_dir.path)


def test_rerun_trains_again_what_is_finished(tmp_path: Path) -> None:
    stacked([plan_of(tmp_path)])
    (result,) = stacked([plan_of(tmp_path, rerun=True)]).values()

    assert not result.found


def test_a_run_whose_folder_cannot_be_begun_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = sweep(tmp_path, seeds=1)

    def faulty(plan: Plan, *rest: Any) -> None:
        if plan is plans[1]:
            raise PermissionError(13, "Permission denied", "there")
        begin(plan, *rest)

    monkeypatch.setattr(together, "begin", faulty)
    results = stacked(plans)
    reasons = [results[plan.run_dir.path].reason for plan in plans]

    assert "Permission denied" in reasons[1]
    assert (reasons[0], reasons[2]) == ("", "")


def test_data_that_cannot_be_read_fail_their_own_seed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = ProblemCache.load

    def gone(cache: ProblemCache, dataset: Any, seed: int) -> Any:
        if seed == 1:
            raise OSError(2, "No such file or directory", "digits.csv")
        return load(cache, dataset, seed)

    plans = [plan_of(tmp_path, seed=seed) for seed in range(3)]
    monkeypatch.setattr(ProblemCache, "load", gone)
    results = stacked(plans)
    reasons = [results[plan.run_dir.path].reason for plan in plans]

    assert (reasons[0], reasons[2]) == ("", "")
    assert "digits.csv" in reasons[1]
    assert not plans[1].run_dir.path.exists()


def test_a_full_disk_keeps_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = sweep(tmp_path, seeds=1)

    def full(several: Sequence[Finished]) -> None:
        if any(each.run_dir.path == plans[1].run_dir.path for each in several):
            raise OSError(28, "No space left on device")
        finish(several)

    monkeypatch.setattr(together, "finish", full)
    results = stacked(plans)
    reasons = [results[plan.run_dir.path].reason for plan in plans]

    assert (reasons[0], reasons[2]) == ("", "")
    assert "no space left on the disk" in reasons[1]
    assert [record_of(plan.run_dir.path)["status"] for plan in plans] == [
        "finished",
        "failed",
        "finished",
    ]


@pytest.mark.parametrize("option", [{"stages": False}, {"rerun": True}])
def test_who_asks_for_it_has_every_stage_trained_by_itself(
    tmp_path: Path, option: dict[str, Any]
) -> None:
    apart = sweep(tmp_path / "apart", seeds=1, **option)
    shared = sweep(tmp_path / "shared", seeds=1)
    stacked(apart)
    stacked(shared)

    for one, other in zip(apart, shared, strict=True):
        assert_same_run(one.run_dir.path, other.run_dir.path)
        assert not record_of(one.run_dir.path)["stages"][0]["found"]


def test_what_it_took_to_open_a_family_is_in_the_seconds_of_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(now)))
    plans = [plan_of(tmp_path, value) for value in (0.1, 1.0)]
    stacked(plans)
    records = [record_of(plan.run_dir.path) for plan in plans]

    for record in records:
        assert record["seconds"] > sum(stage["seconds"] for stage in record["stages"])
