from pathlib import Path
from typing import Any

import pytest

from tlrun.cli.final import final
from tlrun.cli.main import run
from tlrun.core.errors import UserError
from tlrun.runs.outcome import Outcome

from problems import Watcher, config, outcomes_of


def done(runs_dir: Path, **nodes: Any) -> list[Outcome]:
    sealed = {"dataset": {"name": "digits", "sealed": 0.3}, "controls": True}
    return outcomes_of(config(runs_dir, **{**sealed, **nodes}), Watcher())


def test_it_says_what_it_will_do_does_it_once_and_shows_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    this, *controls = done(tmp_path)
    other, *_ = done(tmp_path, seed=1)
    capsys.readouterr()

    assert final([str(this.path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "would open sealed test rows, once: " in said
    assert not (tmp_path / ".sealed").exists()
    assert not (this.path / "final.json").exists()
    assert run(["final", this.path.name[-12:], "--runs-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "opens sealed test rows, once: " in said
    for outcome in controls:
        assert f"\n{outcome.name}  " in said
    assert said.count(" of 162\n") == len(controls)
    assert final([str(this.path)]) == 0
    again = capsys.readouterr().out
    assert "this is what was found then" in again
    assert again.splitlines()[-9:] == said.splitlines()[-9:]
    with pytest.raises(UserError, match="still sealed"):
        final([str(other.path)])


def test_the_mean_of_several_tasks_stands_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    this, *_ = done(
        tmp_path,
        dataset={"name": "digits_binary", "sealed": 0.3},
        strategy={"name": "shared_parameters"},
    )
    final([str(this.path)])
    said = capsys.readouterr().out

    assert said.index("mean accuracy %") < said.index("digits/odd accuracy %")
    assert said.count("single_task ") >= 4


def test_without_controls_it_is_opened_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (this,) = done(tmp_path, controls=False)
    with pytest.raises(UserError, match="--alone"):
        final([str(this.path)])
    assert final(["--alone", str(this.path)]) == 0
    assert "for this run alone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "final: expected one run, found 0"),
        (["a", "b"], "final: expected one run, found 2"),
        (["a", "--dryrun"], "final: expected one of --dry-run, --alone, found --dryrun"),
        (["nothing"], "final: expected a run, found none with nothing in its name"),
        (["a", "--runs-dir"], "--runs-dir: expected a folder after it"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: list[str], message: str, here: Path) -> None:
    with pytest.raises(UserError) as error:
        final(arguments)

    assert str(error.value).startswith(message)
    assert len(str(error.value).splitlines()) == 1


def test_what_was_found_and_does_not_say_so_is_told(tmp_path: Path) -> None:
    (this,) = done(tmp_path, controls=False)
    for text in ("{}", "[]", "x", '{"tasks": 1, "headline": {"name": "a"}, "controls": {}}'):
        (this.path / "final.json").write_text(text)
        with pytest.raises(UserError, match="final: expected what was found before"):
            final([str(this.path)])


def test_help_is_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert final(["--help"]) == 0
    assert capsys.readouterr().out.startswith("tl-run final RUN")
