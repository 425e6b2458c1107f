import shlex
from pathlib import Path

import pytest
import yaml

from tlrun.cli import hydra_app as door
from tlrun.cli.hydra_app import enter
from tlrun.config.preflight import preflight
from tlrun.core.errors import UserError
from tlrun.runs.identity import node_of

from problems import TINY
from properties import assert_one_line_each


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
        ["seeds=10"],
        ["-m", "seeds=0"],
        ["-m", "seeds=3,5"],
        ["-m", "seeds=10", "seed=1"],
        ["-m", "sedes=10"],
        ["-m", "seed=auto"],
        ["-m", "verdict.alpha=0.5"],
        ["hydra.run.dir=x"],
    ],
)
def test_a_mistake_writes_nothing(here: Path, arguments: list[str]) -> None:
    with pytest.raises(UserError):
        enter(arguments)

    assert list(here.iterdir()) == []


def test_flags_and_overrides_in_any_order(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert enter(["seed=0,1", "-m", "strategy=scratch", *TINY]) == 0
    shown = capsys.readouterr().out

    assert "2 jobs, 2 runs" in shown
    assert sorted(path.name for path in here.iterdir()) == ["runs"]
    made = {path.name for path in (here / "runs").iterdir()}
    assert made - {".cache"} == {
        "digits",
        ".locks",
        ".studies",
        ".sweeps",
    }  # data may be remembered there


def test_a_folder_of_ones_own_in_hydras_hands(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine" / "experiment").mkdir(parents=True)
    text = (
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: '3,4', lam.value: "
        "inf}}}\n"
    )
    (here / "mine" / "experiment" / "two.yaml").write_text(text)

    assert (
        enter(
            [
                "--config-dir",
                "mine",
                "experiment=two",
                "strategy=parameter_transfer",
                *TINY,
                "controls=false",
            ]
        )
        == 0
    )
    assert "2 jobs, 2 runs" in capsys.readouterr().out
    assert sorted(path.name.split("_")[1] for path in (here / "runs").glob("digits/*/*")) == [
        "seed=3",
        "seed=4",
    ]


@pytest.mark.parametrize("query", ["strategy=fe", "experiment=which", "lam=sig"])
def test_the_shell_completes_groups(
    here: Path, query: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", f"tl-run {query}")
    monkeypatch.setenv("COMP_POINT", str(len(f"tl-run {query}")))
    assert door.enter(["--shell-completion", "query=bash"]) == 0

    assert capfd.readouterr().out.startswith(query)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (
            ["--shell-completion", "install=bsh"],
            "--shell-completion: expected install=, uninstall= or query=",
        ),
        (["--hydra-help", "hydra.x=1"], "--hydra-help: expected nothing after it"),
        (["--config-dir", ""], "--config-dir: expected a folder, found nothing"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(here: Path, typed: list[str], line: str) -> None:
    with pytest.raises(UserError) as caught:
        enter(typed)

    assert caught.value.lines[0].startswith(line)


def test_the_config_that_is_printed_is_the_one_that_is_run(
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With what was chosen as it suits the data."""
    table = ["dataset=table_csv", "dataset.path=x.csv"]
    assert enter([*table, "--cfg", "job"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    (job,) = preflight(table, multirun=False).jobs

    assert printed["strategy"] == node_of("strategy", job.run.strategy)
    assert printed["backbone"]["name"] == node_of("backbone", job.run.backbone)["name"] == "mlp"


def test_the_config_of_a_study_can_be_seen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert enter(["experiment=which_transfer", "--cfg", "job"]) == 0
    shown = capsys.readouterr().out

    assert shown.startswith(
        "# the first of 20 jobs; sweeps over strategy=feature_transfer,parameter_transfer seed=0,1,"
    )
    assert "name: feature_transfer" in shown


def test_the_next_command_keeps_the_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "my 'own" / "experiment").mkdir(parents=True)
    (here / "my 'own" / "experiment" / "x.yaml").write_text(
        "# @package _global_\ntrainer: {eval_every: 2}\n"
    )
    assert enter(["--config-dir", "my 'own", "experiment=x", "strategy=source_only", *TINY]) == 0

    printed = capsys.readouterr().out.strip().splitlines()[-1]
    assert shlex.split(printed)[1:3] == ["--config-dir", "my 'own"]


def test_a_gpu_that_is_not_there_is_one_line_and_nothing_starts(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for multirun in ([], ["-m", "seed=0,1"]):
        assert enter([*TINY, "device=cuda", *multirun]) == 2
        assert_one_line_each(
            capsys.readouterr().err, "device: expected CUDA for cuda, found PyTorch"
        )
    assert list(here.iterdir()) == []
