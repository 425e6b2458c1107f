"""What a config may not do, read from plain trees."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.config.refusals import hydra_differs, leaves, misshapen, one_line, refused, resolved

SHIPPED = {
    "run.dir": ".",
    "sweep.dir": ".",
    "mode": None,
    "launcher._target_": "ours",
    "job.num": None,
    "sweeper.params": None,
}
LAUNCHERS = {"hydra.BasicLauncher"}
KEYS = st.text("abcdef", min_size=1, max_size=3)
VALUES = st.none() | st.booleans() | st.integers() | st.text("xyz ", max_size=4)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        VALUES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


def lines(config: dict[str, Any]) -> list[str]:
    return [str(mistake) for mistake in refused(config)]


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            {"strategy": {"_target_": "os.system"}},
            "strategy._target_: refused; a config names things, and never code (found os.system)",
        ),
        ({"a": {"b": [{"_partial_": True}]}}, "a.b.0._partial_: refused; a config names things"),
        ({"a": {"_x_": {"b": 1}}}, "a._x_.b: refused"),
        (
            {"a": "${oc.env:HOME}"},
            "a: expected a value or one reference like ${seed}, found ${oc.env:HOME}",
        ),
        ({"a": "x${b}", "b": 1}, "a: expected a value or one reference like ${seed}, found x${b}"),
        ({"a": ["${b}${b}"], "b": 1}, "a.0: expected a value or one reference"),
        ({"a": "${a}"}, "a: expected a reference to a key with a value of its own, found ${a}"),
        ({"a": "${b}"}, "a: expected a reference to a key with a value of its own, found ${b}"),
        ({"a": "${b}", "b": {"c": 1}}, "a: expected a reference to a key with a value of its own"),
        ({"a": "${b}", "b": "${c}", "c": 1}, "a: expected a reference to a key with a value"),
    ],
)
def test_code_and_more_than_one_reference_are_refused(config: dict[str, Any], line: str) -> None:
    (found,) = lines(config)

    assert found.startswith(line)


@given(TREES)
def test_plain_data_are_never_refused_and_stay_as_they_are(tree: dict[str, Any]) -> None:
    assert refused(tree) == []
    assert resolved(tree) == tree


def test_what_is_between_underscores_is_code_and_what_has_some_is_a_name() -> None:
    assert refused({"first_lam": 1, "_a": 1, "a_": 1, "__": 1}) == []
    assert len(refused({"_args_": 1, "__target__": 1})) == 2


def test_references_are_followed_one_step_and_no_further() -> None:
    config = {"a": {"b": 1, "c": ["${a.b}", 2]}, "d": "${a.b}"}

    assert refused(config) == []
    assert resolved(config) == {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert len(refused({"a": "${b}", "b": "${c}", "c": 1})) == 1


def test_every_reference_that_is_not_refused_can_be_followed() -> None:
    values: tuple[Any, ...] = (None, "", 0, [], {})
    for value in values:
        config = {"a": "${b}", "b": value}

        assert refused(config) == []
        assert resolved(config) == {"a": value, "b": value}


@pytest.mark.parametrize(
    ("hydra", "line"),
    [
        (None, "hydra: expected to be left as tl-run sets it, but for sweeper.params, mode and"),
        ([], "hydra: expected to be left as tl-run sets it"),
        ({"sweeper": None}, "hydra: expected to be left as tl-run sets it"),
        (
            {"sweeper": {"params": ["a"]}, "verbose": False},
            "hydra.sweeper.params: expected key: values, found ['a']",
        ),
        (
            {"sweeper": {}, "verbose": 1},
            "hydra.verbose: expected true, false or names of loggers, found 1",
        ),
    ],
)
def test_what_hydra_would_meet_with_a_traceback_is_a_line(hydra: Any, line: str) -> None:
    (found,) = map(str, misshapen(hydra))

    assert found.startswith(line)


@pytest.mark.parametrize("verbose", [True, False, "tlrun", ["tlrun", "hydra"]])
@pytest.mark.parametrize("params", [None, {}, {"seed": "0,1"}])
def test_axes_and_loggers_are_free(verbose: object, params: object) -> None:
    assert misshapen({"sweeper": {"params": params}, "verbose": verbose}) == []


def differing(**changes: Any) -> list[str]:
    """The keys that may not differ; `__` stands for a dot, ... for a key that is not there."""
    theirs = SHIPPED | {key.replace("__", "."): value for key, value in changes.items()}
    theirs = {key: value for key, value in theirs.items() if value is not ...}
    return [mistake.key for mistake in hydra_differs(SHIPPED, theirs, LAUNCHERS)]


def test_a_node_as_shipped_differs_in_nothing() -> None:
    assert differing() == []


@pytest.mark.parametrize(
    "free",
    [
        {"mode": "MULTIRUN"},
        {"verbose": True},
        {"job__num": 3},
        {"sweeper__params": ..., "sweeper__params__seed": "0,1"},
        {"runtime__cwd": "elsewhere"},
        {"overrides__task": ["seed=1"]},
        {"searchpath": ["file://mine"]},
    ],
)
def test_what_says_how_it_was_composed_is_free(free: dict[str, Any]) -> None:
    assert differing(**free) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"run__dir": "stray"}, "hydra.run.dir"),
        ({"run__dir": ...}, "hydra.run.dir"),
        ({"callbacks__x": "torch.load"}, "hydra.callbacks.x"),
        ({"modes": "MULTIRUN"}, "hydra.modes"),  # only looks like `mode`
        ({"job__name": "x"}, "hydra.job.name"),
    ],
)
def test_all_else_is_left_as_shipped(changes: dict[str, Any], key: str) -> None:
    assert differing(**changes) == [key]


def test_a_launcher_of_an_installed_package_may_be_chosen_with_its_fields() -> None:
    basic = "hydra.BasicLauncher"

    def chosen(target: str, **options: Any) -> list[str]:
        theirs = SHIPPED | {"launcher._target_": target}
        theirs |= {f"launcher.{name}": value for name, value in options.items()}
        return [mistake.key for mistake in hydra_differs(SHIPPED, theirs, LAUNCHERS)]

    assert chosen(basic) == []
    assert chosen(basic, n_jobs=2) == []
    assert chosen("torch.load") == ["hydra.launcher._target_"]
    assert chosen("ours", n_jobs=2) == ["hydra.launcher.n_jobs"]
    assert chosen(basic, _args_=[1]) == ["hydra.launcher._args_"]


@given(TREES)
def test_leaves_are_every_value_once_under_its_path(tree: dict[str, Any]) -> None:
    found = dict(leaves(tree))

    assert len(found) == len(list(leaves(tree)))
    for path, value in found.items():
        node: Any = tree
        for key in path.split("."):
            node = node[int(key)] if isinstance(node, list) else node[key]
        assert node == value
        assert not (isinstance(value, dict | list) and value)


@given(st.text(max_size=1000))
def test_a_message_of_anothers_is_one_line_and_not_all_of_a_long_one(message: str) -> None:
    found = one_line(message)

    assert len(found.splitlines()) <= 1
    assert len(found) <= 300
    assert found in " ".join(message.split())
