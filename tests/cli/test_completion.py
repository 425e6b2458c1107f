import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tlrun.cli import main as cli
from tlrun.cli.completion import (
    OF_COMMANDS,
    candidates,
    paths,
    run_ids,
    shell_completion,
    split,
)
from tlrun.config.registry import shipped
from tlrun.core.errors import UserError

PRESS = """
eval "$(tl-run --shell-completion install=bash)"
press() {
    COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
    _tl_run tl-run "${COMP_WORDS[COMP_CWORD]}" ""
    echo "${COMPREPLY[@]}"
}
press "tl-run strategy=task" tl-run strategy = task
press "tl-run strategy=" tl-run strategy =
press "tl-run λ=i" tl-run λ = i
press "tl-run do" tl-run do
press "tl-run strategy=nope strategy.q" tl-run strategy = nope strategy.q
"""


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("tl-run rep", ["report"]),
        ("tl-run strategy=task_", ["strategy=task_relation", "strategy=task_transfer"]),
        ("tl-run experiment=wh", ["experiment=which_transfer"]),
        ("tl-run strategy=task_relation strategy.re", ["strategy.relation="]),
        ("tl-run strategy=joint strategy.re", []),
        ("tl-run strategy.relation=tr", ["strategy.relation=trace_norm"]),
        ("tl-run -m strategy.relation=mean,tr", ["strategy.relation=mean,trace_norm"]),
        ("tl-run device=", ["device=auto", "device=cpu", "device=cuda"]),
        ("tl-run verdict.a", ["verdict.alpha="]),
        ("tl-run controls=f", ["controls=false"]),
        ("tl-run --cfg ", ["all", "hydra", "job"]),
        ("tl-run --dr", ["--dry-run"]),
        ("tl-run ls status=fi", ["status=finished"]),
        ("tl-run ls status=in", ["status=inexact", "status=interrupted"]),
        ("tl-run clean --older", ["--older-than"]),
        ("tl-run help stra", ["strategy.", "strategy="]),
        ("tl-run 'strategy=jo", ["strategy=joint"]),
        ("tl-run nonesuch=", []),
        ("tl-run nonesuch.x=", []),
        ("tl-run strategy=\t", None),
        ("tl-run a=b=c", []),
        ("tl-run show ", []),
        ("", []),
        ("tl-run --config-dir nothere strategy=jo", ["strategy=joint"]),
    ],
)
def test_a_line_has_these_offers(here: Path, line: str, offers: list[str] | None) -> None:
    found = candidates(line)

    if offers is not None:
        assert found == offers
    assert list(here.iterdir()) == []


def test_every_name_of_a_group_is_offered() -> None:
    assert candidates("tl-run dataset=") == [f"dataset={name}" for name in shipped("dataset")]


def test_runs_folders_and_files_are_offered(here: Path) -> None:
    run = here / "runs" / "digits" / "joint" / "lam=1_seed=0_0123456789ab"
    run.mkdir(parents=True)
    (run / "run.json").write_text("no JSON")
    (here / "table.csv").touch()
    (here / "tables").mkdir()

    assert candidates("tl-run show ") == ["0123456789ab"]
    assert candidates("tl-run show --runs-dir elsewhere ") == []
    assert list(run_ids("nothere")) == []
    assert candidates("tl-run report r") == ["runs/"]
    assert candidates("tl-run dataset.path=ta") == [
        "dataset.path=table.csv",
        "dataset.path=tables/",
    ]
    assert candidates("tl-run --config-dir t") == ["tables/"]
    assert list(paths("nothere/")) == []


def test_ones_own_yamls_are_offered_broken_ones_too(here: Path) -> None:
    (here / "mine" / "strategy").mkdir(parents=True)
    (here / "mine" / "strategy" / "odd.yaml").write_text("a: [")

    assert candidates("tl-run --config-dir mine strategy=o") == ["strategy=odd"]
    assert candidates("tl-run --config-dir mine strategy=odd strategy.") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tl-run a 'b c' d", (["tl-run", "a", "b c"], "d")),
        ("tl-run ", (["tl-run"], "")),
        ("tl-run 'a b", (["tl-run"], "a b")),
        ("tl-run '' ", (["tl-run", ""], "")),
    ],
)
def test_a_line_is_split_as_a_shell_splits_it(line: str, words: tuple[list[str], str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize("point", ["15", "", "x", "999"])
def test_a_query_reads_the_line_up_to_the_cursor_and_never_fails(
    point: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", "tl-run experiment=which_transfer")
    monkeypatch.setenv("COMP_POINT", point)

    assert cli.run(["--shell-completion", "query=bash"]) == 0
    assert capsys.readouterr().out in {"experiment=\n", "experiment=which_transfer\n"}


@pytest.mark.parametrize("words", [[], ["install=tcsh"], ["install=bash", "query=bash"], ["x"]])
def test_another_shell_is_one_line(words: list[str]) -> None:
    with pytest.raises(UserError, match="expected install=, uninstall= or query="):
        shell_completion(words)


def test_a_query_waits_for_neither_hydra_nor_torch() -> None:
    program = """
import sys
from tlrun.cli.completion import candidates
assert candidates("tl-run strategy.relation=") and candidates("tl-run optimizer.l")
print(sorted({"torch", "hydra", "omegaconf", "numpy", "rich"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_bash_completes(here: Path) -> None:
    program = here / "tl-run"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tlrun "$@"\n')
    program.chmod(0o755)
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    done = subprocess.run(
        [bash, "--norc", "-c", f'PATH="{here}:$PATH"\n{PRESS}'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    task, every, inf, command, nothing = done.stdout.splitlines()

    assert done.stderr == ""
    assert task == "task_relation task_transfer"
    assert every.split() == list(shipped("strategy"))
    assert (inf, command, nothing) == ("inf", "doctor", "")


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_every_flag_that_is_offered_is_one_of_the_command_and_the_other_way_round(
    command: str,
) -> None:
    said = set(re.findall(r"--[a-z][a-z-]*", import_module(f"tlrun.cli.{command}").USAGE))
    of_others = {"--logdir", "--help"}  # of tensorboard, and of every command

    assert set(OF_COMMANDS[command]) - {"--runs-dir"} == said - of_others - {"--runs-dir"}
