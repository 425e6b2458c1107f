import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from packages import package

from tlrun.config import plugins
from tlrun.config.build import build
from tlrun.config.preflight import preflight
from tlrun.config.registry import equation, find, names, shipped
from tlrun.core.errors import UserError
from tlrun.runs.identity import node_of
from tlrun.runs.plan import plan
from tlrun.runs.remembered import ProblemCache

from problems import Watcher, config

GOOD = """
from dataclasses import dataclass
from tlrun.strategies.scratch import Scratch
from tlrun.models.backbones.mlp import Mlp
from tlrun.data.datasets.digits import Digits

@dataclass(frozen=True)
class Gradual(Scratch):
    '''Scratch by another name: min L_T.

    More words.
    '''
    pace: tuple[int, ...] = (1, 2)

@dataclass(frozen=True)
class Tiny(Mlp):
    hidden: tuple[int, ...] = (2,)

@dataclass(frozen=True)
class Hard(Digits):
    split_seed: int = 7
"""
POINTS = {
    "tlrun.strategies": "gradual = PKG:Gradual\nscratch = PKG:Gradual\nBad-Name = PKG:Gradual",
    "tlrun.backbones": "tiny = PKG:Tiny",
    "tlrun.datasets": "hard = PKG:Hard",
}

Install = Callable[..., str]


@pytest.fixture
def install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Install:
    """Puts a package on the path, under a name no other test has."""
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)

    def put(source: str, points: dict[str, str]) -> str:
        name = f"pkg_{abs(hash(request.node.name))}"
        package(
            tmp_path / "site",
            name,
            source,
            {group: text.replace("PKG", name) for group, text in points.items()},
        )
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        return name

    return put


def test_without_plug_ins_the_names_are_ours() -> None:
    assert names("strategy") == shipped("strategy")
    assert plugins.announced("lam") == {}


def test_every_role_takes_a_plug_in(install: Install, tmp_path: Path) -> None:
    name = install(GOOD, POINTS)
    chosen = ["strategy=gradual", "backbone=tiny", "dataset=hard", "strategy.pace=[3]"]
    (job,) = preflight(chosen, multirun=False).jobs
    asked = plan(replace(job.run, runs_dir=str(tmp_path)), ProblemCache(), Watcher())

    assert node_of("strategy", job.run.strategy) == {
        "name": "gradual",
        "budget": "target",
        "start": "random",
        "pace": (3,),
    }
    assert node_of("backbone", job.run.backbone)["hidden"] == (2,)
    assert node_of("dataset", job.run.dataset)["split_seed"] == 7
    assert asked.run_dir.group == "hard/gradual"
    assert set(asked.fingerprint) >= {"plug-in strategy", "plug-in backbone", "plug-in dataset"}
    assert plugins.origin("strategy", "gradual") == f"{name} 1.0"
    assert equation("strategy", "gradual") == "Scratch by another name: min L_T."


def test_its_options_are_checked_like_ours(install: Install) -> None:
    install(GOOD, POINTS)
    with pytest.raises(UserError) as caught:
        preflight(
            ["strategy=gradual", "strategy.pacee=[3]", "strategy.budget=all", "backbone=tny"],
            multirun=False,
        )

    assert sorted(line.split(":")[0] for line in caught.value.lines) == [
        "backbone",
        "strategy.budget",
        "strategy.pacee",
    ]
    assert any("did you mean tiny?" in line for line in caught.value.lines)


def test_ours_cannot_be_taken_over_and_odd_names_are_left_out(install: Install) -> None:
    install(GOOD, POINTS)

    assert find("strategy", "scratch").__module__ == "tlrun.strategies.scratch"
    assert names("strategy") == (*shipped("strategy"), "gradual")


def test_it_is_not_imported_before_it_is_chosen(install: Install) -> None:
    name = install("raise RuntimeError('imported')", {"tlrun.strategies": "gradual = PKG:Gradual"})

    assert preflight(["strategy=scratch"], multirun=False).jobs
    assert name not in sys.modules
    with pytest.raises(
        UserError,
        match=r"strategy: gradual of pkg_\d+ 1.0 .* cannot be imported: RuntimeError: import",
    ):
        preflight(["strategy=gradual"], multirun=False)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            "class X: pass",
            "expected a frozen dataclass whose fields are its options, found <class ",
        ),
        (
            "@dataclass\nclass X:\n  a: int = 1",
            "expected @dataclass(frozen=True), found @dataclass",
        ),
        (
            "@dataclass(frozen=True)\nclass X(Strategy):\n  a: int = 1",
            "expected a method objective, found none",
        ),
        (
            "@dataclass(frozen=True)\nclass X(Scratch):\n  a: int = 'x'",
            "expected a default of a that is a whole number",
        ),
        ("import sys\nsys.exit(0)", "cannot be imported: SystemExit: 0"),
        ("X = 3", "expected a frozen dataclass whose fields are its options, found 3"),
        (
            "@dataclass(frozen=True)\nclass X:\n  a: int = 1",
            "expected a subclass of tlrun.Strategy, found X",
        ),
        (
            "@dataclass(frozen=True)\nclass X(Scratch):\n  a: dict = None",
            "expected types of options as in tlrun/core/options.py, found ",
        ),
        (
            "@dataclass(frozen=True)\nclass X(Scratch):\n  name: str = ''",
            "expected no option called name, which it is chosen by, found one",
        ),
        (
            "@dataclass(frozen=True, kw_only=True)\nclass X(Scratch):\n  a: int",
            "expected a default for the option a, found none",
        ),
    ],
)
def test_what_is_no_strategy_is_refused_in_a_line(install: Install, source: str, line: str) -> None:
    names = (
        ("dataclasses", "dataclass"),
        ("tlrun", "Strategy"),
        ("tlrun.strategies.scratch", "Scratch"),
    )
    head = "".join(f"from {module} import {name}\n" for module, name in names)
    install(head + source, {"tlrun.strategies": "x = PKG:X"})
    with pytest.raises(UserError) as caught:
        plugins.load("strategy", "x")

    with pytest.raises(UserError) as in_a_config:
        build(config(Path("runs"), strategy={"name": "x"}))

    assert any(line in found for found in caught.value.lines)
    assert all(re.match(r"strategy: x of pkg_\d+ 1\.0 \(", found) for found in caught.value.lines)
    assert in_a_config.value.lines == caught.value.lines


def test_another_source_is_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "pkg_source", GOOD, {})
    monkeypatch.syspath_prepend(str(tmp_path))
    one = plugins.sources.__wrapped__("pkg_source")
    (tmp_path / "pkg_source.py").write_text(GOOD + "\n# changed\n")

    assert plugins.sources.__wrapped__("pkg_source") != one
