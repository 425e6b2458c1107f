import math
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.cli import ls as listing
from tlrun.cli.ls import ls
from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS
from tlrun.store.found import FoundRun, runs

from problems import Watcher, config, performed, planned, sign


@pytest.fixture
def three(tmp_path: Path) -> str:
    for changes in (
        {"strategy": {"name": "scratch", "budget": "target"}},
        {"lam": {"name": "constant", "value": math.inf}},
        {
            "lam": {"name": "constant", "value": 0.1},
            "seed": 3,
            "optimizer": {"name": "adam", "lr": 1e-5},
        },
    ):
        performed(planned(config(tmp_path, **changes), Watcher()), THIS, Watcher())
    return str(tmp_path)


def rows(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(("finished", "failed"))
    ]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ([], 3),
        (["status=finished"], 3),
        (["status=failed"], 0),
        (["strategy=scratch"], 1),
        (["strategy=parameter_transfer"], 2),
        (["λ=∞"], 1),
        (["lam.value=1e-1"], 1),
        (["lam.value=0.10", "seed=3"], 1),
        (["lam.value=0.10", "seed=0"], 0),
        (["optimizer.lr=0.00001"], 1),
        (["backbone.hidden=[16]"], 3),
    ],
)
def test_runs_are_chosen_by_what_they_are(
    three: str, asked: list[str], count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ls([*asked, "--runs-dir", three]) == 0
    assert len(rows(capsys)) == count


def test_the_last_ones_or_all(
    three: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LAST", 2)
    ls([f"runs_dir={three}"])
    shown = capsys.readouterr().out
    ls(["--all", f"--runs-dir={three}"])

    assert "2 of 3 runs (all: --all)" in shown
    assert "scratch" not in shown.split("One of them")[0]  # the oldest
    assert len(rows(capsys)) == 3


def test_a_key_that_no_run_has_is_a_mistake(three: str) -> None:
    with pytest.raises(
        UserError,
        match=r"ls: expected a key of some run, found stratgy; did you mean strategy\? \(one of: ",
    ):
        ls(["stratgy=x", "--runs-dir", three])


def test_no_runs_yet_says_how_to_get_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ls(["status=failed"]) == 0
    assert (
        "no runs in runs yet; the first: tl-run strategy=feature_transfer"
        in capsys.readouterr().out
    )
    assert list(here.iterdir()) == []


def test_where_a_data_set_s_folder_has_gone_that_is_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "runs").mkdir()
    (here / "runs" / "digits").symlink_to("digits")
    assert ls([]) == 0
    assert capsys.readouterr().out.strip() == (
        "no runs in runs; runs/digits: expected a folder, found a link that leads to no folder"
    )


def test_what_tells_runs_apart_is_shown(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    ls(["strategy=parameter_transfer", "--runs-dir", three])
    shown = capsys.readouterr().out

    assert "lr=0.003" in shown
    assert "lr=1e-05" in shown
    assert "hidden" not in shown  # all share it
    ls(["strategy=scratch", "--runs-dir", three])
    assert "settings" not in capsys.readouterr().out  # one run alone


def test_settings_of_a_config_that_is_not_what_it_was_are_not_shown(
    three: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = (run.run_dir.path / "config.yaml" for run in runs(Path(three)) if _is_slow(run))
    file.write_text(file.read_text().replace("lr: 1.0e-05", "lr: 7.0e-05"))
    ls(["--runs-dir", three])
    assert "lr=7e-05" not in capsys.readouterr().out
    ls(["optimizer.lr=0.00007", "--runs-dir", three])
    assert "none of 3 runs" in capsys.readouterr().out


def _is_slow(run: FoundRun) -> bool:
    return bool(run.record["optimizer"]["lr"] == 1e-5)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_a_table_fits_its_terminal_and_keeps_names_whole(three: str, width: int) -> None:
    console = Console(width=width, markup=False)
    found = list(runs(Path(three)))
    with console.capture() as shown:
        console.print(listing._table(found, width))
    lines = shown.get().splitlines()

    assert max(map(len, lines)) <= width
    for run in found:
        assert any(run.run_dir.name in line for line in lines) or width >= 130


def test_its_help_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    ls(["--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_loss_far_from_any_sense_is_not_called_finished(
    three: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far = config(
        tmp_path,
        optimizer={"name": "sgd", "lr": 1000.0},
        strategy={"name": "scratch"},
        trainer={"name": "trainer", "steps": 1, "batch_size": 16},
    )
    performed(planned(far, Watcher()), THIS, Watcher())
    ls(["--runs-dir", three])
    assert capsys.readouterr().out.count("diverged") == 1
    ls(["status=diverged", "--runs-dir", three])
    assert "1 runs in" in capsys.readouterr().out
    ls(["status=finished", "--runs-dir", three])
    assert len(rows(capsys)) == 3


def test_a_run_gone_on_with_under_another_fingerprint_is_no_plain_finished_one(
    three: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = next(iter(runs(Path(three)))).run_dir.path
    sign(one, inexact="torch 1 then, 2 now")
    ls(["status=inexact", "--runs-dir", three])
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("inexact"))
    ls(["--runs-dir", three])

    assert one.name[-12:] in row
    assert len(rows(capsys)) == 2


def test_a_time_that_is_none_moves_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = Console(width=200, markup=False)
    monkeypatch.setattr(listing, "make_console", lambda: wide)
    performed(planned(config(tmp_path), Watcher()), THIS, Watcher())
    (run,) = runs(tmp_path)
    sign(run.run_dir.path, started="x\x1b[31m")

    assert ls(["--runs-dir", str(tmp_path)]) == 0
    (row,) = rows(capsys)
    assert row.rstrip().endswith("x�[31m")
