"""What Hydra composes from a stranger's YAML, and what such a YAML may not do."""

import math
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_module
from omegaconf import OmegaConf
from omegaconf.errors import UnsupportedInterpolationType

from tlrun.config.build import Run, build
from tlrun.config.compose import composed, offer
from tlrun.config.preflight import preflight
from tlrun.config.refusals import resolved
from tlrun.core.errors import UserError
from tlrun.core.options import fields
from tlrun.data.datasets.digits import Digits
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch

from problems import own_folder

HEADER = "# @package _global_\n"
ATTACKS = {
    "a callback": (
        "hydra: {callbacks: {x: {_target_: torch.load, f: x}}}",
        "hydra.callbacks.x._target_: expected",
    ),
    "a log handler that calls": (
        "hydra: {job_logging: {handlers: {x: {(): torch.load}}}}",
        "hydra.job_logging.handlers.x.(): expected to be",
    ),
    "a log file": (
        "hydra: {job_logging: {handlers: {x: {class: logging.FileHandler, filename: stray}}}}",
        (
            "hydra.job_logging.handlers.x.class: expected to be left as tl-run sets it, found "
            "logging.FileHandler"
        ),
    ),
    "the environment": (
        "hydra: {job: {env_set: {LD_PRELOAD: x.so}}}",
        "hydra.job.env_set.LD_PRELOAD: expected to be",
    ),
    "a folder": (
        "hydra: {run: {dir: stray}}",
        "hydra.run.dir: expected to be left as tl-run sets it, found stray",
    ),
    "another folder": ("hydra: {sweep: {subdir: ../../x}}", "hydra.sweep.subdir: expected to be"),
    "a directory to change to": ("hydra: {job: {chdir: true}}", "hydra.job.chdir: expected to be"),
    "a target": (
        "strategy: {_target_: os.system}",
        "strategy._target_: refused; a config names things",
    ),
    "a target deep inside": (
        "trainer: {a: {b: [{_partial_: true}]}}",
        "trainer.a.b.0._partial_: refused",
    ),
    "a launcher's target": (
        "hydra: {launcher: {_target_: torch.load}}",
        "hydra.launcher._target_: expected to be",
    ),
    "a launcher's arguments": ("hydra: {launcher: {_args_: [1]}}", "hydra.launcher._args_"),
    "a sweeper": (
        "hydra: {sweeper: {_target_: torch.load}}",
        "hydra.sweeper._target_: expected to be",
    ),
    "the environment's values": (
        "runs_dir: ${oc.env:HOME}",
        "runs_dir: expected a value or one reference",
    ),
    "an axis of the environment": (
        "hydra: {mode: MULTIRUN, sweeper: {params: {seed: '${oc.env:HOME}'}}}",
        "hydra.sweeper.params.seed: expected",
    ),
    "an interpolation bomb": (
        "runs_dir: ${reuse}${reuse}\nreuse: ${rerun}${rerun}",
        "runs_dir: expected a value or one reference",
    ),
    "a bomb of lists": (
        'backbone: {channels: ["${a}", "${a}"]}\na: ["${b}", "${b}"]\nb: [1, 1]',
        "backbone.channels.0: expected",
    ),
    "a reference to itself": (
        "runs_dir: ${runs_dir}",
        "runs_dir: expected a reference to a key with a value",
    ),
    "axes and no sweep": (
        "hydra: {sweeper: {params: {seed: '0,1'}}}",
        "experiment: expected `mode: MULTIRUN` beside",
    ),
    "axes that are none": ("hydra: {sweeper: {params: [a]}}", "config: In 'experiment/x': "),
    "no sweeper": ("hydra: {sweeper: null}", "hydra: expected to be left as tl-run sets it"),
    "no hydra": ("hydra: null", "hydra"),
    "a field of our launcher": (
        "hydra: {launcher: {foo: 1}}",
        "hydra.launcher.foo: expected to be left",
    ),
    "no key": ("null: 3", ""),
    "a new key": ("extra: 1", "extra: no such key"),
    "no package, and other groups": (
        "defaults: [override /strategy: scratch]\n",
        "experiment: expected `# @package _global_` as the first line",
    ),
    "no package": ("", "experiment: expected `# @package _global_` as the first line"),
    "broken YAML": ("seed: [", "experiment"),
    "a python object": (
        "seed: !!python/object/apply:os.system [x]",
        "could not determine a constructor",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_strangers_experiment_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text, expected = ATTACKS[attack]
    first = "seed: 1\n" if attack.startswith("no package") else HEADER
    mine = own_folder(tmp_path, first + text)
    with pytest.raises(UserError) as caught:
        preflight(["experiment=x"], multirun=False, folder=mine)

    assert any(expected in line for line in caught.value.lines), caught.value.lines
    assert all("\n" not in line and "Traceback" not in line for line in caught.value.lines)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_adds_experiments_and_options_of_ours(tmp_path: Path) -> None:
    mine = own_folder(
        tmp_path,
        f"{HEADER}defaults: [override /dataset: hard]\ntrainer: {{steps: 7}}\nlam: {{value: .inf}}",
    )
    (mine / "dataset").mkdir()
    (mine / "dataset" / "hard.yaml").write_text(
        "defaults: [digits]\nshift: inverted\n", encoding="utf-8"
    )
    (job,) = preflight(["experiment=x", "seed=4"], multirun=False, folder=mine).jobs

    assert job.run.dataset == Digits(shift="inverted")
    assert (job.run.trainer.steps, job.run.seed) == (7, 4)
    assert job.run.lam == Constant(math.inf)


def test_a_name_in_a_folder_is_among_the_near_ones(tmp_path: Path) -> None:
    mine = own_folder(tmp_path, HEADER)
    with pytest.raises(
        UserError,
        match=r"experiment: y is not known; one of: .*smoke, structure, which_transfer, x$",
    ):
        preflight(["experiment=y"], multirun=False, folder=mine)


def test_a_strangers_yaml_does_not_take_the_place_of_ours(tmp_path: Path) -> None:
    mine = own_folder(tmp_path, HEADER)
    for group, name, text in [("strategy", "scratch", "name: joint\n"), (".", "run", "seed: 9\n")]:
        (mine / group).mkdir(exist_ok=True)
        (mine / group / f"{name}.yaml").write_text(text, encoding="utf-8")
    (job,) = preflight(["strategy=scratch"], multirun=False, folder=mine).jobs

    assert job.run.strategy == Scratch()
    assert job.run.seed == 0


def test_hydras_own_keys_that_are_free_may_be_set() -> None:
    for override in ("hydra.verbose=true", "hydra/launcher=basic", "hydra.mode=MULTIRUN"):
        assert preflight([override], multirun=False).jobs


def test_what_is_composed_and_set_afterwards_is_what_hydra_composes() -> None:
    """Values are set on a composed tree, which costs no composition each; Hydra, asked, must say
    the same."""
    overrides = [
        "strategy=joint",
        "backbone=mlp",
        "backbone.hidden=[3,4]",
        "lam.value=inf",
        "runs_dir='a b'",
        "seed=7",
    ]
    (ours,) = preflight(overrides, multirun=False).jobs
    with initialize_config_module("tlrun.configs", version_base="1.3"):
        theirs = OmegaConf.to_container(hydra_compose("run", overrides), resolve=True)

    assert isinstance(theirs, dict)
    assert theirs.pop("experiment", None) is None
    assert ours.run == build(theirs)  # type: ignore[arg-type]  # keys of a config are texts


def test_a_composition_is_our_keys_and_what_a_study_sweeps(tmp_path: Path) -> None:
    plain = composed(["strategy=joint"])
    study = own_folder(
        tmp_path, f"{HEADER}hydra: {{mode: MULTIRUN, sweeper: {{params: {{seed: '0,1'}}}}}}"
    )
    swept = composed(["experiment=x"], study)

    assert plain.mistakes == ()
    assert set(resolved(plain.config)) == set(fields(Run))
    assert (plain.multirun, plain.axes, plain.foreign_launcher) == (False, {}, False)
    assert (swept.multirun, swept.axes, swept.foreign_launcher) == (True, {"seed": "0,1"}, False)
    assert composed(["hydra/launcher=basic"]).foreign_launcher


def test_an_unknown_choice_costs_a_line_and_hides_no_other_mistake() -> None:
    composition = composed(["strategy=x", "backbone=y"])

    assert [mistake.key for mistake in composition.mistakes] == ["strategy", "backbone"]
    assert composition.config["strategy"]["name"] == "feature_transfer"


@pytest.mark.parametrize(
    ("launcher", "extra"), [("joblibb", "joblib"), ("submitit_slrm", "slurm"), ("nothing", "")]
)
def test_a_launcher_that_is_not_installed_comes_with_its_extra(launcher: str, extra: str) -> None:
    (mistake,) = composed([f"hydra/launcher={launcher}"]).mistakes

    assert mistake.key == "hydra/launcher"
    assert mistake.found == f"{launcher} is not known"
    assert ("tl-run[" in mistake.hint) == bool(extra)
    assert mistake.hint.endswith(f"pip install 'tl-run[{extra}]'" if extra else "tlrun")


def test_offering_one_of_ours_changes_nothing() -> None:
    before = composed(["strategy=scratch"])
    offer("strategy", "scratch")
    offer("lam", "nothing such")

    assert composed(["strategy=scratch"]) == before


def test_the_environment_is_closed_to_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra's own resolvers are gone, so even what slips through is never looked up."""
    monkeypatch.setenv("SECRET", "out")
    composed([])
    tree = OmegaConf.create({"a": "${oc.env:SECRET}"})

    with pytest.raises(UnsupportedInterpolationType):
        OmegaConf.to_container(tree, resolve=True)
