import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tlrun.cli.show import show
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight
from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS, plan
from tlrun.runs.remembered import ProblemCache

from problems import Watcher, config, outcomes_of, performed, planned


@pytest.fixture
def run(tmp_path: Path) -> Path:
    performed(planned(config(tmp_path, strategy={"name": "joint"}), Watcher()), THIS, Watcher())
    return performed(planned(config(tmp_path), Watcher()), THIS, Watcher()).path


@pytest.mark.parametrize("how", ["path", "id", "part"])
def test_one_run_in_full(run: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"path": str(run), "id": run.name[-12:], "part": "parameter_transfer/lam=1"}[how]
    assert show([asked, "--runs-dir", str(run.parents[2])]) == 0
    shown = capsys.readouterr().out

    for word in (
        "finished",
        "719 (source) + 50 (target) labels, 12 steps",
        "opened 1 time",
        "stage target, step 6",
    ):
        assert word in shown
    assert "  stages      source " in shown
    assert "parameters, " in shown
    assert "test      target/digit" in shown
    assert "predictions.safetensors" in shown


CHANGES: dict[str, dict[str, Any]] = {
    "numbers and words": {},
    "null": {"strategy": {"name": "structure_transfer", "structure": "stats", "density": None}},
    "nodes within nodes": {
        "dataset": {"name": "digits_domains", "target": "noise"},
        "strategy": {"name": "fused", "first": {"name": "task_relation", "relation": "mean"}},
    },
    "a table of names": {
        "dataset": {"name": "digits_binary"},
        "strategy": {
            "name": "task_relation",
            "relation": "graph",
            "graph": [
                ["it's", "odd", "prime", "at_least_five"],
                ["odd", 0, 1, 0],
                ["prime", 1, 0, 0.5],
                ["at_least_five", 0, 0.5, 0],
            ],
        },
    },
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_the_command_it_prints_is_that_run(
    changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = performed(planned(config(tmp_path, **changes), Watcher()), THIS, Watcher()).path
    capsys.readouterr()
    show([str(run)])
    again = next(
        line for line in capsys.readouterr().out.splitlines() if line.startswith("again: ")
    )
    words = shlex.split(again.removeprefix("again: tl-run "))
    (job,) = preflight([rewrite(word) for word in words], multirun=False).jobs

    assert plan(job.run, ProblemCache(), Watcher()).run_dir.path == run


def test_a_failed_run_says_why(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "result.json").unlink()
    (run / "run.json").write_text('{"status": "failed", "reason": "[red]out of memory\\u001b[2J"}')
    show([str(run)])

    assert "failed: [red]out of memory�[2J" in capsys.readouterr().out


def test_which_run_must_be_clear(run: Path) -> None:
    for asked, line in (
        ("lam=1", "expected one run, found 2 with lam=1"),
        ("zzz", "expected a run, found none with zzz"),
    ):
        with pytest.raises(UserError, match=f"show: {line}"):
            show([asked, f"--runs-dir={run.parents[2]}"])


def test_a_typo_gets_the_run_that_is_near(run: Path) -> None:
    runs_dir = run.parents[2]
    identity = run.name[-12:]
    wrong = ("z" if identity[5] != "z" else "y").join([identity[:5], identity[6:]])
    for asked in (wrong, wrong[:8]):
        with pytest.raises(UserError, match=f"did you mean .*{run.name}"):
            show([asked, f"--runs-dir={runs_dir}"])
    with pytest.raises(UserError, match="see tl-run ls"):
        show(["qqqqqqqqqqqq", f"--runs-dir={runs_dir}"])


def test_its_losses_and_its_controls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = outcomes_of(config(tmp_path, controls=True), Watcher())
    capsys.readouterr()
    show([str(outcomes[0].path)])
    shown = capsys.readouterr().out

    for other in outcomes[1:]:
        assert f"{other.name} " in shown
        assert other.path.name[-12:] in shown
    assert "not there" not in shown
    assert any(line.split()[:3] == ["source", "L_S", "4-6"] for line in shown.splitlines())


def test_controls_that_are_missing_are_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show([str(run)])
    shown = capsys.readouterr().out

    assert "not there; the command below makes them" in shown


def test_its_help_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show(["--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    "line",
    [
        '{"stage": "target", "step": 6, "terms": {"L_T": null, "L_S": "inf"}, "val": {"a": 3}}',
        '{"stage": "target", "step": "six", "terms": {"L_T": 1.0}}',
        '{"stage": "target", "step": 6, "terms": [1.0]}',
    ],
)
def test_curves_with_no_numbers_in_them_are_no_traceback(run: Path, line: str) -> None:
    (run / "metrics.jsonl").write_text(f"{line}\n")

    assert show([str(run)]) == 0


def test_a_run_that_has_diverged_says_how_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far = config(
        tmp_path,
        optimizer={"name": "sgd", "lr": 1000.0},
        strategy={"name": "scratch"},
        trainer={"name": "trainer", "steps": 1, "batch_size": 16},
    )
    done = performed(planned(far, Watcher()), THIS, Watcher())
    show([str(done.path)])

    said = " ".join(capsys.readouterr().out.split())
    assert "diverged test loss" in said
    assert "of one answer for all 2.3; try a smaller optimizer.lr" in said


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl"])
@pytest.mark.parametrize("pipe", [False, True])
def test_a_file_of_another_run_is_named_and_not_shown(
    run: Path, name: str, pipe: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (other,) = (run.parents[1] / "joint").iterdir()
    assert show([str(run)]) == 0
    whole = capsys.readouterr().out
    (run / name).unlink()
    if pipe:
        os.mkfifo(run / name)
    else:
        shutil.copy(other / name, run / name)
    assert show([str(run)]) == 0
    shown = capsys.readouterr().out

    assert f"damaged: {name}" in shown
    assert "the same command makes it again" in " ".join(shown.split())
    for word, of in (("again: tl-run", "config.yaml"), ("last row", "metrics.jsonl")):
        assert word in whole
        assert (word in shown) == (of != name)
