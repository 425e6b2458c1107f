import math
import os
import signal
from collections.abc import Callable
from multiprocessing import Pipe, forkserver, get_all_start_methods
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from heads import jobs_of, plan_of, record_of, stacked
from waiting import PATIENCE

from tlrun.core.errors import RunFailed
from tlrun.sweeps.executors import local, process
from tlrun.sweeps.executors.base import JobResults, Unit
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.executors.process import SERVER_DIED, Running, fate

from problems import SweepWatcher
from properties import assert_same_run

SCRATCH = {"name": "scratch"}
needs_server = pytest.mark.skipif(
    "forkserver" not in get_all_start_methods(), reason="no fork server"
)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGKILL, "killed by SIGKILL (often: no memory left)"),
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (-60, "killed by signal 60"),  # of those without a name
        (143, "stopped by SIGTERM"),
        (255, "its process died, and the server that starts processes too"),
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


def test_of_a_unit_whose_process_dies_each_run_is_carried_out_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have died for want of memory, which each of them alone has."""
    killed: list[int | None] = []

    def deaf(running: process.Running, *asked: Any) -> None:
        if not killed:
            killed.append(running.process.pid)
            running.process.kill()
            running.process.join()
            running.channel.close()
        else:
            listen(running, *asked)

    listen = process.Running.listen
    plans = [plan_of(tmp_path, value) for value in (0.1, 1.0)]
    jobs, watcher = jobs_of(plans), SweepWatcher()
    monkeypatch.setattr(process.Running, "listen", deaf)
    results = LocalExecutor(1).run(jobs, watcher)

    assert results == JobResults()
    assert watcher.over == dict.fromkeys((job.title for job in jobs), "")
    assert [record_of(plan.run_dir.path)["engine"] for plan in plans] == ["stacked", "stacked"]


class AtTheFirstStage(SweepWatcher):
    """Calls `do` when the first stage of the first run is under way."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__()
        self._do = do

    def progress(self, *told: Any) -> None:
        if not self.begun.is_set():
            self._do()
        super().progress(*told)


def kill_server() -> int:
    """The server is gone. Returns its pid."""
    pid: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGKILL)
    return pid


@needs_server
def test_a_run_goes_on_without_its_server_and_the_next_has_another(tmp_path: Path) -> None:
    plans = [plan_of(tmp_path, seed=seed, strategy=SCRATCH) for seed in range(3)]
    watcher = AtTheFirstStage(kill_server)
    results = LocalExecutor(1).run(jobs_of(plans), watcher)

    assert results == JobResults()
    assert set(watcher.over.values()) == {""}
    assert len(watcher.over) == 3


@needs_server
def test_a_run_that_dies_with_its_server_is_run_again(tmp_path: Path) -> None:
    def kill_both() -> None:
        kill_server()
        os.kill(record_of(plans[0].run_dir.path)["pid"], signal.SIGKILL)

    trainer = {"name": "trainer", "steps": 400}
    plans = [plan_of(tmp_path, seed=seed, strategy=SCRATCH, trainer=trainer) for seed in range(2)]
    watcher = AtTheFirstStage(kill_both)
    results = LocalExecutor(1).run(jobs_of(plans), watcher)

    assert results == JobResults()
    assert [record_of(plan.run_dir.path)["status"] for plan in plans] == ["finished"] * 2


def test_one_that_dies_in_one_moment_with_its_server_has_ended(tmp_path: Path) -> None:
    """Nothing would ever be heard of it again."""
    ours, theirs = Pipe()
    gone: Any = SimpleNamespace(sentinel=object(), exitcode=SERVER_DIED)
    (job,) = jobs_of([plan_of(tmp_path)])
    running = Running(gone, ours, Unit((job,)), 0.0)
    assert not running.has_ended([])
    theirs.close()
    running.listen(JobResults(), SweepWatcher())

    assert running.has_ended([gone.sentinel, ours])


@needs_server
def test_a_server_that_dies_while_it_starts_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: list[int] = []

    def start() -> None:
        begin()
        if len(died) < times:
            died.append(kill_server())

    begin, times = local._start_server, 2
    monkeypatch.setattr(local, "_start_server", start)
    plans = [plan_of(tmp_path, strategy=SCRATCH)]
    assert LocalExecutor(1).run(jobs_of(plans), SweepWatcher()) == JobResults()
    assert died


def test_where_no_process_can_be_started_the_sweep_ends_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> None:
        raise EOFError("unexpected EOF")

    monkeypatch.setattr(local, "PAUSE", 0.0)
    monkeypatch.setattr(local, "start", start)
    plans = [plan_of(tmp_path, strategy=SCRATCH)]
    with pytest.raises(RunFailed, match="no process can be started, 4 times in a row"):
        LocalExecutor(1).run(jobs_of(plans), SweepWatcher())


@needs_server
def test_a_signal_ends_a_process_without_its_server_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `timeout` sends it to all of them."""

    def stop() -> None:
        kill_server()
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "GRACE", PATIENCE)
    trainer = {"name": "trainer", "steps": 10**7}
    plan = plan_of(tmp_path, strategy=SCRATCH, trainer=trainer)
    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(1).run(jobs_of([plan]), AtTheFirstStage(stop))

    record = record_of(plan.run_dir.path)
    assert record["status"] == "interrupted"
