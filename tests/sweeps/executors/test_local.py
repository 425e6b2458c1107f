import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from packages import faulty
from waiting import PATIENCE, until

from tlrun.config import plugins
from tlrun.runs.plan import THIS
from tlrun.sweeps.executors import local, process
from tlrun.sweeps.executors.base import Job, JobResults, Unit
from tlrun.sweeps.executors.local import LocalExecutor

from problems import SweepWatcher, Watcher, config, planned


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)
    monkeypatch.setenv("PYTHONPATH", str(faulty(tmp_path / "site")), prepend=os.pathsep)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def faulty_jobs(tmp_path: Path, *cases: str, **changes: Any) -> dict[str, Job]:
    """A job for each case."""
    jobs = {}
    for case in cases:
        strategy = {"name": "faulty", "case": case}
        plan = planned(config(tmp_path / "runs", strategy=strategy, **changes), Watcher())
        jobs[case] = Job(THIS, plan, tmp_path / f"{case}.log")
    return jobs


@contextmanager
def interrupted(ready: Callable[[], bool]) -> Iterator[None]:
    """What is inside gets SIGINT as soon as it is `ready`, and ends by it.

    Python does not see a signal of the instant before it begins to wait; so there is another one,
    long after whatever the first one may have started.
    """
    over = threading.Event()

    def interrupt() -> None:
        try:
            until(lambda: ready() or over.is_set(), "what the signal waits for")
        finally:  # also where it never came, so that nothing hangs
            while not over.is_set():
                os.kill(os.getpid(), signal.SIGINT)
                over.wait(60)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
        pytest.fail("it ended before it was interrupted")
    except KeyboardInterrupt:
        pass
    finally:
        over.set()
        thread.join()


def records(jobs: Mapping[str, Job]) -> dict[str, dict[str, Any]]:
    """What run.json says of each run that has one."""
    found = {case: job.plan.run_dir.record() for case, job in jobs.items()}
    return {case: record for case, record in found.items() if record is not None}


@pytest.mark.usefixtures("faults")
def test_whatever_one_process_does_the_others_finish(tmp_path: Path) -> None:
    watcher = SweepWatcher()
    jobs = faulty_jobs(tmp_path, "a", "raise", "b", "exit", "kill", "memory", "quit", "c")
    results = LocalExecutor(2).run(list(jobs.values()), watcher)
    failed = {case: results.failed[job] for case, job in jobs.items() if job in results.failed}

    assert set(failed) == {"raise", "exit", "kill", "memory", "quit"}
    assert failed["raise"].endswith(
        "ValueError: raised on purpose (details in traceback.txt there)"
    )
    assert "SystemExit: 5" in failed["exit"]
    assert failed["kill"] == "killed by SIGKILL (often: no memory left)"
    assert "out of memory; try a smaller trainer.batch_size" in failed["memory"]
    assert failed["quit"] == "the process ended with exit code 7"
    assert "raised on purpose" in (tmp_path / "raise.log").read_text()
    assert (tmp_path / "a.log").read_text() == ""
    assert {case: record["status"] for case, record in records(jobs).items()} == {
        "a": "finished", "b": "finished", "c": "finished",
        "raise": "failed", "exit": "failed", "memory": "failed",
        "kill": "running", "quit": "running",  # they had no say
    }  # fmt: skip
    pids = {case: record["pid"] for case, record in records(jobs).items()}
    faulty_ones = set(failed)
    # what has failed has left nothing that another run could meet
    assert len({pids[case] for case in faulty_ones}) == len(faulty_ones)
    assert watcher.most == 2
    assert (results.found, results.unknown) == (set(), {})
    assert watcher.stages == {("target", 6)}
    assert watcher.over == {job.title: failed.get(case, "") for case, job in jobs.items()}


@pytest.mark.usefixtures("faults")
def test_a_signal_to_the_launcher_leaves_no_process_and_says_so_in_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.sweeps.executors.local.GRACE", PATIENCE)
    watcher = SweepWatcher()
    jobs = faulty_jobs(tmp_path, "hang", "a")
    with interrupted(watcher.begun.is_set):
        LocalExecutor(1).run(list(jobs.values()), watcher)
    (record,) = records(jobs).values()

    assert (record["status"], record["reason"]) == ("interrupted", "SIGTERM")
    assert not Path(f"/proc/{record['pid']}").exists()


def test_the_launcher_does_not_need_torch() -> None:
    """Naming what a process does must not cost the parent two seconds."""
    program = "import sys, tlrun.sweeps.launch, tlrun.cli.session; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


@pytest.mark.usefixtures("faults")
def test_two_sweeps_at_once_train_a_run_once_and_the_other_waits(tmp_path: Path) -> None:
    """The second finds what the first has trained, whichever of them was quicker."""
    one, other = SweepWatcher(), SweepWatcher()
    job = faulty_jobs(tmp_path, "a")["a"]
    results: list[JobResults] = []
    with job.plan.run_dir.locked(wait=False, note=print):
        thread = threading.Thread(target=lambda: results.append(LocalExecutor(1).run([job], one)))
        thread.start()
        until(lambda: one.notes or not thread.is_alive(), "a note")
    thread.join()
    results.append(LocalExecutor(1).run([job], other))

    assert "waiting for" in one.notes[0]
    assert one.notes[0].startswith(f"{job.title}: ")
    assert [result.found for result in results] == [set(), {job}]
    assert not any(result.failed or result.unknown for result in results)


@pytest.mark.usefixtures("faults")
def test_what_a_run_leaves_behind_does_not_hold_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forked child keeps the pipe open as long as it lives; the sweep is over when the run is."""
    monkeypatch.chdir(tmp_path)
    jobs = faulty_jobs(tmp_path, "child", trainer={"name": "trainer", "steps": 1})
    results = LocalExecutor(1).run(list(jobs.values()), SweepWatcher())

    os.kill(int(Path("child").read_text()), signal.SIGKILL)  # it lives, or this would raise
    assert results == JobResults()
    assert records(jobs)["child"]["status"] == "finished"


@pytest.mark.usefixtures("faults")
def test_a_process_deaf_to_sigterm_is_killed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.sweeps.executors.local.GRACE", 0.5)
    monkeypatch.chdir(tmp_path)
    jobs = faulty_jobs(tmp_path, "deaf")
    with interrupted((tmp_path / "deaf").exists):
        LocalExecutor(1).run(list(jobs.values()), SweepWatcher())
    (record,) = records(jobs).values()

    assert record["status"] == "running"  # it had no say
    assert not Path(f"/proc/{record['pid']}").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("faults")
def test_a_signal_while_a_process_starts_ends_that_too_without_a_word_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would wait for what it is to do, and end in a traceback when nobody sends that."""
    started, begin = [], process.start

    def start(context: Any, unit: Unit, watcher: SweepWatcher) -> Any:
        spawn = forkserver.connect_to_new_process

        def connected(*asked: Any) -> Any:
            found = spawn(*asked)
            signal.raise_signal(signal.SIGINT)  # between the fork and what it is sent
            return found

        with monkeypatch.context() as patched:
            patched.setattr(forkserver, "connect_to_new_process", connected)
            started.append(begin(context, unit, watcher))
        return started[-1]

    monkeypatch.setattr(local, "start", start)
    jobs = faulty_jobs(tmp_path, "hang")

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(1).run(list(jobs.values()), SweepWatcher())

    (one,) = started
    assert one.process.exitcode is not None
    assert "Traceback" not in capfd.readouterr().err


def test_nothing_to_do_starts_nothing() -> None:
    watcher = SweepWatcher()

    assert LocalExecutor(2).run([], watcher) == JobResults()
    assert watcher == SweepWatcher(begun=watcher.begun)
