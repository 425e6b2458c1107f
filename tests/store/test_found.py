import json
import os
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS
from tlrun.store.found import FoundRun, below, runs

from problems import Watcher, config, performed, planned


@pytest.fixture
def finished(tmp_path: Path) -> FoundRun:
    performed(planned(config(tmp_path), Watcher()), THIS, Watcher())
    (run,) = runs(tmp_path)
    return run


def with_status(run: FoundRun, status: str) -> FoundRun:
    file = run.run_dir.path / "run.json"
    file.write_text(json.dumps(run.record | {"status": status}))
    (found,) = runs(run.run_dir.runs_dir)
    return found


def test_a_finished_run_is_found_with_its_result(finished: FoundRun) -> None:
    assert finished.status == "finished"
    assert finished.result["headline"]["name"] == "target accuracy"
    assert finished.run_dir.group == "digits/parameter_transfer"


def test_running_means_that_a_process_has_it(finished: FoundRun) -> None:
    assert with_status(finished, "running").status == "stopped"
    with finished.run_dir.locked(wait=False, note=print):
        assert with_status(finished, "running").status == "running"
    assert with_status(finished, "failed").status == "failed"


def test_what_cannot_be_read_is_said_and_nothing_is_lost(finished: FoundRun) -> None:
    (finished.run_dir.path / "run.json").write_text("{")
    (finished.run_dir.path / "result.json").write_text("[]")
    (run,) = runs(finished.run_dir.runs_dir)

    assert (run.status, run.result) == ("unreadable", {})


def test_a_finished_run_whose_result_is_not_what_it_was_is_damaged(finished: FoundRun) -> None:
    home, folder = finished.run_dir.runs_dir, finished.run_dir.path
    whole = {name: (folder / name).read_bytes() for name in ("run.json", "result.json")}
    record = json.loads(whole["run.json"])
    lacking = {key: value for key, value in record.items() if key != "own digest"}
    for name, content, named in (
        ("result.json", whole["result.json"].replace(b"accuracy", b"accurate"), "result.json is"),
        ("result.json", b"", "result.json is"),
        ("run.json", json.dumps(record | {"seed": 7}).encode(), "run.json is"),
        ("run.json", json.dumps(lacking).encode(), "run.json is"),
        ("run.json", json.dumps(record, indent=7).encode(), ""),  # as an editor may write it
    ):
        (folder / name).write_bytes(content)
        (run,) = runs(home)
        assert run.status == ("damaged" if named else "finished")
        assert bool(run.result) == (not named)
        assert run.damage.startswith(named)
        (folder / name).write_bytes(whole[name])
    moved = folder.rename(folder.with_name("moved"))
    (run,) = runs(home)
    assert (run.status, folder.name in run.damage) == ("damaged", True)
    assert FoundRun(run.run_dir, run.record, moved=True).status == "finished"
    assert moved.exists()


def test_superseded_runs_and_a_missing_folder_are_no_runs(
    finished: FoundRun, tmp_path: Path
) -> None:
    performed(planned(config(tmp_path, rerun=True), Watcher()), THIS, Watcher())

    assert len(list(tmp_path.rglob("run.json"))) == 2
    assert len(list(runs(tmp_path))) == 1
    assert list(runs(tmp_path / "none")) == []


@pytest.mark.parametrize(
    "asked", [["a", "--runs-dir", "x", "b"], ["a", "b", "--runs-dir=x"], ["runs_dir=x", "a", "b"]]
)
def test_the_folder_may_stand_anywhere(asked: list[str]) -> None:
    assert below(asked) == (Path("x"), ["a", "b"])
    assert below(["a"]) == (Path("runs"), ["a"])


@pytest.mark.parametrize(
    "asked", [["--runs-dir"], ["--runs-dir="], ["a", "runs_dir="], ["--runs-dir=", "x"]]
)
def test_a_folder_must_follow(asked: list[str]) -> None:
    with pytest.raises(UserError, match="--runs-dir: expected a folder after it, found nothing"):
        below(asked)


def test_a_flaw_of_any_file_is_damage_once_all_are_proved(finished: FoundRun) -> None:
    assert (finished.flaw, finished.proved_status) == ("", "finished")
    for name in ("config.yaml", "metrics.jsonl", "data.json", "predictions.safetensors"):
        file = finished.run_dir.path / name
        content = file.read_bytes()
        file.write_bytes(content + b"\n")
        (run,) = runs(finished.run_dir.runs_dir)
        assert (run.status, run.damage) == ("finished", "")  # which is cheap to ask
        assert run.flaw.startswith(f"{name} is damaged")
        assert run.proved_status == "damaged"
        assert not run.is_whole(name)
        assert run.is_whole("result.json")
        file.write_bytes(content)


@pytest.mark.parametrize("name", ["run.json", "result.json", "config.yaml", "metrics.jsonl"])
def test_a_pipe_in_place_of_a_file_is_damage(finished: FoundRun, name: str) -> None:
    (finished.run_dir.path / name).unlink()
    os.mkfifo(finished.run_dir.path / name)
    found = FoundRun(finished.run_dir, finished.run_dir.record() or {})

    assert found.proved_status == ("unreadable" if name == "run.json" else "damaged")
    assert name == "run.json" or name in found.flaw
