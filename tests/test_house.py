"""The rooms and floors that CONTRIBUTING.md draws, read from the sources."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "tlrun"
FILES = sorted(SOURCES.rglob("*.py"))

# The lowest first. A room imports from itself and from lower ones, for types too.
FLOORS = [
    "core",
    "models",
    "store",
    "data",
    "strategies",
    "training",
    "config",
    "runs",
    "inference",
    "sweeps",
    "report",
    "selection",
    "cli",
    "api",
    "__main__",
    "__init__",
]
LEVEL = {room: level for level, room in enumerate(FLOORS)}
# Rooms that a config is checked in: no module of theirs imports torch at its top …
LIGHT = {"core", "config", "cli", "api", "report", "__init__", "__main__"}
# … nor do the classes that a config names, which import it inside methods.
ROLES = {"data/datasets", "models/backbones", "strategies", "training/optimizers.py"}
HEAVY = {"torch", "pyarrow", "sklearn", "scipy", "timm", "torchvision"}
HYDRA = {"hydra", "omegaconf"}
KNOWS_HYDRA = {"cli", "config"}
KNOWS_RICH = {"cli", "api", "report"}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCES).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SOURCES).parts[0].removesuffix(".py")


def modules_in(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere, once for each name taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_file(dotted: str) -> Path | None:
    """The file of ours that an import of `dotted` reads: a module, a package, or a name in one."""
    for path in (dotted, dotted.rpartition(".")[0]):
        place = SOURCES.parent.joinpath(*path.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def test_the_top_level_is_the_list_of_floors() -> None:
    there = {room_of(path) for path in FILES}

    assert there == set(FLOORS)
    assert len(FILES) > 80


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    there = {".".join(path.parent.relative_to(SOURCES.parent).parts) for path in FILES}

    assert listed == there | {"tlrun.configs"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_import_goes_upwards(path: Path) -> None:
    here = room_of(path)

    for module in modules_in(parsed(path)):
        parts = module.split(".")
        if parts[0] == "tlrun" and len(parts) > 1 and parts[1] in LEVEL:
            assert LEVEL[parts[1]] <= LEVEL[here], module
        if parts[0] in HYDRA:
            assert here in KNOWS_HYDRA, module
        if parts[0] == "rich":
            assert here in KNOWS_RICH, module


def test_no_module_is_in_a_circle_of_imports() -> None:
    graph = {
        path: {file for module in modules_in(parsed(path)) if (file := module_file(module))}
        for path in FILES
        if path != SOURCES / "__init__.py"
    }
    left = dict(graph)
    while free := [path for path, needs in left.items() if not needs & left.keys() - {path}]:
        for path in free:
            del left[path]

    assert sorted(map(name_of, left)) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_config_is_checked_without_torch(path: Path) -> None:
    light = room_of(path) in LIGHT or any(name_of(path).startswith(role) for role in ROLES)
    if not light or name_of(path).startswith("strategies/terms/"):
        return

    for node in parsed(path).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in modules_in(node):
                assert module.split(".")[0] not in HEAVY, module
                assert not module.startswith("tlrun.models.model"), module


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 250
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 < 50, node.name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_module_only_hands_on_names(path: Path) -> None:
    """The public face aside: whoever imports a name reads where it is made."""
    if path == SOURCES / "__init__.py":
        return
    body = [node for node in parsed(path).body if not isinstance(node, ast.Expr)]
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    if path.name == "__init__.py":
        assert not body
    else:
        assert len(body) > len(imports)


def has_behaviour(path: Path) -> bool:
    """Whether a module holds more than protocols: a function that does something."""
    functions = (n for n in ast.walk(parsed(path)) if isinstance(n, ast.FunctionDef))
    return any(
        not isinstance(statement, ast.Expr) and not isinstance(statement, ast.Pass)
        for function in functions
        for statement in function.body
    )


def test_tests_mirror_sources() -> None:
    tests = ROOT / "tests"
    wanted = {
        path.relative_to(SOURCES).with_name(f"test_{path.name}")
        for path in FILES
        if path.name not in {"__init__.py", "__main__.py"} and has_behaviour(path)
    }
    there = {path.relative_to(tests) for path in tests.rglob("test_*.py")}

    assert sorted(wanted - there) == []
    astray = {
        path
        for path in there - wanted
        if len(path.parts) > 1 and path.parts[0] not in {"reliability", "strangers"}
    }
    assert sorted(astray) == [
        Path("report/page/test_in_browser.py"),
        Path("strategies/test_every_strategy.py"),
    ]


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The functions and methods without an underscore, overriding and inner ones left out."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in inner:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                yield function


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_a_public_function_raises_stands_in_its_docstring(path: Path) -> None:
    for function in public_functions(parsed(path)):
        raised = {
            call.func.id
            for node in ast.walk(function)
            if isinstance(node, ast.Raise)
            and isinstance(call := node.exc, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id[0].isupper()
        }
        docstring = ast.get_docstring(function) or ""
        assert [error for error in raised if error not in docstring] == [], function.name
