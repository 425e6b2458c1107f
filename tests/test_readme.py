"""What the README says is run: its commands, its mistake, and the strategy it adds."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tlrun.errors import UserError
from tlrun.preflight import preflight, rewrite

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for line in re.findall(r"^tl-run .*$", TEXT, flags=re.MULTILINE) if "tl-run:" not in line]
TINY = ["backbone=mlp", "backbone.hidden=[8]", "trainer.steps=4", "trainer.batch_size=8", "dataset.labels_per_class=2"]


def block(after: str) -> str:
    """The first fenced block after some words."""
    return TEXT[TEXT.index(after) :].split("```")[1].split("\n", 1)[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command: str) -> None:
    words = [rewrite(word) for word in shlex.split(command)[1:]]

    assert preflight([word for word in words if word != "-m"], multirun="-m" in words).jobs


def test_commands_and_files_are_seen() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)

    assert len(COMMANDS) == 2
    assert len(links) == 7
    assert all((ROOT / link).exists() for link in links)


def test_the_mistake_it_shows_is_what_is_printed() -> None:
    typed, *printed = block("A mistake costs a line").strip().splitlines()

    with pytest.raises(UserError) as caught:
        preflight(shlex.split(typed.removeprefix("$ tl-run ")), multirun=False)

    assert [f"tl-run: {line}" for line in caught.value.lines] == printed


def test_the_strategy_it_adds_runs(tmp_path: Path) -> None:
    package = tmp_path / "tlrun"
    shutil.copytree(ROOT / "src" / "tlrun", package)
    shutil.copytree(ROOT / "configs", package / "configs")
    (package / "strategies" / "sparse_features.py").write_text(block("One file, one YAML."), encoding="utf-8")
    (package / "configs" / "strategy" / "sparse_features.yaml").write_text(block("and `configs/"), encoding="utf-8")
    program = [sys.executable, "-m", "tlrun", *TINY, "strategy=sparse_features"]

    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    wrong = subprocess.run([*program, "strategy.beta=-1"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Sparse features: min L_T + β·mean|z|.")
    assert re.search(r"^sparse_features .*\nscratch ", done.stdout, flags=re.MULTILINE)
    assert wrong.stderr == "tl-run: strategy.beta: expected a number >= 0 (inf is allowed), found -1\n"
