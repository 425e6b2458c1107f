import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packages import faulty
from waiting import PATIENCE, until

from tlrun.config import plugins
from tlrun.core.notes import Note, Waiting
from tlrun.runs.plan import THIS
from tlrun.store.files import read_json
from tlrun.sweeps.executors.base import Job, JobResults
from tlrun.sweeps.executors.local import LocalExecutor

from problems import Watcher, config, planned


@dataclass
class Told:
    """A watcher that remembers."""

    notes: list[Note] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    over: dict[str, str] = field(default_factory=dict)
    stages: set[tuple[str, int]] = field(default_factory=set)
    begun: threading.Event = field(default_factory=threading.Event)

    def note(self, title: str, note: Note) -> None:
        self.notes.append(note)

    def started(self, title: str) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)

    def progress(self, title: str, stage: str, step: int, steps: int) -> None:
        self.stages.add((stage, steps))
        self.begun.set()

    def finished(self, title: str, reason: str) -> None:
        self.at_once -= 1
        self.over[title] = reason


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)
    monkeypatch.setenv("PYTHONPATH", str(faulty(tmp_path / "site")))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def jobs(tmp_path: Path, *cases: str, steps: int = 6) -> list[Job]:
    asked = [
        config(
            tmp_path / "runs",
            strategy={"name": "faulty", "case": case},
            trainer={"name": "trainer", "steps": steps, "batch_size": 16, "eval_every": 4},
        )
        for case in cases
    ]
    return [
        Job(THIS, planned(each, Watcher()), tmp_path / f"{case}.log")
        for each, case in zip(asked, cases, strict=True)
    ]


def carried_out(jobs: list[Job], processes: int, told: Told) -> JobResults:
    return LocalExecutor(processes).run(jobs, told)


@pytest.mark.usefixtures("faults")
def test_whatever_one_process_does_the_others_finish(tmp_path: Path) -> None:
    told = Told()
    asked = jobs(tmp_path, "a", "raise", "b", "exit", "kill", "memory", "quit", "c")
    results = carried_out(asked, 2, told)
    failed = {job.log.stem: reason for job, reason in results.failed.items()}

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
    records = [read_json(path) for path in tmp_path.glob("runs/digits/faulty/*/run.json")]
    assert (
        sorted(record["status"] for record in records)
        == ["failed"] * 3 + ["finished"] * 3 + ["running"] * 2
    )
    assert len({record["pid"] for record in records}) == 8
    assert told.most == 2
    assert results.found == set()
    assert told.stages == {("target", 6)}
    assert len(told.over) == 8


@contextmanager
def interrupted_once(condition: Callable[[], object]) -> Iterator[None]:
    """SIGINT to this process once `condition` holds; also where it never does, so that nothing
    hangs."""
    met = threading.Event()

    def interrupt() -> None:
        try:
            until(condition, "what the signal waits for")
            met.set()
        except pytest.fail.Exception:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()
    assert met.is_set()


@pytest.mark.usefixtures("faults")
def test_a_signal_to_the_launcher_leaves_no_process_and_says_so_in_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.sweeps.executors.local.GRACE", PATIENCE)
    told = Told()
    with interrupted_once(told.begun.is_set):
        carried_out(jobs(tmp_path, "hang", "a"), 1, told)
    (record,) = [read_json(path) for path in tmp_path.glob("runs/digits/faulty/*/run.json")]

    assert (record["status"], record["reason"]) == ("interrupted", "SIGTERM")
    assert not Path(f"/proc/{record['pid']}").exists()


def test_the_launcher_does_not_need_torch() -> None:
    """Naming what a process does must not cost the parent two seconds."""
    program = "import sys, tlrun.sweeps.launch, tlrun.cli.session; print('torch' in sys.modules)"
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


@pytest.mark.usefixtures("faults")
def test_two_sweeps_at_once_train_a_run_once_and_the_other_waits(tmp_path: Path) -> None:
    """The second finds what the first has trained, whichever of them was quicker."""
    one, other = Told(), Told()
    (asked,) = jobs(tmp_path, "a")
    with asked.plan.run_dir.locked(wait=False, note=print):
        thread = threading.Thread(target=lambda: results.append(carried_out([asked], 1, one)))
        results: list[JobResults] = []
        thread.start()
        until(lambda: one.notes or not thread.is_alive(), "a note")
    thread.join()
    results.append(carried_out([asked], 1, other))

    assert isinstance(one.notes[0], Waiting)
    assert [len(results.found) for results in results] == [0, 1]
    assert not any(results.failed for results in results)


@pytest.mark.usefixtures("faults")
def test_what_a_run_leaves_behind_does_not_hold_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forked child keeps the pipe open as long as it lives; the sweep is over when the run is."""
    monkeypatch.chdir(tmp_path)
    (asked,) = jobs(tmp_path, "child", steps=1)
    results = carried_out([asked], 1, Told())
    (record,) = [read_json(path) for path in tmp_path.glob("runs/digits/faulty/*/run.json")]

    os.kill(int(Path("child").read_text()), signal.SIGKILL)  # it lives, or this would raise
    assert not results.failed
    assert record["status"] == "finished"


@pytest.mark.usefixtures("faults")
def test_a_process_deaf_to_sigterm_is_killed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlrun.sweeps.executors.local.GRACE", 0.5)
    monkeypatch.chdir(tmp_path)
    with interrupted_once(Path("deaf").exists):
        carried_out(jobs(tmp_path, "deaf"), 1, Told())
    (record,) = [read_json(path) for path in tmp_path.glob("runs/digits/faulty/*/run.json")]

    assert record["status"] == "running"  # it had no say
    assert not Path(f"/proc/{record['pid']}").exists()
