import json
from pathlib import Path

import pytest
import yaml
from heads import plan_of, record_of

from tlrun.core.errors import Mistake, RunFailed, Terminated, UserError
from tlrun.core.options import as_plain
from tlrun.runs import run_record
from tlrun.runs.identity import deciding
from tlrun.runs.run_record import begin, close_failed, close_stopped, reason_of

from problems import data_of


def test_a_folder_begins_with_config_data_and_engine(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "stacked")
    record = record_of(plan.run_dir.path)

    assert (record["status"], record["engine"]) == ("running", "stacked")
    assert record["fingerprint"] == plan.fingerprint
    assert sorted(path.name for path in plan.run_dir.path.iterdir()) == [
        "config.yaml",
        "data.json",
        "run.json",
    ]


def test_numbers_are_kept_with_where_they_are_centred(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        dataset={"name": "digits_tasks"},
        strategy={"name": "shared_parameters"},
    )
    problem = data_of(plan)
    begin(plan, problem, "loop")
    kept = json.loads((plan.run_dir.path / "preprocessing.json").read_text())
    (task,) = (task for task in problem.tasks.values() if task.kind == "regression")

    assert kept["tasks"][0]["location"] == pytest.approx(task.location)
    assert kept["tasks"][0]["scale"] == pytest.approx(task.scale)


@pytest.mark.parametrize(
    ("stop", "signal"), [(KeyboardInterrupt(), "SIGINT"), (Terminated(), "SIGTERM")]
)
def test_what_a_signal_has_stopped_says_which(
    tmp_path: Path, stop: BaseException, signal: str
) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")
    close_stopped(plan, stop, started=0.0)
    record = record_of(plan.run_dir.path)

    assert (record["status"], record["reason"]) == ("interrupted", signal)
    assert record["seconds"] > 0


@pytest.mark.parametrize(
    ("error", "reason", "details"),
    [
        (RunFailed("it diverged"), "it diverged", False),
        (ValueError("two\nlines"), "ValueError: two lines", True),
        (MemoryError(), "out of memory; try a smaller trainer.batch_size, sweep.jobs or", True),
        (RuntimeError("can't allocate memory"), "out of memory; try a smaller", True),
        (OSError(28, "No space left on device"), "no space left on the disk; free some", True),
    ],
)
def test_what_has_failed_says_why_in_a_line(
    tmp_path: Path, error: Exception, reason: str, details: bool
) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")
    failure = close_failed(plan, error, started=0.0)

    assert record_of(plan.run_dir.path)["status"] == "failed"
    assert record_of(plan.run_dir.path)["reason"].startswith(reason)
    assert failure.path == plan.run_dir.path
    assert (plan.run_dir.path / "traceback.txt").exists() == details
    assert failure.reason.endswith("(details in traceback.txt there)") == details


def test_a_full_disk_does_not_hide_why_a_run_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlrun.store.rundir.write_json", full)
    assert run_record.close_failed(plan, RunFailed("it diverged"), 0.0).reason == "it diverged"


def test_the_text_of_a_config_is_that_of_the_slow_writer(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")
    plain = as_plain(deciding(plan.run))
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)

    assert (plan.run_dir.path / "config.yaml").read_text() == text


def test_a_signal_that_comes_when_a_run_is_closed_changes_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")
    plan.run_dir.close("finished", {})
    close_stopped(plan, KeyboardInterrupt(), 0.0)

    assert record_of(plan.run_dir.path)["status"] == "finished"


@pytest.mark.parametrize(
    ("stop", "reason"),
    [(KeyboardInterrupt(), "SIGINT"), (Terminated(1), "SIGHUP"), (Terminated(), "SIGTERM")],
)
def test_a_run_says_which_signal_has_stopped_it(
    tmp_path: Path, stop: BaseException, reason: str
) -> None:
    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")
    close_stopped(plan, stop, 0.0)

    assert record_of(plan.run_dir.path)["reason"] == reason


def test_on_a_disk_that_is_full_a_run_still_says_that_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over what run.json said, for there is no room beside it."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    plan = plan_of(tmp_path)
    begin(plan, data_of(plan), "loop")
    monkeypatch.setattr("tlrun.store.files.write_whole", full)
    monkeypatch.setattr("tlrun.store.rundir.write_whole", full)
    failure = close_failed(plan, OSError(28, "No space left on device"), 0.0)
    record = record_of(plan.run_dir.path)

    assert "no space left on the disk" in failure.reason
    assert (record["status"], record["fingerprint"]) == ("failed", plan.fingerprint)
    assert "no space left on the disk" in record["reason"]


def test_a_reason_does_not_name_the_folder_that_its_line_begins_with(tmp_path: Path) -> None:
    mistake = Mistake(str(tmp_path), "to go on as it was begun", "torch 1 then", "rerun=true")
    expected = "expected to go on as it was begun, found torch 1 then; rerun=true"

    assert reason_of(UserError(mistake), tmp_path) == expected
    assert reason_of(UserError(mistake), tmp_path / "other") == f"{tmp_path}: {expected}"


def test_a_file_that_cannot_be_had_is_the_reason() -> None:
    error = PermissionError(13, "Permission denied", "table.csv")

    assert reason_of(error) == "table.csv: Permission denied"
    assert reason_of(KeyError("x")) == "KeyError: 'x'"
