"""tl-run deliver: what is asked for and refused, and that its folder answers new rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from inline import Inline, lam, study

import tlrun
from tlrun.cli.deliver import deliver
from tlrun.core.errors import UserError
from tlrun.sweeps.executors import local

from problems import sign


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LocalExecutor", lambda _processes: Inline())


@pytest.mark.usefixtures("in_process")
def test_the_card_is_printed_and_the_folder_answers_new_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = study(tmp_path / "runs", lam(1.0))

    code = deliver(["--runs-dir", str(tmp_path / "runs"), name[:5], "--folds", "2", "prior=3"])

    assert code == 0
    out = capsys.readouterr().out
    assert f"study {name}" in out
    assert "target/digit: use" in out
    (folder,) = (tmp_path / "runs" / ".delivered").iterdir()
    made = json.loads((folder / "card.json").read_text())
    assert (made["prior"], made["folds"], made["method"]) == (3.0, 2, "stack")
    assert made["statement"] in (folder / "card.md").read_text()
    answers = tlrun.load(folder).predict(np.zeros((2, 1, 8, 8), dtype=np.float32))
    assert answers.shape == (2,)


@pytest.mark.usefixtures("in_process")
def test_a_run_brings_its_controls_and_an_installed_method_is_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study(tmp_path / "runs", lam(1.0))

    deliver(
        [
            "parameter_transfer/lam=1",
            "--method=best",
            "--folds=2",
            "--runs-dir",
            str(tmp_path / "runs"),
        ]
    )

    out = capsys.readouterr().out
    assert "alone" in out
    assert "study" not in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--method", "stak"], "--method: expected one of stack, best, gate, found stak; did you"),
        (["--metod", "best"], "did you mean --method"),
        (["--folds", "1"], "--folds: expected a whole number from 2 to 100, found 1"),
        (["--folds", "x"], "--folds: expected a whole number"),
        (["--prior", "-1"], "--prior: expected a number from 0"),
        (["--prior", "nan"], "--prior: expected a number from 0"),
        (["--seed"], "--seed: expected a value after it, found nothing"),
        ([], "expected a study, found none"),
        (["nothing_like_it"], "none with nothing_like_it in its name"),
    ],
)
def test_a_mistake_is_one_line(arguments: Sequence[str], told: str, here: Path) -> None:
    with pytest.raises(UserError) as caught:
        deliver(list(arguments))
    (line,) = caught.value.lines
    assert told in line
    assert not list(here.iterdir())


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert deliver(["--help"]) == 0
    assert "tl-run deliver" in capsys.readouterr().out


@pytest.mark.usefixtures("in_process")
def test_what_has_diverged_is_named_and_scratch_that_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "runs"
    study(home, lam(1.0))
    (spoilt,) = (home / "digits" / "source_only").iterdir()
    sign(spoilt, diverged={"task": "target/digit", "loss": 3e30, "constant": 2.3})

    assert deliver(["--runs-dir", str(home), "--folds", "2"]) == 0
    line = "left out: source_only, which has diverged"
    assert line in capsys.readouterr().out
    (folder,) = (home / ".delivered").iterdir()
    assert line in (folder / "card.md").read_text()
    for scratch in (home / "digits" / "scratch").iterdir():
        sign(scratch, diverged={"task": "target/digit", "loss": 3e30, "constant": 2.3})
    with pytest.raises(UserError, match=r"scratch, which has diverged.*smaller optimizer\.lr"):
        deliver(["--runs-dir", str(home), "--folds", "2"])
