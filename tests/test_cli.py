import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlrun import cli
from tlrun.errors import UserError

from properties import assert_one_line_each

TINY = ["backbone=mlp", "backbone.hidden=[8]", "trainer.steps=4", "trainer.batch_size=8"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tl-run"])
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tlrun", *arguments]


def test_one_command_answers_with_controls_and_the_next_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*TINY, "strategy=feature_transfer"]) == 0
    shown = capsys.readouterr().out

    assert shown.startswith("Feature transfer: min_w (L_S + λ L_T)/(1+λ)")
    for name in ("feature_transfer", "scratch", "scratch, total budget", "source_only", "joint, λ=1"):
        assert f"\n{name}" in shown
    assert "One seed proves nothing" in shown
    assert f"tl-run -m {' '.join(TINY)} strategy=feature_transfer seed=0,1,2,3,4,5,6,7,8,9" in shown.replace("'", "")
    assert sorted(path.name for path in here.iterdir()) == ["runs"]


def test_the_command_it_prints_works(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is an answer: one table, ten seeds, an interval for every control."""
    import shlex

    cli.run([*TINY, "seed=3"])
    printed = capsys.readouterr().out.strip().splitlines()[-1]
    assert cli.run(shlex.split(printed)[1:]) == 0
    shown = capsys.readouterr().out

    row = next(line for line in shown.splitlines() if line.startswith("feature_transfer"))
    assert row.split()[1:3] == ["1", "10"]
    assert row.count("±") == 5
    assert len(list((here / "runs" / "digits" / "scratch").iterdir())) == 20


def test_the_same_command_finds_its_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run([*TINY, "lam.value=0.1"])
    capsys.readouterr()
    assert cli.run([*TINY, "λ=1e-1"]) == 0

    assert capsys.readouterr().out.count(" found") == 5


def test_a_run_that_two_jobs_share_counts_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run([*TINY, "-m", "strategy=scratch", "lam.value=0,1", "seed=0,1,2"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "±" in line and "interval" not in line]

    assert [row[2] for row in rows] == ["3"]
    assert len(list((here / "runs" / "digits" / "scratch").iterdir())) == 3


def test_a_sweep_goes_on_after_a_failure_and_lists_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.run([*TINY, "-m", "controls=false", "dataset.classes=split", "lam.value=0,inf", "seed=0,1"])
    shown = capsys.readouterr()

    assert code == 1
    assert "2 of 4 jobs failed" in shown.err
    assert shown.out.count("failed: lam.value: expected more than 0") == 2  # as they happen
    assert shown.err.count("lam.value: expected more than 0") == 2  # and listed at the end
    assert len(list((here / "runs" / "digits" / "feature_transfer").iterdir())) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config-dir", "x"],
        ["--config-name", "x"],
        ["--experimental-rerun", "x"],
        ["--resolve"],
        ["-x"],
        ["--shell-completion"],
        ["strategy=nope"],
        ["runs_dir=/dev/null/x"],
        ["hydra.run.dir=x"],
    ],
)
def test_a_mistake_writes_nothing(here: Path, arguments: list[str]) -> None:
    with pytest.raises(UserError):
        cli.run(arguments)

    assert list(here.iterdir()) == []


def test_a_mistake_that_only_the_data_can_tell_has_exit_code_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*TINY, "dataset.labels_per_class=900"]) == 2

    assert_one_line_each(capsys.readouterr().err, "dataset.labels_per_class: expected at most")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", [".locks", "digits"])
def test_a_file_where_a_folder_belongs_is_one_line(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (here / "runs").mkdir()
    (here / "runs" / name).write_text("mine")

    assert cli.run(TINY) == 1
    assert_one_line_each(capsys.readouterr().err, f"runs/{name}")
    assert (here / "runs" / name).read_text() == "mine"


def test_a_stream_that_cannot_show_greek_or_is_closed_stops_nothing(here: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    ascii_only = subprocess.run(command(*TINY), env=environment, capture_output=True, text=True, check=False)
    closed = subprocess.run(f"{' '.join(command(*TINY))} >&-", shell=True, capture_output=True, text=True, check=False)

    assert (ascii_only.returncode, ascii_only.stderr) == (0, "")
    assert "joint, ?=1" in ascii_only.stdout
    assert (closed.returncode, closed.stderr) == (0, "")


def test_flags_may_stand_anywhere_and_keep_their_arguments(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["seed=7", "--cfg", "job", "strategy=joint"]) == 0
    shown = capsys.readouterr().out

    assert "seed: 7" in shown
    assert "name: joint" in shown
    assert list(here.iterdir()) == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tl-run 0.")


def test_help_teaches_in_one_screen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.run(["--help"])
    shown = capsys.readouterr().out

    assert len(shown.splitlines()) < 40
    for word in ("does it hurt?", "feature_transfer", "tl-run -m", "λ=inf", "strategy: "):
        assert word in shown


def test_exit_code_and_one_line_from_outside(here: Path) -> None:
    done = subprocess.run(command("strategy=feature_transfr", "seed=1.5"), capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert_one_line_each(done.stderr, "did you mean feature_transfer?", "seed: expected a whole number >= 0, found 1.5")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_cleanly(here: Path, number: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        command("trainer.steps=100000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(here.rglob("metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    (record,) = here.rglob("run.json")

    assert process.returncode == code
    assert "Traceback" not in errors
    assert f'"reason": "{number.name}"' in record.read_text()


def test_a_reader_that_leaves_early_sees_no_traceback(here: Path) -> None:
    done = subprocess.run(
        f"{' '.join(command('--help'))} | head -1", shell=True, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


@pytest.mark.slow
def test_a_wheel_works_from_another_folder(tmp_path: Path) -> None:
    """Built, installed without its dependencies beside those of this environment, and run elsewhere."""
    source = tmp_path / "source"
    repository = Path(__file__).parents[1]
    shutil.copytree(repository, source, ignore=shutil.ignore_patterns(".venv", ".git", "runs", "build", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "site")]
    subprocess.run([*pip, str(source)], check=True)
    shutil.rmtree(source)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}

    done = subprocess.run(command(*TINY), cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    where = subprocess.run(
        [sys.executable, "-c", "import tlrun, tlrun.configs; print(tlrun.__file__, tlrun.configs.__file__)"],
        cwd=elsewhere, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "joint, λ=1" in done.stdout
    assert all(str(tmp_path / "site") in path for path in where.stdout.split())
    assert [path.name for path in elsewhere.iterdir()] == ["runs"]
