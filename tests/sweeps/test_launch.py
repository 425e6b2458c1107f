from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tlrun.config.build import build
from tlrun.core.errors import Mistake, RunBusy, UserError
from tlrun.data.base import Dataset
from tlrun.report.study.build import build_report
from tlrun.runs.outcome import load_run, load_runs
from tlrun.runs.plan import THIS
from tlrun.store.files import read_json
from tlrun.sweeps.executors.base import Executor, Job, JobResults
from tlrun.sweeps.executors.base import Watcher as JobWatcher
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.launch import SweepResults, launch
from tlrun.sweeps.stopped import SweepStopped

from problems import SweepWatcher, Watcher, config, performed
from properties import assert_same_run

SCRATCH = {"name": "scratch"}
CONTROLS = ["scratch", "scratch, total budget", "source_only", "joint, λ=1"]


def lam(value: float) -> dict[str, Any]:
    return {"name": "constant", "value": value}


@dataclass
class InProcess:
    """An executor that trains every run right here, one after another.

    failing, lost: the names of strategies whose runs it does not train: the first fail, of the
    others it says that it does not know. asked: how often it was asked, and for what. prepared: for
    which data sets it was told to be ready.
    """

    failing: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    asked: list[list[str]] = field(default_factory=list)
    prepared: list[Dataset] = field(default_factory=list)

    def prepare(self, dataset: Dataset) -> None:
        self.prepared.append(dataset)

    def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
        self.asked.append([job.title for job in jobs])
        results = JobResults()
        for job in jobs:
            strategy = job.plan.facts["strategy"]
            watcher.started(job.title)
            reason = ""
            if strategy in self.failing:
                reason = results.failed[job] = "burnt down"
            elif strategy in self.lost:
                reason = results.unknown[job] = "nobody knows"
            elif performed(job.plan, job.name, Watcher(), wait=True).found:
                results.found.add(job)
            watcher.finished(job.title, reason)
        return results


@dataclass
class FailingAbove(InProcess):
    """It fails runs at a learning rate above `rate`."""

    rate: float = 0.0

    def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
        high = [job for job in jobs if job.plan.run.optimizer.lr > self.rate]
        results = super().run([job for job in jobs if job not in high], watcher)
        results.failed.update(dict.fromkeys(high, "burnt down"))
        return results


def sweep(
    configs: Sequence[dict[str, Any]],
    executor: Executor | None = None,
    watcher: SweepWatcher | None = None,
) -> SweepResults:
    watcher = watcher or SweepWatcher()
    return launch(
        [build(config) for config in configs],
        [[f"job={k}"] for k in range(len(configs))],
        executor or LocalExecutor(2),
        Watcher(),
        lambda total, found: nullcontext(watcher),
    )


def record_of(runs_dir: Path) -> dict[str, Any]:
    """What sweep.json says of the only sweep."""
    (file,) = (runs_dir / ".sweeps").glob("*/sweep.json")
    return read_json(file)


def test_every_job_gets_its_run_and_controls(tmp_path: Path) -> None:
    configs = [
        config(tmp_path, controls=True, strategy={"name": name})
        for name in ("parameter_transfer", "joint")
    ]
    first = sweep(configs)
    second = sweep(configs)

    assert [[o.name for o in answer] for answer in first.outcomes] == [[THIS, *CONTROLS], [THIS]]
    assert (first.trained, first.found, second.trained, second.found) == (5, 0, 0, 5)
    assert first.outcomes[1][0].path == first.outcomes[0][4].path
    assert [o.result for o in first.outcomes[0]] == [o.result for o in second.outcomes[0]]


def tuned(path: Path, **changes: Any) -> dict[str, Any]:
    data = {"name": "digits", "val_share": 0.4, "labels_per_class": 5}
    return config(path, **{"dataset": data, "tune": {"lr": [0.001, 0.01]}, **changes})


def test_the_trials_of_every_arm_are_run_and_the_report_chooses_by_validation_loss(
    tmp_path: Path,
) -> None:
    configs = [tuned(tmp_path, controls=True, seed=seed) for seed in range(2)]
    first = sweep(configs, InProcess())
    (study,) = build_report([tmp_path]).studies
    losses: dict[tuple[str, int], dict[float, float]] = {}
    for run in load_runs(tmp_path):
        of_arm = losses.setdefault((run.strategy + str(run.result["steps"]), run.seed), {})
        of_arm[run.optimizer["lr"]] = run.result["headline"]["val_loss"]

    assert (first.trained, len(losses)) == (20, 10)  # 2 seeds, 2 rates, an arm and 4 controls
    for arm in study.arms:
        for path, seed in zip(arm.runs, arm.seeds, strict=True):
            run = load_run(tmp_path / path)
            of_arm = losses[run.strategy + str(run.result["steps"]), seed]
            assert len(of_arm) == 2
            assert of_arm[run.optimizer["lr"]] == min(of_arm.values())
        assert arm.tuned.startswith("lr ")
    assert study.arms_planned == 1
    assert [each["sets"] for each in record_of(tmp_path)["jobs"]] == [
        [f"job={k}", f"optimizer.lr={rate}"] for k in range(2) for rate in (0.001, 0.01)
    ]
    untuned = sweep(
        [
            {**each, "tune": {"lr": None}, "optimizer": {"name": "adam", "lr": 0.01}}
            for each in configs
        ]
    )
    assert (untuned.trained, untuned.found) == (0, 10)


def test_a_job_of_which_a_trial_has_failed_has_no_outcome(tmp_path: Path) -> None:
    sweep([tuned(tmp_path, seed=0)], InProcess())
    results = sweep([tuned(tmp_path, seed=seed) for seed in (0, 1)], FailingAbove(rate=0.005))

    assert [len(answer) for answer in results.outcomes] == [2, 0]  # a trial each, or none
    assert len(results.failures) == 1


def test_an_executor_is_enough_and_where_runs_are_carried_out_changes_no_bit(
    tmp_path: Path,
) -> None:
    watcher, executor = SweepWatcher(), InProcess()
    configs = [(config(tmp_path / k, controls=True), config(tmp_path / k, seed=1)) for k in "ab"]
    here = sweep(configs[0], executor, watcher)
    elsewhere = sweep(configs[1], LocalExecutor(2))

    assert len(executor.asked) == 1
    assert sorted(executor.asked[0]) == sorted(watcher.over)
    assert (here.trained, here.found, here.failures) == (6, 0, [])
    assert (here.stages_trained, here.stages_found) == (2, 1)
    assert [len(answer) for answer in here.outcomes] == [5, 1]
    for ours, theirs in zip(here.outcomes, elsewhere.outcomes, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert_same_run(one.path, other.path)


def test_what_is_finished_is_asked_of_no_executor(tmp_path: Path) -> None:
    executor = InProcess()
    configs = [config(tmp_path, seed=seed) for seed in (0, 1)]
    first = sweep(configs, executor)
    again = sweep(configs, executor)

    assert len(executor.asked) == 1
    assert (again.trained, again.found) == (0, 2)
    assert [outcome.found for (outcome,) in again.outcomes] == [True, True]
    assert [[o.result for o in answer] for answer in again.outcomes] == [
        [o.result for o in answer] for answer in first.outcomes
    ]
    assert record_of(tmp_path)["status"] == "finished"


def test_an_executor_prepares_for_what_is_read_and_for_nothing_that_is_remembered(
    tmp_path: Path,
) -> None:
    executor = InProcess()
    configs = [config(tmp_path, seed=seed) for seed in (0, 1)]
    sweep(configs, executor)
    assert executor.prepared == [build(each).dataset for each in configs]

    sweep(configs, executor)
    assert len(executor.prepared) == 2


def test_the_record_says_what_the_sweep_is_made_of(tmp_path: Path) -> None:
    sweep([config(tmp_path, lam=lam(value)) for value in (1.0, 10.0)])
    record = record_of(tmp_path)

    assert (record["status"], record["runs"], record["failed"]) == ("finished", 2, {})
    assert [job["sets"] for job in record["jobs"]] == [["job=0"], ["job=1"]]
    assert all(
        (tmp_path / path / "result.json").exists()
        for job in record["jobs"]
        for path in job["runs"].values()
    )
    # nobody printed anything
    (folder,) = (tmp_path / ".sweeps").iterdir()
    assert [path.name for path in folder.iterdir()] == ["sweep.json"]


def test_a_mistake_starts_nothing(tmp_path: Path) -> None:
    executor = InProcess()
    few = config(tmp_path, dataset={"name": "digits", "labels_per_class": 900})
    with pytest.raises(UserError):
        sweep([config(tmp_path), few], executor)

    assert executor.asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_told_with_its_log_and_its_job_has_no_answer(tmp_path: Path) -> None:
    """Of a job whose control fails the run is still there, and its other controls."""
    configs = [config(tmp_path, controls=True), config(tmp_path, strategy=SCRATCH)]
    results = sweep(configs, InProcess(failing={"scratch"}))
    failures = {failure.path: failure for failure in results.failures}

    assert [failure.reason for failure in results.failures] == ["burnt down"] * 2
    assert all(failure.log.read_text() == "burnt down\n" for failure in results.failures)
    assert all(path.parent.name == "scratch" for path in failures)
    assert [outcome.name for outcome in results.outcomes[0]] == [THIS, *CONTROLS[2:]]
    assert results.outcomes[1] == []
    assert (results.trained, results.found) == (3, 0)
    record = record_of(tmp_path)
    assert record["status"] == "failed"
    assert record["failed"] == {str(path): "burnt down" for path in failures}


def test_the_same_command_runs_what_failed_again_and_only_that(tmp_path: Path) -> None:
    configs = [config(tmp_path, controls=True)]
    sweep(configs, InProcess(failing={"scratch"}))
    executor = InProcess()
    again = sweep(configs, executor)

    assert [title.split("/")[1] for title in executor.asked[0]] == ["scratch"] * 2
    assert list(tmp_path.glob(".sweeps/*/logs/*")) == []  # of what failed then and is finished now
    assert (again.trained, again.found, again.failures) == (2, 3, [])
    assert record_of(tmp_path)["status"] == "finished"


def test_a_run_of_which_nobody_knows_counts_where_its_folder_says_that_it_finished(
    tmp_path: Path,
) -> None:
    class Forgetful(InProcess):
        """Trains everything, and knows of nothing."""

        def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
            super().run(jobs, watcher)
            return JobResults(unknown=dict.fromkeys(jobs, "nobody knows"))

    finished = sweep([config(tmp_path / "a")], Forgetful())
    lost = sweep([config(tmp_path / "b")], InProcess(lost={"parameter_transfer"}))

    assert (finished.trained, finished.failures) == (1, [])
    assert [failure.reason for failure in lost.failures] == ["nobody knows"]
    assert lost.outcomes == [[]]


def test_a_run_that_finished_and_cannot_be_read_is_lost(tmp_path: Path) -> None:
    class Careless(InProcess):
        """Loses a file of every run."""

        def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
            results = super().run(jobs, watcher)
            for job in jobs:
                (job.path / "result.json").unlink()
            return results

    results = sweep([config(tmp_path)], Careless())

    (failure,) = results.failures
    assert failure.reason.startswith(
        "finished, but its files cannot be read now (ValueError: result.json"
    )
    assert results.outcomes == [[]]


def test_the_record_of_a_run_whose_process_had_no_say_is_closed(tmp_path: Path) -> None:
    class Killed(InProcess):
        """Begins every run, and is gone."""

        def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
            for job in jobs:
                job.plan.run_dir.begin("seed: 0\n", {})
            return JobResults(failed=dict.fromkeys(jobs, "killed"))

    results = sweep([config(tmp_path)], Killed())
    record = read_json(results.failures[0].path / "run.json")

    assert (record["status"], record["reason"]) == ("failed", "killed")


def test_a_sweep_that_is_stopped_says_so(tmp_path: Path) -> None:
    class Stopped(InProcess):
        def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
            super().run(jobs[:1], watcher)
            raise KeyboardInterrupt

    configs = [config(tmp_path, seed=seed) for seed in (0, 1)]
    with pytest.raises(SweepStopped) as caught:
        sweep(configs, Stopped())
    assert isinstance(caught.value.by, KeyboardInterrupt)
    progress = caught.value.progress
    assert (progress.finished, progress.runs, progress.whole) == (1, 2, (0,))
    assert [study.seeds for study in progress.studies] == [(0, 1)]
    assert record_of(tmp_path)["status"] == "interrupted"

    again = sweep(configs, InProcess())
    assert (again.trained, again.found) == (1, 1)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_finished_run_stays_as_it_is_whichever_sweep_needs_it(tmp_path: Path) -> None:
    """As a control, and for its source stage."""
    first = sweep([config(tmp_path), config(tmp_path, strategy=SCRATCH)], InProcess())
    paths = [outcome.path for (outcome,) in first.outcomes]
    before = [files(path) for path in paths]
    transfer = {"name": "feature_transfer"}
    later = sweep(
        [config(tmp_path, controls=True, strategy=transfer, lam=lam(v)) for v in (1.0, 10.0)],
        LocalExecutor(2),
    )

    assert paths[1] in [outcome.path for outcome in later.outcomes[0] if outcome.found]
    assert (later.stages_trained, later.stages_found) == (0, 3)  # two runs, and source_only
    assert [files(path) for path in paths] == before


def test_two_sweeps_do_not_make_runs_anew_at_once(tmp_path: Path) -> None:
    """Each would take away what the other has made and is about to read."""

    class Another(InProcess):
        def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
            with pytest.raises(RunBusy, match=r"process \d+ on .* with rerun=true; wait for it"):
                sweep([config(tmp_path, rerun=True)], InProcess())
            sweep([config(tmp_path)], InProcess())
            return super().run(jobs, watcher)

    sweep([config(tmp_path)], InProcess())
    again = sweep([config(tmp_path, rerun=True)], Another())

    assert (again.trained, again.failures) == (1, [])


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise UserError(Mistake("runs_dir", "a folder that can be written", "Read-only"))

    sweep([config(tmp_path)], InProcess())
    monkeypatch.setattr("tlrun.sweeps.launch.check_writable", refuse)
    executor = InProcess()
    assert sweep([config(tmp_path)], executor).found == 1
    with pytest.raises(UserError, match="Read-only"):
        sweep([config(tmp_path, seed=1)], executor)
    assert executor.asked == []
