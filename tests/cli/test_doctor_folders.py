"""What stands in the place of a folder is named by `tl-run doctor`, with --verify and without."""

from pathlib import Path

import pytest

from tlrun.cli.doctor import doctor, findings
from tlrun.cli.doctor_folders import NO_FOLDER, no_folders

LINK = "a link that leads to no folder"
HIDDEN = [
    ".locks", ".cache", ".cache/features", ".stages", ".studies", ".sweeps", ".sealed",
    ".delivered", ".folds", ".superseded",
]  # fmt: skip
INNER = [".stages/.0123.checkpoints", "digits/scratch/seed=0_a/checkpoints"]
OTHERS = ["digits", "digits/scratch", "digits/scratch/seed=0_a", ".folds/digits"]


@pytest.mark.parametrize("place", [*HIDDEN, *OTHERS])
def test_a_link_that_leads_nowhere_is_named(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    for target in (path.name, "nothing"):
        path.symlink_to(target)
        assert list(no_folders(tmp_path)) == [(path, LINK)]
        assert doctor(["--verify", "--runs-dir", str(tmp_path)]) == 1
        named, fix, counts = capsys.readouterr().out.splitlines()
        assert named == f"✗ {path}: expected a folder, found {LINK}"
        assert fix == f"  → {NO_FOLDER}"
        assert counts.endswith("; 1 damaged.")
        path.unlink()


@pytest.mark.parametrize("place", [*HIDDEN, *INNER])
def test_a_file_in_the_place_of_a_folder_of_ours_is_named(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

    assert list(no_folders(tmp_path)) == [(path, "a file")]
    assert doctor(["--verify", "--runs-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("; 1 damaged.\n")


def test_a_folder_of_runs_that_is_none_is_named(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    runs_dir.symlink_to("runs")
    (found,) = [finding for finding in findings(runs_dir) if finding.what == "folder"]

    assert found.found == f"{runs_dir}: expected a folder, found {LINK}"
    assert found.fix == NO_FOLDER


def test_folders_behind_links_and_the_files_of_others_are_as_they_should_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (".cache", "digits"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / "elsewhere" / name)
    (tmp_path / "report.html").touch()
    (tmp_path / "latest").symlink_to("report.html")

    assert list(no_folders(tmp_path)) == []
    assert list(no_folders(tmp_path / "none")) == []
    assert doctor(["--verify", "--runs-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("; nothing is damaged.\n")
