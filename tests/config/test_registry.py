from pathlib import Path

import pytest

from tlrun.config.build import build
from tlrun.config.registry import GROUPS, equation, find, name_of, names
from tlrun.core.options import as_node

from problems import config

GOOD = config(Path("runs"))


def test_every_group_has_names_and_every_name_a_class() -> None:
    for group in GROUPS:
        assert names(group)
        for name in names(group):
            assert name_of(group, find(group, name)()) == name


def test_the_equation_is_the_first_line_without_the_command() -> None:
    assert equation("strategy", "scratch") == "Control: min L_T from random weights, no source."


@pytest.mark.parametrize("group", GROUPS)
def test_every_object_is_told_as_the_node_it_is_made_from(group: str) -> None:
    for name in names(group):
        node = as_node(find(group, name)())
        assert node["name"] == name
        thing = getattr(build(GOOD | {group: node}), group)
        assert thing == find(group, name)()
        assert name_of(group, thing) == name
