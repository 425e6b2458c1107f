import shlex
from pathlib import Path

import pytest
from made_sources import put_table

from tlrun.cli.main import run
from tlrun.cli.sources import SCORES, USAGE, sources
from tlrun.core.errors import UserError
from tlrun.selection.source_ranking import BY

from problems import TINY


def words(folder: Path, *more: str) -> list[str]:
    put_table(folder / "table.csv")
    data = ["dataset=table_csv", "dataset.path=table.csv", "dataset.task=place"]
    return [*data, "dataset.predict=kind", "dataset.labels=30", *TINY, *more]


def test_the_answer_comes_first_then_the_table_the_basis_and_the_next_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(here, "dataset.target=home", "trainer.steps=60", "optimizer.lr=0.02")
    asked.remove("trainer.steps=4")
    assert run(["sources", *asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    answer = next(n for n, line in enumerate(lines) if line.startswith("take "))

    assert lines[answer].startswith("take twin as the source: of 4 candidates, ")
    assert "30 labels of home" in lines[answer]
    assert lines[answer + 2].split() == ["source", "log-likelihood", "distance", "labels"]
    assert [line.split()[0] for line in lines[answer + 3 : answer + 7]][:1] == ["twin"]
    assert any(line.startswith("no basis: expected finished transfers") for line in lines)
    command = shlex.split(lines[-1])
    assert command[0] == "tl-run"
    assert command[-1] == "dataset.sources=[twin]"
    assert set(asked) <= set(command)
    assert run([*command[1:], "controls=false"]) == 0
    assert "found in runs/.stages" in capsys.readouterr().out


def test_by_features_nothing_is_trained(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = words(here, "dataset.target=home", "dataset.sources=[far,twin]")

    assert sources([*asked, "--by", "features", "--runs-dir", "elsewhere"]) == 0
    shown = capsys.readouterr().out
    assert "take twin as the source: of 2 candidates, the means" in shown
    assert "runs_dir=elsewhere 'dataset.sources=[twin]'" in shown
    assert not Path("elsewhere", ".stages").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "dataset.target: expected the domain to rank sources for, found none"),
        (["dataset.target=hom"], "dataset.target: expected a value of column place, found 'hom'"),
        (["dataset.target=home", "dataset.sources=[far]"], "sources: expected 2 candidate sources"),
        (["--by=luck"], "--by: expected a score, found luck"),
        (["--by"], "--by: expected likelihood or features, found nothing"),
        (["--csv"], "sources: expected key=value, --by or --config-dir, found --csv"),
        (["what"], "what: expected key=value"),
        (["seed=0,1"], "seed: expected one value, found 0,1"),
        (["seeds=3"], "seeds: expected seed=N instead, found 3; a ranking is of one draw"),
        (["dataset.target=home", "tune.lr=[0.1,0.2]"], "tune.lr: expected null, to rank sources"),
        (["nonesuch=1"], "nonesuch: "),
        (["dataset.target=home", "backbone=conv", "backbone.channels=[2]"], ""),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    more: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(here)
    if "backbone=conv" in more:
        asked = [word for word in asked if not word.startswith("backbone")]
    try:
        code = run(["sources", *asked, *more])
        told = capsys.readouterr().err.removeprefix("tl-run: ").strip()
    except UserError as error:
        code, told = error.exit_code, str(error)

    assert code == 2
    assert told.startswith(message)
    assert len(told.splitlines()) == 1
    assert not Path("runs", ".stages").exists()


def test_one_candidate_is_said_to_be_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sources", "dataset=digits"]) == 2
    assert "found only one, source; there is nothing to rank" in capsys.readouterr().err


def test_help_is_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert sources(["--help"]) == 0
    assert capsys.readouterr().out == f"{USAGE}\n"
    assert max(map(len, USAGE.splitlines())) <= 80
    assert SCORES == BY
