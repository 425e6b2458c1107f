"""Which runs may stand in a stack, what they are called, and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from inline import lam, study
from selection.conftest import Finished

from tlrun.core.errors import UserError
from tlrun.core.task import TaskKey
from tlrun.selection.arms import arms_of_runs, arms_of_study, study_of
from tlrun.store.found import runs

from problems import sign

FAR = {"task": "target/digit", "loss": 3e30, "constant": 2.3}


def test_all_arms_lambdas_and_controls_are_there_once(finished: Finished) -> None:
    names = [arm.name for arm in finished.arms.every]

    assert sorted(names) == sorted(set(names))
    assert set(names) >= {"scratch", "scratch, total budget", "source_only", "joint, λ=1"}
    assert {"parameter_transfer λ=1", "parameter_transfer λ=inf"} <= set(names)
    assert finished.arms.every[finished.arms.safe].name == "scratch"
    assert finished.arms.tasks.keys() == {TaskKey("target", "digit")}


def test_a_study_is_found_by_the_first_digits_of_its_id_or_as_the_last(finished: Finished) -> None:
    assert study_of(finished.runs_dir).id == finished.study
    assert study_of(finished.runs_dir, finished.study[:4]).id == finished.study
    with pytest.raises(UserError, match="none that begin with zz"):
        study_of(finished.runs_dir, "zz")


def test_without_a_study_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a study, found none"):
        study_of(tmp_path)


def test_a_run_brings_its_controls(finished: Finished) -> None:
    chosen = [run for run in runs(finished.runs_dir) if "lam=inf" in run.run_dir.name]

    arms = arms_of_runs(finished.runs_dir, chosen)

    assert len(arms.every) == len(finished.arms.every) - 1
    assert arms.every[arms.safe].name == "scratch"


def test_a_seed_that_was_not_run_is_refused(finished: Finished) -> None:
    plan = study_of(finished.runs_dir)
    with pytest.raises(UserError, match=r"--seed: expected a seed of the study, found 7, but 0"):
        arms_of_study(finished.runs_dir, plan, 7)


def test_without_scratch_there_is_no_stack(finished: Finished, tmp_path: Path) -> None:
    copied = shutil.copytree(finished.runs_dir, tmp_path / "runs")
    for folder in (copied / "digits" / "scratch").iterdir():
        shutil.rmtree(folder)
    with pytest.raises(UserError, match="a finished control scratch or single_task"):
        arms_of_study(copied, study_of(copied))


def test_a_run_without_a_model_is_left_out_and_told(finished: Finished, tmp_path: Path) -> None:
    copied = shutil.copytree(finished.runs_dir, tmp_path / "runs")
    (folder,) = (copied / "digits" / "source_only").iterdir()
    (folder / "model.safetensors").unlink()
    sign(folder)

    arms = arms_of_study(copied, study_of(copied))

    assert arms.left_out == (("source_only", "keeps no model"),)
    assert len(arms.every) == len(finished.arms.every) - 1


def test_a_damaged_run_is_left_out_and_told(finished: Finished, tmp_path: Path) -> None:
    copied = shutil.copytree(finished.runs_dir, tmp_path / "runs")
    (folder,) = (copied / "digits" / "source_only").iterdir()
    (folder / "result.json").write_text("{")

    arms = arms_of_study(copied, study_of(copied))

    ((name, why),) = arms.left_out
    assert name == folder.name
    assert why.startswith("cannot be read")


@pytest.mark.parametrize("large", [1, 2**20])
@pytest.mark.parametrize("name", ["config.yaml", "data.json", "model.safetensors"])
def test_a_run_of_which_any_file_is_damaged_is_left_out_and_told(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, large: int
) -> None:
    """A large one too, whose size and time of writing are what they were."""
    monkeypatch.setattr("tlrun.store.digests.LARGE", large)
    copied = shutil.copytree(finished.runs_dir, tmp_path / "runs")
    (folder,) = (copied / "digits" / "source_only").iterdir()
    sign(folder)
    file = folder / name
    state, content = file.stat(), bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))

    arms = arms_of_study(copied, study_of(copied))

    assert arms.left_out == (
        (folder.name, f"cannot be read: {name} is damaged: it does not match its digest"),
    )
    assert len(arms.every) == len(finished.arms.every) - 1


def test_where_scratch_is_damaged_that_is_said(finished: Finished, tmp_path: Path) -> None:
    copied = shutil.copytree(finished.runs_dir, tmp_path / "runs")
    for folder in (copied / "digits" / "scratch").iterdir():
        (folder / "data.json").write_text("{}")

    with pytest.raises(
        UserError, match=r"scratch or single_task, found none .*data\.json is damaged"
    ):
        arms_of_study(copied, study_of(copied))


def test_runs_of_two_seeds_have_drawn_two_sets_of_labels(tmp_path: Path) -> None:
    study(tmp_path, lam(1.0), {**lam(1.0), "seed": 1})

    with pytest.raises(UserError, match="runs of one seed"):
        arms_of_runs(tmp_path, list(runs(tmp_path)))
    assert arms_of_study(tmp_path, study_of(tmp_path), 1).seed == 1


def test_two_ways_of_buying_labels_are_no_stack(tmp_path: Path) -> None:
    more = {"dataset": {"name": "digits", "labels_per_class": 6}}
    study(tmp_path, lam(1.0), {**lam(1.0), **more})

    with pytest.raises(UserError, match="arms on the same labels"):
        arms_of_study(tmp_path, study_of(tmp_path))


def diverged(finished: Finished, place: Path, *groups: str) -> Path:
    """A copy of the study's folder in which the runs of some strategies have diverged."""
    copied = shutil.copytree(finished.runs_dir, place / "runs")
    for run in runs(copied):
        if run.run_dir.group.rpartition("/")[2] in groups:
            sign(run.run_dir.path, diverged=FAR)
    return copied


def test_a_run_that_has_diverged_is_no_member_and_told(finished: Finished, tmp_path: Path) -> None:
    copied = diverged(finished, tmp_path, "source_only")

    arms = arms_of_study(copied, study_of(copied))

    ((name, why),) = arms.left_out
    assert name == "source_only"
    for words in ("has diverged", "3e+30", "smaller optimizer.lr"):
        assert words in why
    assert len(arms.every) == len(finished.arms.every) - 1


@pytest.mark.parametrize(
    "groups",
    [
        ("scratch",),
        ("parameter_transfer", "source_only", "joint"),
        ("scratch", "parameter_transfer", "source_only", "joint"),
    ],
)
def test_where_scratch_or_all_beside_it_has_diverged_nothing_is_delivered(
    groups: tuple[str, ...], finished: Finished, tmp_path: Path
) -> None:
    copied = diverged(finished, tmp_path, *groups)
    if "scratch" not in groups:  # the other budget, which no prior stands on
        for run in runs(copied):
            if run.run_dir.group.endswith("/scratch") and run.record["setting"] != _safe(finished):
                sign(run.run_dir.path, diverged=FAR)

    with pytest.raises(UserError, match="diverged") as caught:
        arms_of_study(copied, study_of(copied))
    (line,) = caught.value.lines
    assert "smaller optimizer.lr" in line


def _safe(finished: Finished) -> str:
    return finished.arms.every[finished.arms.safe].outcome.setting
