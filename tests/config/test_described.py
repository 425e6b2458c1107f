from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from packages import package

from tlrun.config import described, plugins
from tlrun.config.described import EXPERIMENT, all_names, entry, meaning, top_keys, top_nodes, typed
from tlrun.config.registry import GROUPS, equation, find, options
from tlrun.core.options import Range, fields

PLUGIN = '''
from dataclasses import dataclass
from typing import Annotated, Literal
from tlrun import Backbone, Range

@dataclass(frozen=True)
class Tiny:
    """φ(x) = tiny.

    width_of_features: how many numbers
        z has. shape: of what they are.
    """

    width_of_features: Annotated[int, Range(1, 9)] = 8
    shape: Literal["round", "square"] = "round"
    learns = True

    def width(self, shape): ...
    def build(self, shape): ...
'''


@dataclass(frozen=True)
class Made:
    """A class with an option that no YAML knows. soft: how soft."""

    hard: Literal["very", "not"] = "not"
    soft: Annotated[float, Range(0.0, 2.0)] = 1.5


@pytest.mark.parametrize("group", [*GROUPS, EXPERIMENT])
def test_every_yaml_says_what_each_key_means(group: str) -> None:
    for name in all_names(group):
        it = entry(group, name)
        assert it.meaning
        assert it.command.startswith("tl-run ")
        assert it.keys or it.axes or name in {"joint", "identity"}
        for key in it.keys:
            assert key.comment, key
            assert key.allowed, key
            assert key.default, key


def test_every_key_of_the_top_says_what_it_means() -> None:
    assert {"seed", "device", "runs_dir", "sweep.jobs", "verdict.alpha"} <= top_keys().keys()
    assert all(key.comment and key.default and key.allowed for key in top_keys().values())
    assert all(top_nodes().values())


@pytest.mark.parametrize("group", GROUPS)
def test_the_keys_are_the_options_of_the_class(group: str) -> None:
    for name in all_names(group):
        known = [key.key for key in entry(group, name).keys]
        assert known == [f"{group}.{option}" for option in fields(find(group, name))]
        assert meaning(group, name) == equation(group, name)
        assert all(name in options()[key.partition(".")[2]][group] for key in known)


def test_an_option_of_the_class_or_of_the_yaml_is_seen_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One source: nothing about it is written a second time."""
    monkeypatch.setattr(described, "find", lambda group, name: Made)
    (tmp_path / "strategy").mkdir()
    file = tmp_path / "strategy" / "made.yaml"
    file.write_text("# Made.   tl-run strategy=made\nname: joint\nhard: very  # as stone\n")
    hard, soft = entry("strategy", "made", tmp_path).keys

    assert (hard.key, hard.default, hard.allowed, hard.comment) == (
        "strategy.hard",
        "very",
        "one of very, not",
        "as stone",
    )
    assert (soft.key, soft.default, soft.allowed, soft.comment) == (
        "strategy.soft",
        "1.5",
        "a number from 0 to 2",
        "how soft",
    )


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)

    def put() -> None:
        points = {"tlrun.backbones": "tiny = pkg_described:Tiny"}
        package(tmp_path / "site", "pkg_described", PLUGIN, points)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))

    return put


def test_a_plug_in_is_described_by_its_class_and_its_docstring(install: Callable[[], None]) -> None:
    install()
    it = entry("backbone", "tiny")
    width, shape = it.keys

    assert (it.meaning, it.command) == ("φ(x) = tiny.", "tl-run backbone=tiny")
    assert it.origin == "from pkg_described 1.0"
    assert (width.default, width.allowed) == ("8", "a whole number from 1 to 9")
    assert width.comment == "how many numbers z has"
    assert (shape.allowed, shape.comment) == ("one of round, square", "of what they are")


@pytest.mark.parametrize("text", ["a: [", "", "- 1", "name: nonesuch\nx: 1", "name: [1]"])
def test_a_broken_yaml_of_a_user_is_no_mistake_of_help(tmp_path: Path, text: str) -> None:
    """It is told where it is used."""
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "odd.yml").write_text(text)

    assert "odd" in all_names("strategy", tmp_path)
    assert entry("strategy", "odd", tmp_path).name == "odd"


def test_a_yaml_that_builds_on_another_has_the_options_of_that(tmp_path: Path) -> None:
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "mine.yaml").write_text(
        "# Mine.\ndefaults: [task_relation, _self_]\nscope: towers\n"
    )
    keys = {key.key: key for key in entry("strategy", "mine", tmp_path).keys}

    assert keys["strategy.scope"].default == "towers"
    assert keys["strategy.scope"].comment.startswith("towers:")  # of ours
    assert keys["strategy.relation"].default == "trace_norm"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), ((1, "a"), "[1,a]"), (0.5, "0.5"), (((0, 1),), "[[0,1]]")],
)
def test_a_default_is_shown_as_it_is_typed(value: object, text: str) -> None:
    assert typed(value) == text
