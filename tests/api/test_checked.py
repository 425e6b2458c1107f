"""What is asked for in Python is checked as a command line is."""

import shlex
import sys
from pathlib import Path

import pytest
from hydra import initialize
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from tlrun.api.checked import checked
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight
from tlrun.core.errors import UserError

from problems import TINY


def test_it_asks_for_what_the_command_line_does(tmp_path: Path) -> None:
    words = [*TINY, "strategy=joint", "λ=0,1", "seeds=3"]
    asked = checked(words, multirun=True, runs_dir=tmp_path / "it's [here]")
    typed = preflight([rewrite(word) for word in words], multirun=True)

    assert [job.overrides[:-1] for job in asked.request.jobs] == [j.overrides for j in typed.jobs]
    assert asked.runs_dir == tmp_path / "it's [here]"
    assert not asked.runs_dir.exists()


def test_its_command_asks_for_the_same(tmp_path: Path) -> None:
    asked = checked([*TINY, "λ=1", "rerun=true"], multirun=False, runs_dir=tmp_path / "a b")
    first, *words = shlex.split(asked.command)
    again = preflight(words, multirun=False)

    assert first == "tl-run"
    assert again.jobs[0].run.runs_dir == str(tmp_path / "a b")
    assert again.jobs[0].run.strategy == asked.request.jobs[0].run.strategy
    assert (again.jobs[0].run.rerun, asked.request.jobs[0].run.rerun) == (False, True)


def test_every_mistake_is_told_in_the_words_of_the_command_line() -> None:
    with pytest.raises(UserError) as told:
        checked(["strategy=jiont", "sed=1"], multirun=False)
    with pytest.raises(UserError) as typed:
        preflight(["strategy=jiont", "sed=1"], multirun=False)

    assert told.value.mistakes == typed.value.mistakes
    assert len(told.value.mistakes) == 2


def test_what_a_flag_asks_for_on_the_command_line_python_has_its_own_word_for() -> None:
    for words in (["seed=0,1"], ["seeds=3"]):
        with pytest.raises(UserError, match=r"; call tlrun\.sweep to sweep over") as told:
            checked(words, multirun=False)
        assert "-m" not in str(told.value)
    with pytest.raises(UserError, match=r"expected one job, found \d+ jobs; tlrun.sweep"):
        checked(["experiment=which_transfer"], multirun=False)
    with pytest.raises(UserError, match="override: expected key=value, found -m"):
        checked(["-m", "seed=0"], multirun=True)
    with pytest.raises(UserError, match="override: expected text, key=value, found 3"):
        checked([3], multirun=True)  # type: ignore[list-item]
    with pytest.raises(UserError, match="hydra/launcher"):
        checked(["hydra/launcher=basic", "seed=0,1"], multirun=True)


def test_yamls_of_the_users_own_are_found_and_looked_through(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    file = tmp_path / "experiment" / "mine.yaml"
    file.write_text("# @package _global_\n# Which?\ntrainer: {steps: 7}\n", encoding="utf-8")
    asked = checked(["experiment=mine"], multirun=False, config_dir=tmp_path)

    assert asked.request.jobs[0].run.trainer.steps == 7
    assert shlex.split(asked.command)[1:3] == ["--config-dir", str(tmp_path)]
    with pytest.raises(UserError, match="--config-dir"):
        checked([], multirun=False, config_dir=tmp_path / "none")


def test_what_hydra_and_omegaconf_keep_for_the_process_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OmegaConf.register_new_resolver("of_the_user", lambda: 1, replace=True)
    monkeypatch.setenv("SOMETHING", "else")
    arguments = list(sys.argv)
    with initialize(version_base="1.3", config_path=None):
        theirs = GlobalHydra.instance().hydra
        for _ in range(2):
            checked(TINY, multirun=False, runs_dir=tmp_path)

        assert GlobalHydra.instance().hydra is theirs
    assert OmegaConf.has_resolver("of_the_user")
    assert OmegaConf.create({"a": "${of_the_user:}"}).a == 1
    assert sys.argv == arguments
    OmegaConf.clear_resolver("of_the_user")


def test_resolvers_stay_closed_to_a_strangers_yaml_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "shown")
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\n# Which?\nruns_dir: ${oc.env:SECRET}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(UserError, match="runs_dir") as told:
            checked(["experiment=mine"], multirun=False, config_dir=tmp_path)
        assert "shown" not in str(told.value)
