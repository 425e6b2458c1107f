import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from tlrun.config.hydra_main import through_hydra


def test_hydra_calls_the_task_with_what_it_composes(here: Path) -> None:
    seen: list[Any] = []

    def task(config: DictConfig) -> None:
        seen.append(OmegaConf.to_container(config, resolve=True))

    assert not through_hydra(task, ["++seed=3", "strategy=joint"])
    assert [(config["seed"], config["strategy"]["name"]) for config in seen] == [(3, "joint")]
    assert sys.argv == ["tl-run", "++seed=3", "strategy=joint"]
    assert list(here.iterdir()) == []  # no outputs/ of Hydra's


def test_a_launcher_of_hydras_calls_it_once_a_job(here: Path) -> None:
    seeds: list[int] = []
    argv = ["++seed=3,4", "hydra/launcher=basic", "hydra.mode=MULTIRUN"]

    assert not through_hydra(lambda config: seeds.append(config.seed), argv)
    assert seeds == [3, 4]
    written = [path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()]
    assert written == ["runs/.sweeps/multirun.yaml"]


def test_a_flag_is_answered_without_the_task(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def task(_: DictConfig) -> None:
        raise AssertionError

    assert not through_hydra(task, ["++seed=7", "--cfg", "job"])
    assert "seed: 7" in capsys.readouterr().out


def test_where_hydra_gives_up_it_has_said_why(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def task(_: DictConfig) -> None:
        raise AssertionError

    assert through_hydra(task, ["nothing=1"])
    assert "nothing" in capsys.readouterr().err
