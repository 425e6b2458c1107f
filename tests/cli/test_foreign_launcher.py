"""Sweeps that a launcher of Hydra's carries out give what ours give."""

import importlib.util
from pathlib import Path

import pytest
from packages import faulty

from tlrun.cli.hydra_app import enter
from tlrun.config import plugins
from tlrun.store.files import read_json

from problems import TINY
from properties import assert_one_line_each, assert_same_run

SWEEP = [*TINY, "-m", "strategy=parameter_transfer", "lam.value=1,inf"]


def by_both(here: Path, launcher: list[str], asked: list[str]) -> list[Path]:
    """A sweep by our processes and by a launcher of Hydra's; every run of both is the same.

    The folders of the launcher's runs.
    """
    assert enter([*asked, "runs_dir=ours"]) == 0
    assert enter([*asked, "runs_dir=theirs", *launcher]) == 0
    ours = sorted(path.parent for path in (here / "ours").glob("[!.]*/*/*/run.json"))
    theirs = sorted(path.parent for path in (here / "theirs").glob("[!.]*/*/*/run.json"))

    assert [path.relative_to(here / "ours") for path in ours] == [
        path.relative_to(here / "theirs") for path in theirs
    ]
    for one, other in zip(ours, theirs, strict=True):
        assert_same_run(one, other)
    return theirs


@pytest.mark.slow
def test_a_launcher_of_hydras_trains_the_same_runs_and_the_same_table_is_printed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = by_both(here, ["hydra/launcher=basic"], SWEEP)
    shown = capsys.readouterr().out.splitlines()
    rows = [line.split()[:-1] for line in shown if " control " in line or " – " in line]

    assert len(runs) == 6  # two and four controls
    assert len(rows) == 12  # but for the seconds, which stand last
    assert rows[:6] == rows[6:]
    assert sum("2 jobs, 6 runs" in line for line in shown) == 2
    assert [path.name for path in here.glob("*.yaml")] == []


def test_what_it_has_finished_is_found_by_ours(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*SWEEP, "controls=false"]
    assert enter([*asked, "hydra/launcher=basic"]) == 0
    assert "2 trained now, 0 found." in capsys.readouterr().out
    assert enter(asked) == 0
    assert "0 trained now, 2 found." in capsys.readouterr().out


def test_a_folder_of_ones_own_reaches_its_jobs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine" / "experiment").mkdir(parents=True)
    text = "# @package _global_\ntrainer: {eval_every: 2}\n"
    (here / "mine" / "experiment" / "x.yaml").write_text(text)
    flags = ["--config-dir", "mine"]
    asked = [*flags, *SWEEP[:-1], "experiment=x", "controls=false", "seed=0,1"]

    assert len(by_both(here, ["hydra/launcher=basic"], asked)) == 2


@pytest.fixture
def faults(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(faulty(here / "site")))
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)


@pytest.mark.usefixtures("faults")
def test_a_job_that_fails_is_listed_and_stops_no_other(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*TINY, "-m", "strategy=faulty", "strategy.case=raise,a", "controls=false"]
    assert enter([*asked, "hydra/launcher=basic"]) == 1
    shown = capsys.readouterr()
    statuses = [read_json(path)["status"] for path in here.glob("runs/digits/faulty/*/run.json")]

    assert sorted(statuses) == ["failed", "finished"]
    assert "1 trained now, 0 found, 1 failed." in shown.out
    head, line = shown.err.strip().splitlines()[-2:]
    assert head == "tl-run: 1 runs failed; the same command runs these again, and only these:"
    assert "ValueError: raised on purpose; log: " in line
    assert "Traceback" not in shown.err


def test_what_only_the_data_can_tell_is_told_before_it_is_asked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*TINY, "-m", "controls=false", "dataset.classes=split", "lam.value=0,inf"]
    assert enter([*asked, "hydra/launcher=basic"]) == 2

    assert_one_line_each(capsys.readouterr().err, "lam.value: expected more than 0, found 0")
    assert list(here.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "launcher"),
    [
        ("hydra_plugins.hydra_joblib_launcher", ["hydra/launcher=joblib"]),
        (
            "hydra_plugins.hydra_submitit_launcher",
            ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=10"],
        ),
    ],
    ids=["joblib", "submitit_local"],
)
def test_launchers_of_other_packages_train_the_same_runs(
    here: Path, package: str, launcher: list[str]
) -> None:
    if importlib.util.find_spec(package.partition(".")[0]) is None or not importlib.util.find_spec(
        package
    ):
        pytest.skip(f"{package} is not installed: pip install 'tl-run[joblib,slurm]'")

    assert len(by_both(here, launcher, [*SWEEP, "controls=false"])) == 2
