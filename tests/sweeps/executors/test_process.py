import math
import os
import signal
from pathlib import Path

import pytest
from heads import jobs_of, plan_of, record_of, stacked

from tlrun.sweeps.executors import process
from tlrun.sweeps.executors.base import JobResults
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.executors.process import SERVER_DIED, fate

from problems import SweepWatcher
from properties import assert_same_run

SCRATCH = {"name": "scratch"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGKILL, "killed by SIGKILL (often: no memory left)"),
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (143, "stopped by SIGTERM"),
        (255, SERVER_DIED),
        (7, "the process ended with exit code 7"),
        (0, "the process ended with exit code 0"),  # and has not told what it has done
    ],
)
def test_the_end_of_a_process_tells_why_its_run_is_not_finished(code: int, words: str) -> None:
    assert fate(code) == words


def pids(tmp_path: Path, executor: LocalExecutor) -> tuple[set[int], SweepWatcher]:
    """The processes of four short runs."""
    plans = [plan_of(tmp_path, seed=seed, strategy=SCRATCH) for seed in range(4)]
    watcher = SweepWatcher()
    results = executor.run(jobs_of(plans), watcher)
    assert results == JobResults()
    return {record_of(plan.run_dir.path)["pid"] for plan in plans}, watcher


def test_short_runs_share_a_process(tmp_path: Path) -> None:
    one, watcher = pids(tmp_path / "one", LocalExecutor(1))
    two, _ = pids(tmp_path / "two", LocalExecutor(2))

    assert len(one) == 1
    assert len(two) <= 2
    assert os.getpid() not in one | two
    assert (watcher.most, len(watcher.over)) == (1, 4)


def test_long_runs_have_one_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PACKED", 0.0)
    found, _ = pids(tmp_path, LocalExecutor(1))

    assert len(found) == 4


def test_heads_are_carried_out_as_one_unit_and_each_is_told(tmp_path: Path) -> None:
    """To the bit as in this process, and beside runs that are trained alone."""
    lams = (0.1, 1.0, math.inf)
    plans = [plan_of(tmp_path / "processes", value) for value in lams]
    scratch = plan_of(tmp_path / "processes", strategy=SCRATCH)
    jobs, watcher = jobs_of([scratch, *plans]), SweepWatcher()
    results = LocalExecutor(2).run(jobs, watcher)
    here = [plan_of(tmp_path / "here", value) for value in lams]
    stacked(here)

    assert results == JobResults()
    assert watcher.over == {job.title: "" for job in jobs}
    assert watcher.at_once == 0
    assert any("heads of 2 runs as one product" in note for note in watcher.notes)
    assert ("target, 2 runs at once", 6) in watcher.stages
    for one, other in zip(plans, here, strict=True):
        assert record_of(one.run_dir.path)["engine"] == "stacked"
        assert_same_run(one.run_dir.path, other.run_dir.path)


def test_of_a_unit_whose_process_dies_every_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(running: process.Running, *_: object) -> None:
        running.process.kill()
        running.process.join()
        running.channel.close()

    plans = [plan_of(tmp_path, value) for value in (0.1, 1.0)]
    jobs, watcher = jobs_of(plans), SweepWatcher()
    monkeypatch.setattr(process.Running, "listen", deaf)  # killed at its first word
    results = LocalExecutor(1).run(jobs, watcher)

    assert results.failed == dict.fromkeys(jobs, "killed by SIGKILL (often: no memory left)")
    assert watcher.over == {job.title: results.failed[job] for job in jobs}
