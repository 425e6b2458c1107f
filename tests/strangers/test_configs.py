"""Configs of others that would run code, read the environment, write elsewhere, or hang.

Each is a file of configs/, used as an experiment of a folder that was handed over.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from strangers.told import CONFIGS, assert_refused, files_in, told

from problems import TINY, own_folder
from properties import assert_same_run

SECRET = "hunter2"
HYDRAS = "to be left as tl-run sets it"
ONE = "expected a value or one reference"
ALONE = "to be set on the command line alone"
# What is said of each.
REFUSED = {
    "alias_bomb": "expected every value written out, found the alias *a",
    "alias_of_itself": "expected every value written out, found the alias *a",
    "base_60": "line 2: expected a number without : for seed, found 1:30:00, which YAML reads as 5",
    "callback": "hydra.callbacks.x._target_: expected to be left",
    "circle": "dataset.a: expected a reference to a key with a value of its own",
    "duplicate_key": "seed",
    "env_copy": f"hydra.job.env_copy.0: expected {HYDRAS}",
    "env_set": f"hydra.job.env_set.LD_PRELOAD: expected {HYDRAS}",
    "environment": f"dataset.name: {ONE}",
    "environment_by_hydra": "dataset.name: expected a reference to a key with a value of its own",
    "escapes": "dataset.name: '\\x1b]0;owned",
    "infinite": "optimizer.lr: expected",
    "key_null": "x.yaml: expected a config: UTF-8, keys that are text, plain values, found",
    "launcher_as_axis": f"hydra.sweeper.params.hydra.launcher.setup: expected {ALONE}",
    "launcher_null": f"hydra.launcher: expected {HYDRAS}",
    "launcher_target": f"hydra.launcher._target_: expected {HYDRAS}",
    "logging_file": "hydra.job_logging.handlers.x.class: expected to be left",
    "logging_handler": "hydra.job_logging.handlers.x.(): expected to be left",
    "long_number": "seed: expected a number of at most 9223372036854775807, found 9999",
    "longer_number": "seed: expected a number of at most 9223372036854775807, found more than",
    "nan": "seed: expected a whole number >= 0, found nan",
    "nul": "dataset.path: expected text, found 'a\\x00b'",
    "override_launcher": "found override /hydra/launcher; a launcher is chosen on the command line",
    "override_logging": "found override /hydra/job_logging",
    "python_tag": "python/object/apply:os.system",
    "run_dir": f"hydra.run.dir: expected {HYDRAS}",
    "runs_dir": f"runs_dir: expected {ALONE}, found ../elsewhere",
    "runs_dir_as_axis": f"hydra.sweeper.params.runs_dir: expected {ALONE}",
    "searchpath": "hydra.searchpath",
    "set_tag": "x.yaml: expected a config: UTF-8, keys that are text, plain values, found",
    "sexagesimal": "expected text in quotes for runs_dir",
    "sweep_dir": f"hydra.sweep.dir: expected {HYDRAS}",
    "sweeper_target": f"hydra.sweeper._target_: expected {HYDRAS}",
    "target": "strategy._target_: refused; a config names things, and never code",
    "target_at_the_top": "_target_: refused",
    "too_many_digits": "found ValueError: Exceeds the limit (4300 digits)",
    "torch_load": "backbone._target_: refused",
    "two_references": f"seed: {ONE}",
    "unclosed_reference": "expected a } for every ${ of seed, found ${seed",
}


def test_every_file_is_tried() -> None:
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_asks_for_is_a_line_and_not_done(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TLRUN_SECRET", SECRET)
    mine = own_folder(here, (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    before = [*files_in(here.parent)]
    for more in ([], ["-m", "backbone.hidden=[4],[8]"])[: 1 + ("launcher" in name)]:
        code, text = told(["--config-dir", str(mine), "experiment=x", *more, *TINY], capsys)

        assert_refused(code, text, REFUSED[name])
        assert SECRET not in text
        assert [*files_in(here.parent)] == before


@pytest.mark.parametrize("content", [b"\xff\xfe", b"seed: 1  # gr\xf6\xdfe\n"])
def test_bytes_that_are_no_text_are_a_line_that_names_the_file(
    here: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    mine = own_folder(here, "")
    (mine / "experiment" / "x.yaml").write_bytes(content)
    code, text = told(["--config-dir", str(mine), "experiment=x", *TINY], capsys)

    assert_refused(code, text, "x.yaml: expected a config: UTF-8")


@pytest.mark.parametrize("name", ["inf", "nan", "1", "1.5", "null"])
def test_a_name_that_is_none_is_a_line_that_names_the_key(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    mine = own_folder(here, "# @package _global_\n")
    (mine / "experiment" / "x.yaml").rename(mine / "experiment" / f"{name}.yaml")
    code, text = told(["--config-dir", str(mine), f"experiment={name}", *TINY], capsys)

    assert_refused(code, text, f"experiment: expected a name that is text, found {name}; rename")


# Fields of submitit's launcher, and what it would make of them is a line of a shell script.
FIELDS = {
    "setup: [touch CANARY]": "setup.0",
    "setup: []": "setup",
    'partition: "x\\ntouch CANARY #"': "partition",
    "additional_parameters: {a: b}": "additional_parameters.a",
    'additional_parameters: {"a\\nb": 1}': "additional_parameters.a�b",
    "submitit_folder: /elsewhere": "submitit_folder",
    "name: a;b": "name",
    'mem_gb: "${seed}"': "mem_gb",
}
HOW = ("package", "base", "unseen")
SLURM = ["-m", "seed=0,1", "hydra/launcher=submitit_slurm", "controls=false", *TINY, "--dry-run"]


@pytest.mark.parametrize(
    ("how", "field"),
    [*(("experiment", field) for field in FIELDS), *((how, next(iter(FIELDS))) for how in HOW)],
)
def test_no_yaml_says_what_a_launcher_writes_into_a_script(
    here: Path, capsys: pytest.CaptureFixture[str], field: str, how: str
) -> None:
    """Wherever it stands: in an experiment, in a group's YAML with a package of its own, in a YAML
    that one is made of, or in one that Hydra composes for the launcher alone, beside no job."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    node = f"hydra: {{launcher: {{{field}}}}}\n"
    mine = own_folder(here, "# @package _global_\n" + (node if how == "experiment" else ""))
    asked = ["experiment=x", *SLURM]
    (mine / "dataset").mkdir()
    if how == "package":
        text = f"# @package hydra.launcher\n{field}\n"
        (mine / "dataset" / "evil.yaml").write_text(text)
        asked = ["dataset=evil", *SLURM]
    elif how != "experiment":
        text = f"# @package _global_\n{node}dataset: {{name: digits}}\n"
        (mine / "dataset" / "evil.yaml").write_text(text)
        inner = "# @package _global_\ndefaults: [{override /dataset: evil}]\n"
        (mine / "experiment" / "x.yaml").write_text(inner)
        if how == "unseen":
            asked = ["dataset=digits,digits_binary", "strategy=scratch", *asked]
    code, text = told(["--config-dir", str(mine), *asked], capsys)

    assert_refused(code, text, f"hydra.launcher.{FIELDS[field]}: expected a number in a YAML, or")
    assert not (here / "runs").exists()


def test_numbers_of_a_launcher_may_stand_there_and_texts_on_the_command_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    mine = own_folder(here, "# @package _global_\nhydra: {launcher: {timeout_min: 3}}\n")
    typed = ["hydra.launcher.setup=[echo]", "hydra.launcher.partition=gpu"]
    code, text = told(["--config-dir", str(mine), "experiment=x", *SLURM, *typed], capsys)

    assert code == 0, text


@pytest.mark.parametrize("group", ["sweeper", "launcher", "callbacks", "output", "help", "env"])
def test_a_yaml_of_hydras_own_groups_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], group: str
) -> None:
    mine = own_folder(here, "# @package _global_\n")
    (mine / "hydra" / group).mkdir(parents=True)
    (mine / "hydra" / group / "x.yaml").write_text("_target_: os.system\ncommand: touch CANARY\n")
    asked = [f"hydra/{group}=x", f"+hydra/{group}=x"][group == "callbacks"]
    code, text = told(["--config-dir", str(mine), asked, "-m", "seed=0,1", *TINY], capsys)

    assert_refused(code, text, f"hydra.{group}" if group in ("sweeper", "launcher") else "hydra")


def test_a_run_after_all_of_them_is_the_same_to_the_bit(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["strategy=scratch", "controls=false", *TINY]
    assert told([*run, "runs_dir=before"], capsys)[0] == 0
    (here / "mine" / "experiment").mkdir(parents=True)
    for name in REFUSED:
        shutil.copy(CONFIGS / f"{name}.yaml", here / "mine" / "experiment" / "x.yaml")
        told(["--config-dir", "mine", "experiment=x", *TINY], capsys)
    assert told([*run, "runs_dir=after"], capsys)[0] == 0

    (before,), (after,) = (here.glob(f"{name}/*/*/seed=*") for name in ("before", "after"))
    assert_same_run(before, after)
    configs = [yaml.safe_load((path / "config.yaml").read_text()) for path in (before, after)]
    assert configs[0] == configs[1]
