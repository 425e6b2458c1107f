"""docs/extending.md, as it stands: its package is made, announced and run."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packages import package

from problems import TINY

TEXT = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
SHORT = ["trainer.steps=4", "trainer.batch_size=8"]


def block(language: str) -> str:
    """The first fenced block in a language."""
    return TEXT.split(f"```{language}\n")[1].split("```")[0]


def tl_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(folder / "site"), "PATH": ""}
    command = [sys.executable, "-m", "tlrun", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An environment with the page's package, as pip would leave it."""
    points = tomllib.loads(block("toml"))["project"]["entry-points"]
    lines = {
        group: "\n".join(f"{name} = {value}" for name, value in found.items())
        for group, found in points.items()
    }
    package(tmp_path / "site", "sparse_features", block("python"), lines)
    return tmp_path


def test_its_strategy_runs_with_its_control_and_its_typo_is_told(folder: Path) -> None:
    done = tl_run(folder, *TINY, "strategy=sparse_features", "strategy.beta=0.1")
    typo = tl_run(folder, "strategy=sparse_features", "strategy.bta=1")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "The target alone, with sparse features: min_{θ,w} L_T(θ, w) + β · mean |z|."
    )
    assert re.search(r"^[* ]>  sparse_features ", done.stdout, flags=re.MULTILINE)
    assert re.search(r"^[* ]   scratch ", done.stdout, flags=re.MULTILINE)
    assert typo.stderr == block("console").splitlines()[1] + "\n"
    assert (typo.returncode, typo.stdout) == (2, "")


@pytest.mark.slow
def test_its_data_set_and_backbone_are_swept_with_our_strategies(folder: Path) -> None:
    command = next(line for line in TEXT.splitlines() if line.startswith("tl-run -m"))
    done = tl_run(folder, *shlex.split(command)[1:], *SHORT)
    helped = tl_run(folder, "--help")

    assert done.returncode == 0, done.stderr
    for strategy in ("feature_transfer", "sparse_features"):
        assert len(list((folder / "runs" / "stripes" / strategy).glob("*/result.json"))) == 5
        assert any(f" {strategy} " in line for line in done.stdout.splitlines() if "±" in line)
    for name in ("sparse_features", "bottleneck", "stripes"):
        assert f"{name} (from sparse_features 1.0)" in " ".join(helped.stdout.split())


@pytest.mark.slow
def test_its_folder_of_configs_is_a_study(folder: Path) -> None:
    (folder / "mine" / "experiment").mkdir(parents=True)
    (folder / "mine" / "experiment" / "few.yaml").write_text(block("yaml"), encoding="utf-8")
    command = next(
        line
        for line in TEXT.splitlines()
        if line.startswith("tl-run --config-dir") and "seed=0" in line
    )
    done = tl_run(folder, *shlex.split(command, comments=True)[1:], *TINY, "controls=false")

    assert done.returncode == 0, done.stderr
    assert "2 jobs, 2 runs" in done.stdout


@pytest.mark.slow
def test_the_package_installs_as_the_page_says(folder: Path) -> None:
    (folder / "sparse").mkdir()
    (folder / "sparse" / "pyproject.toml").write_text(block("toml"), encoding="utf-8")
    (folder / "sparse" / "sparse_features.py").write_text(block("python"), encoding="utf-8")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder / "installed"),
    ]
    subprocess.run([*pip, str(folder / "sparse")], check=True)
    environment = {"PYTHONPATH": str(folder / "installed"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tlrun", "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    plain = " ".join(done.stdout.split())
    assert "sparse_features (from sparse-features 1.0)" in plain
