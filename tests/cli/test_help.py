from pathlib import Path

import pytest

from tlrun.cli import main as cli
from tlrun.cli.help import help_of, screen
from tlrun.config.registry import GROUPS, shipped
from tlrun.core.errors import UserError


def test_it_teaches_in_one_screen() -> None:
    lines = screen().splitlines()

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert "help" in lines[0]
    assert sum(line.startswith("  tl-run") for line in lines) >= 5
    assert "tl-run help KEY" in screen()


@pytest.mark.parametrize("symbol", ["L_S", "L_T", "λ", "φ"])
def test_a_symbol_is_said_in_words(symbol: str) -> None:
    assert (
        f"{symbol} is" in screen() or f"{symbol}\nsays" in screen() or "L_S and L_T are" in screen()
    )


def test_every_group_is_listed_with_its_names() -> None:
    shown = screen()

    for group in (*GROUPS, "experiment"):
        _, _, rest = shown.partition(f"\n  {group} ")
        listed = rest.replace("\n" + " " * 13, " ").splitlines()[0]  # a long list goes on below
        assert set(listed.replace(",", "").split()) == set(shipped(group))


@pytest.mark.parametrize("command", ["report", "final", "clean", "doctor", "help"])
def test_the_usage_of_a_command_fits_a_terminal(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([command, "--help"]) == 0
    usage = capsys.readouterr().out
    assert cli.run(["help", command]) == 0

    assert capsys.readouterr().out == usage
    assert usage.startswith(f"tl-run {command}")
    assert max(map(len, usage.splitlines())) <= 80


def test_help_of_a_command_line_explains_each_of_its_words(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["strategy=task_relation", "lam.value=3", "--help"]) == 0
    shown = capsys.readouterr().out

    assert "strategy.relation=trace_norm" in shown
    assert "lam.value=1.0" in shown


def test_what_is_known_is_said_and_what_is_not_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UserError) as caught:
        help_of(["seed", "relatoin"])

    assert caught.value.lines == (
        "relatoin: nothing is known of it; did you mean tl-run help relation?",
    )
    assert "seed=0" in capsys.readouterr().out


def test_a_folder_of_ones_own_is_explained_too(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine" / "strategy").mkdir(parents=True)
    (here / "mine" / "strategy" / "gentle.yaml").write_text(
        "# Few weights of φ learn.   tl-run strategy=gentle\nname: parameter_transfer\n"
        "train: last  # the last block alone, they say\n"
    )
    assert help_of(["strategy=gentle", "--config-dir", "mine"]) == 0
    shown = capsys.readouterr().out

    assert "strategy=gentle (from mine)" in shown
    assert "strategy.train=last" in shown
    assert "the last block alone, they say" in shown
    assert "one of all, head, last, first, norm" in shown
    assert "strategy.warmup=0" in shown  # what it leaves as it is
