import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from packages import faulty
from waiting import PATIENCE, started, until_it

from tlrun.cli.hydra_app import enter as run
from tlrun.cli.session import processes, say_failed
from tlrun.config import plugins
from tlrun.config.preflight import preflight
from tlrun.config.registry import find
from tlrun.core.errors import Mistake, RunFailed, UserError
from tlrun.report.study.build import build_report
from tlrun.store.files import read_json
from tlrun.store.studydir import studies
from tlrun.strategies.base import Control
from tlrun.sweeps.executors.local import LocalExecutor

from problems import TINY
from properties import assert_one_line_each, assert_same_run


def test_one_command_answers_with_controls_and_the_next_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TINY, "strategy=feature_transfer"]) == 0
    shown = capsys.readouterr().out

    assert shown.startswith("Feature transfer: min_w (L_S + λ L_T)/(1+λ)")
    for name in (
        "feature_transfer",
        "scratch",
        "scratch, total budget",
        "source_only",
        "joint, λ=1",
    ):
        assert any(line.lstrip(" *>").startswith(f"{name}  ") for line in shown.splitlines())
    assert "One seed proves nothing" in shown
    assert f"tl-run -m {' '.join(TINY)} strategy=feature_transfer seeds=10" in shown.replace(
        "'", ""
    )
    assert sorted(path.name for path in here.iterdir()) == ["runs"]


@pytest.mark.slow
def test_the_command_it_prints_works(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is an answer: one table, ten seeds, an interval for the score and every control."""
    import shlex

    run([*TINY, "seed=3"])
    printed = capsys.readouterr().out.strip().splitlines()[-1]
    assert run(shlex.split(printed)[1:]) == 0
    shown = capsys.readouterr().out

    row = next(line for line in shown.splitlines() if "  feature_transfer  " in line)
    assert row.split("feature_transfer")[1].split()[0] == "1"
    assert row.count("±") == 5
    assert "50 runs (controls included" in shown
    assert len(list((here / "runs" / "digits" / "scratch").iterdir())) == 20


def test_the_same_command_finds_its_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run([*TINY, "lam.value=0.1"])
    capsys.readouterr()
    assert run([*TINY, "λ=1e-1"]) == 0

    assert capsys.readouterr().out.count(" found") == 5


def test_a_run_that_two_jobs_share_counts_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*TINY, "-m", "strategy=scratch", "lam.value=0,1", "seed=0,1,2"])
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if "±" in line]

    assert [row[:2] for row in rows if row[0] != "3"] == [["scratch", "–"]]  # no "3 seeds. …"
    assert "3 runs (controls included" in shown
    assert len(list((here / "runs" / "digits" / "scratch").iterdir())) == 3


def test_a_sweep_is_declared_with_the_command_that_makes_it_again(here: Path) -> None:
    """As it was typed, a study's name and all; the table of another command is no study."""
    asked = [*TINY, "strategy=scratch", "λ=1", "+seed=0", "controls=false"]
    assert run(asked) == 0
    assert studies(here / "runs") == []
    assert run([*asked[:-2], "rerun=true", "seeds=1", "-m", "runs_dir=a b"]) == 0
    (study,) = studies(here / "a b")

    assert study.command == (
        f"tl-run -m {' '.join(TINY[:1])} 'backbone.hidden=[8]' {' '.join(TINY[2:])} "
        "strategy=scratch lam.value=1 seeds=1 'runs_dir=a b'"
    )
    assert (study.seeds, study.auto) == ((0,), False)


def test_a_mistake_that_only_the_data_can_tell_has_exit_code_2(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TINY, "dataset.labels_per_class=900"]) == 2

    assert_one_line_each(capsys.readouterr().err, "dataset.labels_per_class: expected at most")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(("name", "code"), [(".locks", 2), ("digits", 1)])
def test_a_file_where_a_folder_belongs_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    (here / "runs").mkdir()
    (here / "runs" / name).write_text("mine")

    assert run(TINY) == code
    assert_one_line_each(capsys.readouterr().err, f"runs/{name}")
    assert (here / "runs" / name).read_text() == "mine"


def test_a_sweep_shares_runs_and_does_nothing_twice(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        *TINY,
        "-m",
        "strategy=feature_transfer,parameter_transfer",
        "lam.value=1,inf",
        "seed=0,1",
    ]
    assert run(asked) == 0
    first = capsys.readouterr().out
    before = {
        path: path.stat().st_mtime_ns
        for path in (here / "runs" / "digits").rglob("*")
        if path.is_file()
    }
    assert run(asked) == 0
    second = capsys.readouterr().out

    assert (
        "8 jobs, 16 runs (controls included, what jobs share once): 16 trained now, 0 found."
        in first
    )
    # two seeds; eight transfers and two source models need one
    assert "Shared stages: 2 trained, 8 found." in first
    assert "0 trained now, 16 found." in second
    assert [line for line in first.splitlines() if "±" in line] == [
        line for line in second.splitlines() if "±" in line
    ]
    assert before == {
        path: path.stat().st_mtime_ns
        for path in (here / "runs" / "digits").rglob("*")
        if path.is_file()
    }


def test_a_sweep_is_its_runs_one_by_one_to_the_bit(here: Path) -> None:
    run([*TINY, "strategy=parameter_transfer", "seed=1"])
    run([*TINY, "-m", "strategy=parameter_transfer", "seed=1", "runs_dir=swept"])
    alone = sorted((here / "runs" / "digits").rglob("result.json"))

    assert len(alone) == 5
    for path in alone:
        assert_same_run(path.parent, here / "swept" / path.parent.relative_to(here / "runs"))


def test_mistakes_of_any_job_are_told_before_any_starts(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """lam.value=0 does not fit a new label space, and 99 labels a class are not there: only the
    data can tell."""
    code = run(
        [
            *TINY,
            "-m",
            "dataset.classes=split",
            "lam.value=0,inf",
            "dataset.labels_per_class=5,99",
            "seed=0,1",
        ]
    )
    shown = capsys.readouterr()

    assert code == 2
    assert_one_line_each(
        "\n".join(sorted(shown.err.splitlines())),
        "dataset.labels_per_class: expected at most",
        "lam.value: expected more than 0",
    )
    assert list(here.iterdir()) == []


def test_failing_runs_are_listed_and_the_same_command_runs_only_those(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(faulty(here / "site")))
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)
    asked = [*TINY, "-m", "strategy=faulty", "strategy.case=a,raise,b,quit", "controls=false"]
    assert run(asked) == 1
    first = capsys.readouterr()
    assert run(asked) == 1
    second = capsys.readouterr()

    assert (
        "4 jobs, 4 runs (controls included, what jobs share once): 2 trained now, 0 found, 2 "
        "failed."
    ) in first.out
    assert "0 trained now, 2 found, 2 failed." in second.out
    for shown in (first, second):
        head, *lines = shown.err.strip().splitlines()
        assert head == "tl-run: 2 runs failed; the same command runs these again, and only these:"
        assert "ValueError: raised on purpose" in lines[0]
        assert "the process ended with exit code 7" in lines[1]
        assert all(Path(line.split("; log: ")[1]).is_file() for line in lines)
    statuses = [read_json(path)["status"] for path in here.glob("runs/digits/faulty/*/run.json")]
    assert sorted(statuses) == ["failed", "failed", "finished", "finished"]


def test_a_control_that_fails_leaves_the_rest_of_the_table(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(faulty(here / "site")))
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)
    broken = {"broken": Control(find("strategy", "faulty")(case="raise"))}
    monkeypatch.setattr("tlrun.strategies.scratch.Scratch.controls", lambda self, problem: broken)
    assert run([*TINY, "-m", "strategy=scratch", "seed=0,1"]) == 1
    shown = capsys.readouterr()

    assert "2 trained now, 0 found, 2 failed." in shown.out
    assert any(line.split()[:2] == ["scratch", "–"] for line in shown.out.splitlines())


def processes_of(*overrides: str) -> int:
    (job,) = preflight(overrides, multirun=False).jobs
    return processes(job.run)


def test_as_many_processes_as_the_cores_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)

    assert processes_of() == 6
    assert processes_of("threads=4") == 1
    assert processes_of("threads=3") == 2
    assert processes_of("threads=9") == 1
    assert processes_of("sweep.jobs=5") == 5
    assert processes_of("sweep.jobs=5", "threads=6") == 5


def test_where_a_system_knows_no_affinity_all_cores_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    assert processes_of() == 3
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert processes_of() == 1


def table(path: Path, seed: int, noise: float) -> None:
    """A table of which two columns can be predicted, the better the less `noise` there is."""
    draw = random.Random(seed)
    rows = ["x,y,z"]
    for _ in range(80):
        x = draw.gauss(0, 1)
        answers = ["yes" if x + draw.gauss(0, noise) > 0 else "no" for _ in range(2)]
        rows.append(",".join([f"{x:.6f}", *answers]))
    path.write_text("\n".join(rows), encoding="utf-8")


TABLE = [
    "dataset=table_csv", "dataset.predict=[y,z]", "strategy=shared_parameters", "controls=false",
    "backbone=identity", "trainer.steps=30", "optimizer.lr=0.1",
]  # fmt: skip


def test_wide_has_more_of_a_run_and_of_a_sweep(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*TINY, "strategy=scratch", "controls=false"]
    shown = {}
    for command in (asked, [*asked, "-m", "seeds=2"]):
        for flags in ([], ["--wide"]):
            assert run([*command, *flags]) == 0
            shown[len(command), bool(flags)] = capsys.readouterr().out

    for length in {length for length, _ in shown}:
        assert "--wide" in shown[length, False]
        assert "--wide" not in shown[length, True]
    assert "examples: drawn in training" in shown[len(asked), True]
    assert "examples: drawn in training" not in shown[len(asked), False]
    assert "of computing" in shown[len(asked) + 2, True]
    assert "of computing" not in shown[len(asked) + 2, False]


SWEEP = [
    "backbone=mlp", "trainer.steps=200", "-m", "strategy=feature_transfer", "lam.value=0,1",
    "seeds=5",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sweep_that_is_stopped_tells_what_there_is_and_its_command_ends_as_if_it_had_not_been(
    here: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    def finished() -> list[int]:
        """The seeds of all finished runs."""
        records = [json.loads(path.read_text()) for path in here.glob("runs/digits/*/*/run.json")]
        return sorted(each["seed"] for each in records if each["status"] == "finished")

    def whole() -> list[int]:
        """The seeds of which all six runs are finished."""
        return [seed for seed in range(5) if finished().count(seed) == 6]

    asked = [sys.executable, "-m", "tlrun", *SWEEP, "sweep.jobs=1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(asked, **pipes) as process:
        until_it(process, lambda: bool(whole()), "a whole seed")
        process.send_signal(number)
        shown, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode == code
    assert_one_line_each(
        errors.strip(), "tl-run: stopped; the same command goes on from what is finished"
    )
    (said,) = re.findall(r"(\d+) of 30 runs are finished: seeds? (?:0-)?(\d) of 5", shown)
    assert 6 <= int(said[0]) < 30
    assert len(finished()) == int(said[0])
    assert whole() == list(range(int(said[1]) + 1))
    assert "No verdict" in shown
    assert " of 5 declared. Who stops where a word comes" in shown
    assert shown.count("control") >= 4

    for runs_dir in ("runs", "whole"):
        assert run([*SWEEP, f"runs_dir={runs_dir}"]) == 0
    ends = capsys.readouterr().out
    assert f"{30 - int(said[0])} trained now, {said[0]} found." in ends
    assert "30 trained now, 0 found." in ends
    one, other = (build_report([here / name]).studies[0] for name in ("runs", "whole"))
    assert [(arm.label, arm.score, arm.gains, arm.word) for arm in one.arms] == [
        (arm.label, arm.score, arm.gains, arm.word) for arm in other.arms
    ]
    assert (one.verdict, one.more, one.deviations) == (other.verdict, other.more, other.deviations)


@pytest.mark.parametrize("broken", [OSError("no pipe"), SystemExit(1)])
def test_a_pipe_that_is_gone_does_not_change_how_a_stopped_sweep_ends(
    here: Path, monkeypatch: pytest.MonkeyPatch, broken: BaseException
) -> None:
    """`tl-run -m … | tee log`: Ctrl-C ends tee too, and rich leaves where its pipe is gone."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def gone(*_: object, **__: object) -> None:
        raise broken

    monkeypatch.setattr(LocalExecutor, "run", stop)
    monkeypatch.setattr("tlrun.report.closing.how_far", gone)
    with pytest.raises(KeyboardInterrupt):
        run(["-m", *TINY, "strategy=scratch", "seeds=1"])


@pytest.mark.parametrize("sweep", [[], ["-m", "seed=0,1"]])
@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("can't allocate memory"), OSError(12, "Cannot allocate memory")],
)
def test_no_memory_to_read_the_data_is_a_line(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sweep: list[str],
    error: Exception,
) -> None:
    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr(find("dataset", "digits"), "load", load)
    assert run([*TINY, *sweep]) == 1
    assert_one_line_each(capsys.readouterr().err, "out of memory; try a smaller")


def test_a_backbone_larger_than_any_memory_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*TINY[2:], "backbone=mlp", "backbone.hidden=[10000000000000]", "controls=false"]
    assert run(asked) == 1
    assert_one_line_each(capsys.readouterr().err, "out of memory; try a smaller")
    (record,) = here.glob("runs/*/*/*/run.json")
    assert read_json(record)["status"] == "failed"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError(Mistake("seed", "a whole number", "x")), 2, "seed: expected a whole number"),
        (RunFailed("it went wrong", Path("runs/x")), 1, "runs/x: it went wrong"),
        (OSError(28, "No space left on device"), 1, "no space left on the disk; free some"),
        (OSError("words of a library"), 1, "words of a library"),
        (KeyError("a plug-in's"), 1, "KeyError: "),
    ],
)
def test_whatever_planning_raises_is_a_line(
    error: Exception, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say_failed(error) == code
    assert_one_line_each(capsys.readouterr().err, line)
