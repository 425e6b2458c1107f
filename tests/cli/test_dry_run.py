import os
import shlex
from pathlib import Path

import pytest

from tlrun.cli.main import run
from tlrun.core.errors import UserError
from tlrun.sweeps import timed_costs

from problems import TINY

SMALL = [*TINY, "strategy=scratch"]


@pytest.fixture(autouse=True)
def _untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_costs, "BUDGET", 0.0)


def everything(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--dry-run", "-m", "seeds=5", "lam.value=0,1", *TINY]) == 0
    shown = capsys.readouterr().out

    assert list(here.iterdir()) == []
    assert "No run was trained, and nothing written" in shown
    assert "2 arms" in shown  # as the report counts them
    assert "a word for each arm" in shown


def test_the_last_line_is_the_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["-m", "seeds=2", "backbone.hidden=[8],[4]", *SMALL[2:], "backbone=mlp"]
    run([*asked, "--dry-run"])
    last = capsys.readouterr().out.splitlines()[-1]

    assert sorted(shlex.split(last)) == sorted(["tl-run", *asked])


def test_what_is_finished_is_found_and_left_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-m", "seeds=2", *SMALL]) == 0
    before = everything(here)
    capsys.readouterr()
    assert run(["-m", "seeds=6", *SMALL, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("scratch ")]

    assert row[2:6] == ["0-5", "6", "2", "4"]
    assert "4 from 2 finished runs of the same kind" in shown
    after = everything(here)
    assert after.keys() == before.keys()
    changed = [path for path in after if after[path] != before[path]]
    assert not [path for path in changed if f"{os.sep}.cache{os.sep}" not in path]
    assert run(["-m", "seeds=2", *SMALL, "--dry-run"]) == 0
    assert "nothing is left to train" in capsys.readouterr().out


def test_one_run_declares_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--dry-run", *TINY]) == 0
    shown = capsys.readouterr().out

    assert "study " not in shown
    assert "controls" in shown
    assert "shared stages: 1 trained once" in shown
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "mistake",
    [
        ["strategy=nope"],
        ["seeds=10"],
        ["-m", "seeds=0"],
        ["runs_dir=/dev/null/x"],
        ["dataset.labels_per_class=100000"],
    ],
)
def test_a_mistake_is_told_as_by_the_command(
    mistake: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for flags in ([], ["--dry-run"]):
        try:
            code = run([*mistake, *TINY, *flags])
            told.append((code, capsys.readouterr().err))
        except UserError as error:
            told.append((error.exit_code, "\n".join(error.lines)))

    assert told[0] == told[1]
    assert told[0][0] == 2
    assert list(here.iterdir()) == []
