"""tlrun.run carries out what the command line would, and leaves the process as it was."""

import os
import random
import signal
import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch

from tlrun.api.run import run
from tlrun.cli.main import run as command_line
from tlrun.core.errors import RunFailed, UserError
from tlrun.runs.outcome import Outcome

from problems import TINY


def scores(outcome: Outcome) -> object:
    return outcome.path.name, outcome.result


def test_it_is_the_run_of_the_command_line_and_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first = run(*TINY, "λ=1")
    printed = capsys.readouterr()
    again = run(*TINY, "lam.value=1", runs_dir="runs")
    assert command_line([*TINY, "λ=1", "--wide"]) == 0

    assert (printed.out, printed.err) == ("", "")
    assert not first.run.found
    assert all(outcome.found for outcome in again.runs)
    assert list(map(scores, first.runs)) == list(map(scores, again.runs))
    table = capsys.readouterr().out
    for outcome in first.runs:
        assert str(outcome.path) in table
    assert table.count(" found ") == len(first.runs)
    assert first.run.path.parts[0] == "runs"


def test_its_gain_is_the_difference_of_the_scores_where_higher_is_better(tmp_path: Path) -> None:
    result = run(*TINY, runs_dir=tmp_path)

    assert "scratch" in result.controls
    for name, control in result.controls.items():
        mine, theirs = (o.result["headline"]["test"] for o in (result.run, control))
        assert result.gain(name) == pytest.approx(mine - theirs, abs=1e-12)
        assert name in str(result)
    with pytest.raises(UserError, match="found scrach; did you mean scratch"):
        result.gain("scrach")


def test_progress_is_printed_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*TINY, "strategy=scratch", "controls=false"]
    run(*words, runs_dir=tmp_path, progress=True)

    assert "4/4 steps" in capsys.readouterr().out


def state() -> dict[str, object]:
    """What a process has one of."""
    return {
        "cwd": Path.cwd(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "warnings": list(warnings.filters),
        "threads": torch.get_num_threads(),
        "deterministic": torch.get_deterministic_debug_mode(),
        "grad": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": str(np.random.get_state()),  # noqa: NPY002  # the global one is meant
        "random": random.getstate(),
        "environment": {k: v for k, v in os.environ.items() if k != "CUBLAS_WORKSPACE_CONFIG"},
    }


def test_it_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    torch.set_num_threads(2)
    before = state()
    run(*TINY, "controls=false", runs_dir=tmp_path)
    trained = state()
    with pytest.raises(UserError):
        run("trainer.steps=no")

    assert trained == before
    assert state() == before


def test_a_run_that_fails_raises_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> NoReturn:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("tlrun.runs.learn.learn", fails)
    with pytest.raises(RunFailed, match="ZeroDivisionError: inside") as failed:
        run(*TINY, runs_dir=tmp_path)

    assert failed.value.path is not None
    assert failed.value.path.is_relative_to(tmp_path)
