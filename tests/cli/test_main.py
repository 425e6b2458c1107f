import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from packages import faulty
from waiting import PATIENCE, started, until, until_it

from tlrun.cli import main as cli
from tlrun.core.errors import UserError

from problems import TINY
from properties import assert_one_line_each

ENDLESS = [*TINY[:2], "trainer.steps=10000000"]
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
# tl-run, which gives its processes more than the ten seconds of an impatient user to end
PATIENT = f"""
from tlrun.cli.main import command
from tlrun.sweeps.executors import local
assert local.GRACE
local.GRACE = {PATIENCE}
command()
"""
WHERE = """
import tlrun, tlrun.configs
print(tlrun.__file__, tlrun.configs.__file__)
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tlrun", *arguments]


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """What tl-run does with signals as a command is undone: here it is called from a test."""
    names = [name for name in ("SIGTERM", "SIGHUP", "SIGPIPE") if hasattr(signal, name)]
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize("stream", ["ascii", "closed"])
def test_a_stream_that_cannot_show_greek_or_is_closed_stops_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    """Python has None for a stream that the shell has closed: `tl-run … >&-`."""
    shown = io.BytesIO()
    out = io.TextIOWrapper(shown, encoding="ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", out if stream == "ascii" else None)
    monkeypatch.setattr("sys.argv", ["tl-run", *TINY, "strategy=joint", "controls=false"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    if stream == "closed":
        sys.stdout.close()  # what tl-run has opened instead

    assert end.value.code == 0
    assert len(list(here.rglob("result.json"))) == 1
    if stream == "ascii":
        assert "run    ?" in shown.getvalue().decode("ascii")


@pytest.mark.slow
def test_the_whole_command_goes_through_such_a_stream(here: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    ascii_only = subprocess.run(
        command(*TINY), env=environment, capture_output=True, text=True, check=False
    )
    closed = subprocess.run(
        f"{' '.join(command(*TINY))} >&-", shell=True, capture_output=True, text=True, check=False
    )

    assert (ascii_only.returncode, ascii_only.stderr) == (0, "")
    assert "joint, ?=1" in ascii_only.stdout
    assert (closed.returncode, closed.stderr) == (0, "")


def test_flags_may_stand_anywhere_and_keep_their_arguments(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["seed=7", "--cfg", "job", "strategy=joint"]) == 0
    shown = capsys.readouterr().out

    assert "seed: 7" in shown
    assert "name: joint" in shown
    assert list(here.iterdir()) == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tl-run 0.")


def test_commands_and_help_wait_for_neither_hydra_nor_torch(here: Path) -> None:
    program = """
import sys
from tlrun.cli.main import run
for line in ("--version", "--help", "ls", "ls --help", "show --help", "doctor --help",
             "ls --stages", "clean", "clean --help", "help strategy=fused lam", "help epochs"):
    assert run(line.split()) == 0
print(sorted({"torch", "hydra", "sklearn", "numpy"} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"


def test_a_typo_does_not_wait_for_torch(here: Path) -> None:
    program = """
import sys
from tlrun.cli.main import run
from tlrun.core.errors import UserError
try:
    run(["-m", "strategy=feature_transfr", "seed=x"])
except UserError as error:
    print(len(error.lines), "torch" in sys.modules, "numpy" in sys.modules, "rich" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["2", "False", "False", "False"]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["lss"], "lss: expected key=value or a command, found neither; did you mean ls?"),
        (
            ["reprot"],
            "reprot: expected key=value or a command, found neither; did you mean report? (",
        ),
        (
            ["ls", "strategy"],
            "ls: expected key=value, --all, --stages, --sweeps or --runs-dir PATH, found strategy",
        ),
        (["ls", "--runs-dir"], "--runs-dir: expected a folder after it, found nothing"),
        (
            ["clean", "--stage"],
            "clean: expected a flag, found --stage; did you mean --stages? (one of: --stages, ",
        ),
        (["show"], "show: expected one run, found 0"),
        (
            ["show", "nonesuch"],
            "show: expected a run, found none with nonesuch in its name in runs",
        ),
        (["doctor", "now"], "doctor: expected --verify or --runs-dir PATH, found now"),
        (["-x"], "-x: no flag of tl-run; options are set as key=value; see tl-run --help"),
    ],
)
def test_a_command_that_is_none_is_one_line(here: Path, typed: list[str], line: str) -> None:
    with pytest.raises(UserError) as caught:
        cli.run(typed)

    assert caught.value.lines[0].startswith(line)
    assert list(here.iterdir()) == []


def test_exit_code_and_one_line_from_outside(here: Path) -> None:
    done = subprocess.run(
        command("strategy=feature_transfr", "seed=1.5"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert_one_line_each(
        done.stderr,
        "did you mean feature_transfer?",
        "seed: expected a whole number >= 0, found 1.5",
    )


def is_training(here: Path) -> bool:
    """Whether a run has come to its first evaluation: far from its start, and from its end."""
    with suppress(FileNotFoundError):  # a folder that was only made to see whether it can be
        return bool(list(here.rglob("metrics.jsonl")))
    return False


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_signal_ends_the_run_cleanly(here: Path, number: signal.Signals, code: int) -> None:
    with started(command(*ENDLESS), **PIPES) as process:
        until_it(process, lambda: is_training(here), "an evaluation")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    (record,) = here.rglob("run.json")

    assert process.returncode == code
    assert "Traceback" not in errors
    assert f'"reason": "{number.name}"' in record.read_text()


def test_a_reader_that_leaves_early_sees_no_traceback(here: Path) -> None:
    done = subprocess.run(
        f"{' '.join(command('--help'))} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


def test_a_finished_run_is_shown_again_without_a_library_that_computes(here: Path) -> None:
    program = """
import sys
from tlrun.cli.main import run
assert run(sys.argv[1:]) == 0
print(sorted({"torch", "sklearn", "scipy", "numpy"} & set(sys.modules)), file=sys.stderr)
"""
    asked = [sys.executable, "-c", program, *TINY, "strategy=joint", "controls=false"]
    first, again = (subprocess.run(asked, **PIPES, text=True, check=True) for _ in range(2))

    assert first.stderr.strip() != "[]"
    assert again.stderr.strip() == "[]"
    read, trained = first.stdout.splitlines(), again.stdout.splitlines()
    assert read[:3] == trained[:3]  # the equation and the data
    assert "found" in again.stdout


ENDING = """
import atexit, os, sys, tempfile
from tlrun.cli import main as cli

class Late:
    def __del__(self):
        print("taken apart")

def run(argv):
    sys.late = Late()
    global folder
    folder = tempfile.TemporaryDirectory()
    print(folder.name)
    atexit.register(print, "handler of a plug-in")
    if argv == ["raise"]:
        raise KeyError("a bug")
    if argv == ["fork"]:
        child = os.fork()
        if child == 0:
            sys.exit(7)
        print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return int(argv[0]) if argv[0].isdigit() else 0

cli.run = run
cli.command()
"""


@pytest.mark.parametrize(("argument", "code"), [("0", 0), ("3", 3), ("raise", 1)])
def test_the_process_ends_with_its_code_once_everybody_else_has_tidied_up(
    here: Path, argument: str, code: int
) -> None:
    asked = [sys.executable, "-c", ENDING, argument]
    done = subprocess.run(asked, **PIPES, text=True, check=False)
    folder, *said = done.stdout.splitlines()

    assert done.returncode == code
    assert said == ["handler of a plug-in"]
    assert not Path(folder).exists()
    if argument == "raise":
        assert done.stderr.startswith("Traceback")
        assert done.stderr.splitlines()[-1] == "KeyError: 'a bug'"
    else:
        assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_process_split_from_ours_ends_with_a_code_of_its_own(here: Path) -> None:
    asked = [sys.executable, "-u", "-c", ENDING, "fork"]
    done = subprocess.run(asked, **PIPES, text=True, check=True)

    assert "child 7" in done.stdout.splitlines()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_what_could_not_be_printed_is_no_success(here: Path) -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    asked: dict[str, Any] = {"env": buffered, "stderr": subprocess.PIPE, "text": True}
    with open("/dev/full", "w") as full:
        program = [sys.executable, "-c", ENDING, "0"]
        done = subprocess.run(program, stdout=full, check=False, **asked)

    assert done.returncode == 1
    assert "No space left" in done.stderr


def test_called_from_a_program_it_does_not_end_that() -> None:
    program = """
from tlrun.cli import main as cli
cli.run = lambda argv: 3
try:
    cli.main()
except SystemExit as end:
    print(end.code)
"""
    done = subprocess.run([sys.executable, "-c", program], **PIPES, text=True, check=True)

    assert done.stdout == "3\n"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_sweep_cleanly_and_the_same_command_goes_on(
    here: Path, number: signal.Signals, code: int
) -> None:
    """Each process is given the time it takes to write down that it was interrupted."""
    asked = [sys.executable, "-c", PATIENT, *ENDLESS, "-m", "controls=false", "seed=0,1"]
    with started([*asked, "sweep.jobs=1"], **PIPES) as process:
        until_it(process, lambda: is_training(here), "an evaluation")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    (record,) = here.rglob("run.json")

    assert process.returncode == code
    assert_one_line_each(
        errors.strip(), "tl-run: stopped; the same command goes on from what is finished"
    )
    assert '"status": "interrupted"' in record.read_text()
    assert next(here.rglob("sweep.json")).read_text().count('"status": "interrupted"') == 1


@pytest.mark.slow
def test_a_launcher_that_is_killed_leaves_no_process_behind(here: Path) -> None:
    asked = command(*ENDLESS, "-m", "controls=false", "seed=0,1")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with started(asked, **silent) as process:
        until_it(process, lambda: is_training(here), "an evaluation")
        pids = [json.loads(path.read_text())["pid"] for path in here.rglob("run.json")]
        process.kill()

    assert pids
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the end of its runs")


@pytest.mark.slow
@pytest.mark.parametrize("_", [0, *(pytest.param(k, marks=pytest.mark.long) for k in range(1, 5))])
def test_eight_jobs_of_which_four_go_wrong_in_four_ways(here: Path, _: int) -> None:
    """One raises, one exits, one is killed, one hits a limit of memory: four finish, and the next
    time four run."""
    environment = os.environ | {"PYTHONPATH": str(faulty(here / "site"))}
    cases = "a,b,c,d,raise,exit,kill,memory"
    asked = command(
        *TINY, "-m", "strategy=faulty", f"strategy.case={cases}", "controls=false", "runs_dir=own"
    )
    first = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    finished = {path: path.stat().st_mtime_ns for path in here.rglob("result.json")}
    again = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)

    assert (first.returncode, again.returncode) == (1, 1)
    assert "4 trained now, 0 found, 4 failed." in first.stdout
    assert "0 trained now, 4 found, 4 failed." in again.stdout
    assert len(finished) == 4
    assert finished == {path: path.stat().st_mtime_ns for path in here.rglob("result.json")}
    for shown in (first.stderr, again.stderr):
        for why in ("raised on purpose", "SystemExit: 5", "killed by SIGKILL", "out of memory"):
            assert (
                sum(why in line and "; log: own/.sweeps/" in line for line in shown.splitlines())
                == 1
            )


@pytest.mark.slow
def test_a_wheel_works_from_another_folder(tmp_path: Path) -> None:
    """Built, installed without its dependencies beside those of this environment, and run
    elsewhere."""
    source = tmp_path / "source"
    repository = Path(__file__).parents[2]
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "src", "configs"):
        copy = shutil.copytree if (repository / name).is_dir() else shutil.copy
        copy(repository / name, source / name)
    for left in (source / "src").glob("*.egg-info"):
        shutil.rmtree(left)  # of the installation here, with a list of the files it had
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
    ]
    subprocess.run([*pip, str(source)], check=True)
    shutil.rmtree(source)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}

    done = subprocess.run(
        command(*TINY), cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
    )
    sweep = subprocess.run(
        command("experiment=smoke"),
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    where = subprocess.run(
        [sys.executable, "-c", WHERE],
        cwd=elsewhere, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "joint, λ=1" in done.stdout
    assert sweep.returncode == 0, sweep.stderr
    assert "8 jobs, 16 runs" in sweep.stdout
    assert all(str(tmp_path / "site") in path for path in where.stdout.split())
    assert [path.name for path in elsewhere.iterdir()] == ["runs"]


FULL = "[Errno 28] No space left on device: 'runs/.delivered/a/model.safetensors'"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "out of memory; try a smaller"),
        (RuntimeError("can't allocate memory"), "out of memory; try a smaller"),
        (
            shutil.Error([("a", "b", FULL), ("c", "d", FULL)]),
            "no space left on the disk; free some",
        ),
        (PermissionError(13, "Permission denied", "runs/x"), "runs/x: Permission denied"),
        (OSError("words of a library"), "words of a library"),
    ],
)
@pytest.mark.usefixtures("_own_signals")
def test_what_the_machine_is_to_blame_for_is_a_line_in_every_command(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    line: str,
) -> None:
    def ls(_: object) -> int:
        raise error

    monkeypatch.setattr("tlrun.cli.ls.ls", ls)
    monkeypatch.setattr(sys, "argv", ["tl-run", "ls"])
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 1
    assert_one_line_each(capsys.readouterr().err, line)


LITTLE = """
import resource, sys
import pyarrow.csv, torch, tlrun.cli.session, tlrun.data.tables.problem
from tlrun.cli.main import main
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + 48 * 2**20,) * 2)
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for its size")
def test_a_table_larger_than_memory_is_a_line(here: Path) -> None:
    """48 MB for a table of 100 MB."""
    row = ",".join(f"0.{k}12345" for k in range(20))
    (here / "table.csv").write_text(",".join(map("c{}".format, range(20))) + f"\n{row}" * 500_000)
    asked = ["dataset=table_csv", "dataset.path=table.csv", "dataset.predict=c0", "controls=false"]
    done = subprocess.run(
        [sys.executable, "-c", LITTLE, *TINY, "strategy=shared_parameters", *asked],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert_one_line_each(done.stderr, "out of memory; try a smaller")
