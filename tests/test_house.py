"""The layers and sizes that the map of the house promises, read from the sources."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "tlrun"
FILES = sorted(SOURCES.rglob("*.py"))

# Lowest first; a module imports from its own layer or a lower one, never from a higher one.
LAYERS = [
    {"errors", "options"},
    {"problem"},
    {"equation"},
    {"core"},
    {"losses", "metrics", "penalties", "seeding", "task_graph"},
    {"pruning", "sharing"},
    {"distillation"},
    {
        "backbones",
        "data",
        "devices",
        "model",
        "optimizers",
        "plugins",
        "schedules",
        "strategies",
        "structure",
    },
    {"build", "store", "trainer"},
    {"agreement", "planning"},
    {"result"},
    {"staging"},
    {"experiment", "help"},
    {"compose", "config_folder", "report", "sweeps"},
    {"doctor", "preflight"},
    {"session"},
    {"door"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
ROLES = {"strategies", "data", "backbones"}
CONFIG = {"hydra", "omegaconf"}
LIGHT = [  # no torch at the top
    "core", "equation", "problem", "options", "errors", "schedules", "sharing", "task_graph", "optimizers", "build",
    "plugins", "planning", "experiment",
]  # fmt: skip
ALLOWED_CONFIG = {"compose", "door", "experiment", "preflight", "session"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every absolute module that a file imports anywhere, and whether for types only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", id(node) in typing_only


def room(path: Path) -> str:
    """The name on the map: a top-level module or package of tlrun."""
    return path.relative_to(SOURCES).parts[0].removesuffix(".py")


def test_the_map_has_every_room() -> None:
    assert {room(path) for path in FILES} - {"__init__"} == set(LEVEL)
    assert len(FILES) > 25


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_a_lower_layer_never_imports_a_higher_one(path: Path) -> None:
    here = room(path)
    for module, typing_only in imports(path):
        parts = module.split(".")
        if parts[0] == "tlrun" and len(parts) > 1 and not typing_only:
            assert LEVEL[parts[1]] <= LEVEL[here], module
            if here in ROLES and parts[1] in ROLES:
                # a strategy may have a stage of another's
                assert parts[1] == here != "backbones", module
        if parts[0] in CONFIG:
            assert here in ALLOWED_CONFIG, module
        if parts[0] == "rich":
            assert here in {"session", "report"}, module


@pytest.mark.parametrize("room_name", LIGHT)
def test_a_config_is_checked_without_torch(room_name: str) -> None:
    tree = ast.parse((SOURCES / f"{room_name}.py").read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]

    for node in top:
        text = ast.unparse(node)
        assert "torch" not in text
        assert "tlrun.models.model" not in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) < 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 < 50, node.name


def test_tests_mirror_sources() -> None:
    tests = Path(__file__).parent
    for path in FILES:
        if path.name not in {"__init__.py", "__main__.py"}:
            relative = path.relative_to(SOURCES)
            assert (tests / relative.parent / f"test_{relative.name}").exists(), relative
