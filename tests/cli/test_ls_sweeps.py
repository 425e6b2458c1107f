import json
from pathlib import Path

import pytest

from tlrun.cli.ls import ls
from tlrun.cli.ls_sweeps import standings
from tlrun.cli.main import run
from tlrun.core.errors import UserError

from problems import TINY

SMALL = ["-m", "hydra/launcher=basic", *TINY, "strategy=scratch"]


@pytest.fixture
def swept(here: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run([*SMALL, "seeds=2"]) == 0
    capsys.readouterr()
    return here / "runs"


def test_a_study_with_its_sweep_and_its_page(
    swept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = standings(swept)

    assert (one.finished, one.planned, one.state) == (2, 2, "finished")
    assert one.page is not None
    assert one.page.exists()
    assert ls(["--sweeps"]) == 0
    shown = capsys.readouterr().out
    assert one.study.id in shown
    assert "2/2" in shown
    ls([])
    assert "1 study: tl-run ls --sweeps" in capsys.readouterr().out


def test_what_is_not_finished(swept: Path) -> None:
    record = next((swept / ".sweeps").glob("*/sweep.json"))
    record.write_text(json.dumps({**json.loads(record.read_text()), "status": "running"}))
    folder = next((swept / "digits" / "scratch").glob("seed=1_*"))
    gone = json.loads((folder / "run.json").read_text()) | {"status": "failed"}
    (folder / "run.json").write_text(json.dumps(gone))
    (one,) = standings(swept)

    assert (one.finished, one.planned) == (1, 2)
    assert one.state == "unfinished"  # nothing of it is running


def test_without_studies_it_says_how_to_get_one(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ls(["--sweeps"]) == 0
    assert "no studies in runs/.studies yet" in capsys.readouterr().out
    with pytest.raises(UserError, match="ls --sweeps"):
        ls(["--sweeps", "seed=1"])


def test_a_damaged_study_is_told(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((swept / ".studies").glob("*.json")).write_text("{}")
    assert ls(["--sweeps"]) == 0
    assert "a study as it was declared" in capsys.readouterr().err
