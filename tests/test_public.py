"""The public face: what plug-ins and notebooks import."""

import ast
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import tlrun

HEAVY = ("torch", "numpy", "hydra", "omegaconf", "rich", "sklearn", "scipy")


def test_every_public_name_is_there_and_is_made_where_it_is_said_to_be() -> None:
    assert sorted(tlrun.__all__) == sorted(tlrun.HOMES)
    for name, module in tlrun.HOMES.items():
        thing = getattr(tlrun, name)
        made = getattr(thing, "__module__", None)
        assert made in {f"tlrun.{module}", "typing", "collections.abc"}, name
    assert set(tlrun.__all__) <= set(dir(tlrun))


def test_a_type_checker_sees_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(Path(str(tlrun.__file__)).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        seen |= {alias.name: str(node.module).removeprefix("tlrun.") for alias in node.names}

    assert seen == tlrun.HOMES
    assert resources.files("tlrun").joinpath("py.typed").is_file()


def test_importing_it_imports_nothing_else() -> None:
    program = f"""
import sys
import tlrun
print(sorted(name for name in sys.modules if name.partition(".")[0] in {("tlrun", *HEAVY)}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "['tlrun']"


def test_what_a_plug_in_is_made_of_costs_no_torch() -> None:
    """It is imported when a config is checked."""
    program = """
import sys
from tlrun import Constant, Control, Objective, Range, Scratch, Stage, Strategy, UserError
from tlrun import Backbone, Dataset, Part, assemble, load_run, load_runs, source_stage
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


def test_a_name_that_is_none_is_an_error_of_the_usual_kind() -> None:
    with pytest.raises(AttributeError, match="module 'tlrun' has no attribute 'strategy_'"):
        _ = tlrun.strategy_
