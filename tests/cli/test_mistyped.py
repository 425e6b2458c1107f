"""Command lines as newcomers mistype them: an exit code, a line, and the word that helps."""

import shlex
from pathlib import Path

import pytest

from tlrun.cli import hydra_app, streams
from tlrun.cli import main as cli
from tlrun.cli.mistyped import check_flags, check_words, first_word
from tlrun.core.errors import UserError

from properties import assert_one_line_each

FLAGS = ("-m", "--multirun", "--cfg", "-c", "--config-dir", "--dry-run", "--help")
FINETUNE = "that is strategy=parameter_transfer lam.value=inf"
# what is typed, and what has to be in the answer
LINES = [
    ("--lr 0.1", "optimizer.lr=0.1"),
    ("--lr=0.1", "optimizer.lr=0.1"),
    ("-lr 0.1", "optimizer.lr=0.1"),
    ("--epochs=5", "trainer.steps=500"),
    ("--epochs 5", "steps = epochs x examples / batch_size"),
    ("--seed 3", "seed=3"),
    ("--batch-size 32", "trainer.batch_size=32"),
    ("--strategy finetune", FINETUNE),
    ("--strategy joint", "strategy=joint"),
    ("--runs-dir x", "runs_dir=x"),
    ("--dryrun", "--dry-run"),
    ("--gpus 1", "device=cuda"),
    ("--task_relation", "strategy=task_relation"),
    ("-v", "tl-run --help"),
    ("--cfg", "expected one argument"),
    ("--cfg x", "choose from 'job'"),
    ("strategy finetune", FINETUNE),
    ("strategy joint", "strategy=joint"),
    ("strategy=finetune", FINETUNE),
    ("finetune", FINETUNE),
    ("joint", "strategy=joint"),
    ("which_transfer", "experiment=which_transfer"),
    ("run", "tl-run alone trains"),
    ("train", "tl-run alone trains"),
    ("train strategy=joint", "tl-run alone trains"),
    ("resume", "the same command again"),
    ("lr 0.1", "optimizer.lr=0.1"),
    ("lr=0.1", "optimizer.lr"),
    ("seed=1 lr 0.1", "optimizer.lr=0.1"),
    ("seed=1 report", "tl-run report"),
    ("lam=0.1", "lam.value=0.1"),
    ("λ = 1", "lam.value=1"),
    ("lambda = 1", "lam.value=1"),
    ("seed= 3", "seed=3"),
    ("seed =3", "seed=3"),
    ("seed=0,1", "-m"),
    ("seeds=5", "-m"),
    ("strategy=", "tl-run help strategy"),
    ("strategy:joint", "strategy=joint"),
    ("strategy==joint", "strategy=joint"),
    ("'strategy=joint seed=1'", "without quotes around"),
    ("strategy=joint,", "without , at its end"),
    ("stratgey=joint", "strategy"),
    ("my.csv", "dataset=table_csv dataset.path=my.csv"),
    ("dataset=my.csv", "dataset=table_csv dataset.path=my.csv"),
    ("dataset=photos/", "dataset=image_folder dataset.path=photos/"),
    ("dataset=cifar", "dataset=cifar10_domains"),
    ("dataset.path=nothere.csv", "table_csv"),
    ("device=gpu", "device=cuda"),
    ("backbone=resnet", "backbone.model=resnet18"),
    ("optimizer=Adam", "did you mean adam?"),
    ("show", "tl-run ls"),
    ("show nothere", "nothere"),
    ("ls seed", "key=value"),
    ("report nothere/", "a folder"),
    ("reprot", "did you mean report?"),
    ("help relatoin", "did you mean tl-run help relation?"),
    ("–m seeds=3", "en dash"),
    ("—multirun seeds=3", "em dash"),
    ("seed=1 –m", "en dash"),
    ("lam.value=1e−3", "minus sign"),
    ("'seed=\u00a03'", "no break space"),
    ("strategy＝joint", "fullwidth equals sign"),
    ("“strategy=joint”", "left double quotation mark"),
    ("'strategy=\"joint'", "key=value"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("it was carried out")

    monkeypatch.setattr(hydra_app, "_carry_out", refuse)


@pytest.mark.parametrize(("line", "word"), LINES, ids=[line for line, _ in LINES])
def test_a_mistyped_line_is_answered(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str,
    word: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.argv", ["tl-run", *shlex.split(line)])
    monkeypatch.setattr(streams, "prepare", lambda: None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().err

    assert end.value.code == 2
    assert word in said
    assert len(said.splitlines()) == 1
    assert_one_line_each(said, word)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("line", ["--version", "-h", "--help", "help", "help train", "--help lr"])
def test_what_asks_for_nothing_is_answered_with_0(
    here: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(line.split()) == 0
    assert capsys.readouterr().out.startswith(("tl-run", " ", "train"))


@pytest.mark.parametrize("line", ["lambda=1", "λ=∞", "++seed=1", "seed=1 -m"])
def test_what_is_right_in_another_way_is_taken(line: str) -> None:
    with pytest.raises(AssertionError, match="carried out"):
        cli.run(line.split())


@pytest.mark.parametrize(
    "line", ["-m seed=1", "--multi", "--cfg job", "-cjob", "--cfg=job", "-c all"]
)
def test_the_flags_that_there_are_are_left_alone(line: str) -> None:
    check_flags(line.split(), FLAGS)
    check_words([word for word in line.split() if "=" in word], ("ls",))


def test_every_wrong_flag_is_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        check_flags(["--lr", "1", "--seed=3"], FLAGS)

    assert len(caught.value.lines) == 2


def test_a_word_like_nothing_gets_the_commands() -> None:
    assert "one of: ls, show; see tl-run --help" in str(first_word(["xyzzy"], ("ls", "show")))
