"""What of a launcher a YAML may set. What it would do with more is in tests/strangers."""

from typing import Any

import pytest
from hydra.core.config_store import ConfigStore

from tlrun.config.launchers import launcher_mistakes

NODE: dict[str, Any] = {
    "_target_": "x.Launcher",
    "jobs": 1,
    "setup": None,
    "folder": "${hydra.sweep.dir}/x",
    "more": {},
}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ConfigStore()
    store.store("x", NODE, group="hydra/launcher")
    monkeypatch.setattr("hydra.core.config_store.ConfigStore.instance", lambda: store)


def keys(node: dict[str, Any], *overrides: str) -> list[str]:
    return [mistake.key for mistake in launcher_mistakes({**NODE, **node}, overrides)]


@pytest.mark.parametrize("node", [{}, {"jobs": 4}, {"jobs": True}, {"setup": 3}, {"jobs": None}])
def test_numbers_may_stand_in_a_yaml(node: dict[str, Any]) -> None:
    assert keys(node) == []


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"setup": ["touch X"]}, "hydra.launcher.setup.0"),
        ({"setup": []}, "hydra.launcher.setup"),
        ({"jobs": "4"}, "hydra.launcher.jobs"),
        ({"jobs": "${seed}"}, "hydra.launcher.jobs"),
        ({"folder": "/tmp"}, "hydra.launcher.folder"),
        ({"more": {"a\nb": 1}}, "hydra.launcher.more.a\nb"),
        ({"python": "sh"}, "hydra.launcher.python"),
        ({"other": 1}, "hydra.launcher.other"),  # which the launcher has not
    ],
)
def test_texts_lists_and_names_may_not(node: dict[str, Any], key: str) -> None:
    assert keys(node) == [key]


def test_the_command_line_may_set_all_and_nothing_is_put_beside_it() -> None:
    typed = ["hydra.launcher.setup=[a,b]", "hydra.launcher.more={mine: x}", "seed=1"]
    node = {"setup": ["a", "b"], "more": {"mine": "x"}}

    assert keys(node, *typed) == []
    assert keys({**node, "setup": ["a", "c"]}, *typed) == ["hydra.launcher.setup.1"]
    assert keys({**node, "more": {"mine": "x", "y": "z"}}, *typed) == ["hydra.launcher.more.y"]


def test_of_a_launcher_that_is_not_registered_a_yaml_sets_nothing() -> None:
    assert keys({"_target_": "y.Launcher", "more": {}})[0] == "hydra.launcher.jobs"
