"""Every YAML that ships."""

import subprocess
import sys
from dataclasses import fields
from importlib import resources
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from omegaconf import OmegaConf

import tlrun.models.backbones
import tlrun.strategies
from tlrun.config.build import Run
from tlrun.config.preflight import preflight
from tlrun.config.registry import GROUPS, find, names

CONFIGS = Path(str(resources.files("tlrun.configs")))
YAMLS = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.yaml"))
IN_GROUPS = [name for name in YAMLS if name.split("/")[0] in GROUPS]
STUDIES = [name for name in YAMLS if name.startswith("experiment/")]


# modules of strategies/ that hold no method
HELP = {
    "base", "checks", "controls", "estimator", "estimator_controls", "schedules", "terms",
    "transfer",
}  # fmt: skip


def built_by(*overrides: str) -> Run:
    return preflight(overrides, multirun=False).jobs[0].run


def test_all_are_seen() -> None:
    assert len(YAMLS) == 56
    assert len(IN_GROUPS) == sum(len(names(group)) for group in GROUPS) == 43
    assert len(STUDIES) == 12


@pytest.mark.parametrize("name", IN_GROUPS)
def test_every_yaml_builds(name: str) -> None:
    group, choice = name.removesuffix(".yaml").split("/")

    built = getattr(built_by(f"{group}={choice}"), group)

    assert type(built) is find(group, choice)


@pytest.mark.parametrize("name", IN_GROUPS)
def test_yaml_and_class_have_the_same_keys_and_defaults(name: str) -> None:
    group, choice = name.removesuffix(".yaml").split("/")
    node: Any = OmegaConf.to_container(OmegaConf.load(CONFIGS / name))
    built = getattr(built_by(f"{group}={choice}"), group)
    default = find(group, choice)()

    assert list(node) == ["name", *(field.name for field in fields(default))]
    assert built == default


@pytest.mark.parametrize("name", YAMLS)
def test_line_one_says_what_it_is_and_how_to_run_it(name: str) -> None:
    lines = (CONFIGS / name).read_text(encoding="utf-8").splitlines()
    if name in STUDIES:  # Hydra wants this before any other word
        assert lines.pop(0) == "# @package _global_"
    first = lines[0]
    meaning, _, command = first.removeprefix("# ").partition("   ")

    assert first.startswith("# ")
    assert meaning.endswith((".", ")", "?"))
    assert command.startswith("tl-run ")
    built_by(*command.removeprefix("tl-run ").split())


@pytest.mark.parametrize(
    ("group", "package"), [("strategy", tlrun.strategies), ("backbone", tlrun.models.backbones)]
)
def test_every_module_of_a_role_has_a_yaml(group: str, package: Any) -> None:
    modules = [module.name for module in iter_modules(package.__path__)]

    assert [name for name in modules if name not in HELP] == list(names(group))


def test_validating_every_yaml_imports_nothing_heavy() -> None:
    program = """
import sys
from tlrun.config.preflight import preflight
from tlrun.config.registry import GROUPS, names
for group in GROUPS:
    for name in names(group):
        assert preflight([f"{group}={name}"], multirun=False).jobs
heavy = {"torch", "torchvision", "timm", "sklearn", "scipy", "numpy", "rich"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
