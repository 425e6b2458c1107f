import json
from dataclasses import replace
from pathlib import Path

import pytest
from heads import plan_of, stacked

from tlrun.runs.plan import THIS
from tlrun.store.found import FoundRun, runs
from tlrun.store.rundir import RunDir
from tlrun.sweeps.costs import kind_of, past_costs, start_gap

from problems import Watcher, config, performed, planned

SCRATCH = {"name": "scratch"}


def test_a_finished_run_is_of_the_kind_of_its_plan(tmp_path: Path) -> None:
    plan = planned(config(tmp_path), Watcher())
    path = performed(plan, THIS, Watcher()).path
    record = json.loads((path / "run.json").read_text())
    kind = kind_of(planned(config(tmp_path, seed=5), Watcher()))
    (found,) = past_costs(runs(tmp_path), [kind]).items()

    assert found[0] == kind
    assert found[1].totals == [record["seconds"]]
    for stage in record["stages"]:
        assert found[1].rates[stage["name"]] == [pytest.approx(stage["seconds"] / 6)]
    assert found[1].folders == [sum(file.stat().st_size for file in path.iterdir())]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"seed": 4}, True),
        ({"optimizer": {"name": "sgd", "lr": 0.1}}, True),
        ({"lam": {"name": "constant", "value": 2.0}}, True),
        ({"lam": {"name": "constant", "value": 0.0}}, False),  # another number of domains
        ({"backbone": {"name": "mlp", "hidden": [8]}}, False),
        ({"strategy": {"name": "joint"}}, False),
        ({"trainer": {"name": "trainer", "steps": 60}}, False),  # 64 examples a step, not 16
        ({"dataset": {"name": "digits", "shift": "inverted"}}, False),
    ],
)
def test_what_makes_steps_alike(changes: dict[str, object], same: bool, tmp_path: Path) -> None:
    one, other = (planned(config(tmp_path, **each), Watcher()) for each in ({}, changes))

    assert (kind_of(one) == kind_of(other)) is same


def test_a_stage_that_runs_of_a_kind_share_counts_once(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        lam = {"name": "constant", "value": value}
        performed(planned(config(tmp_path, lam=lam), Watcher()), THIS, Watcher())
    (past,) = past_costs(runs(tmp_path), [kind_of(planned(config(tmp_path), Watcher()))]).values()

    assert past.runs == 2
    assert len(past.rates["source"]) == 1
    assert len(past.rates["target"]) == 2


def test_damaged_and_unfinished_runs_count_nothing(tmp_path: Path) -> None:
    plan = planned(config(tmp_path, strategy=SCRATCH), Watcher())
    path = performed(plan, THIS, Watcher()).path
    (whole,) = runs(tmp_path)
    (path / "config.yaml").write_text("[")
    failed = FoundRun(whole.run_dir, {**whole.record, "status": "failed"})

    assert past_costs([whole, failed, replace(whole, record={})], [kind_of(plan)]) == {}


def test_the_gap_is_from_the_end_of_a_run_to_the_start_of_the_next() -> None:
    def run(number: int, began: int, ended: int, pid: int) -> FoundRun:
        when = [f"2026-01-01T00:00:{second:02d}.000+00:00" for second in (began, ended)]
        record = {"started": when[0], "ended": when[1], "pid": pid}
        return FoundRun(RunDir(Path("runs"), "a/b", str(number)), record)

    two_at_once = [run(1, 0, 10, 1), run(2, 0, 12, 2), run(3, 11, 20, 3), run(4, 14, 30, 4)]

    assert start_gap(two_at_once) == 1.5  # of 1 and 2
    assert start_gap([run(1, 0, 10, 1), run(2, 10, 20, 1)]) == 0.0  # one process
    assert start_gap([run(1, 0, 10, 1), run(2, 40, 50, 2)]) == 0.0  # another command
    assert start_gap([]) == 0.0


def test_runs_of_a_stack_tell_nothing_of_runs_by_the_loop(tmp_path: Path) -> None:
    plans = plan_of(tmp_path), plan_of(tmp_path, sweep={"jobs": None, "engine": "loop"})
    stacked(plans[:1])
    kinds = [kind_of(plan) for plan in plans]
    past = past_costs(runs(tmp_path), kinds)

    assert [kind.engine for kind in kinds] == ["stacked", "loop"]
    assert list(past) == kinds[:1]
