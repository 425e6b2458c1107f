import pickle
from pathlib import Path

from tlrun.runs.plan import THIS
from tlrun.sweeps.executors.base import Job, JobResults

from problems import Watcher, config, planned


def test_a_job_is_called_by_the_end_of_its_folder(tmp_path: Path) -> None:
    plan = planned(config(tmp_path / "deep" / "runs", seed=3), Watcher())
    job = Job(THIS, plan, tmp_path / "log")

    assert job.path == plan.run_dir.path
    assert job.title == f"digits/parameter_transfer/{plan.run_dir.name}"


def test_two_jobs_are_two_though_they_ask_for_one_run(tmp_path: Path) -> None:
    """What became of each is kept by the job itself."""
    plan = planned(config(tmp_path), Watcher())
    one, other = (Job(THIS, plan, tmp_path / "log") for _ in range(2))

    assert one != other
    assert len({one: "", other: ""}) == 2


def test_a_job_goes_from_process_to_process_whole(tmp_path: Path) -> None:
    """An executor hands it over, wherever it carries it out."""
    plan = planned(config(tmp_path), Watcher())
    job = pickle.loads(pickle.dumps(Job("scratch", plan, tmp_path / "log")))

    assert (job.name, job.path, job.log) == ("scratch", plan.run_dir.path, tmp_path / "log")
    assert job.plan == plan


def test_results_start_empty_and_are_no_others() -> None:
    assert JobResults() == JobResults({}, set(), {})
    assert JobResults().failed is not JobResults().failed
