"""Configs for fuzzing: valid ones, valid ones with something odd in them, and anything at all."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st

from tlrun.config import preflight
from tlrun.config.compose import composed
from tlrun.config.registry import GROUPS, find, names
from tlrun.core.errors import UserError
from tlrun.core.options import LARGEST, choices, fields

TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "",
        " ",
        "~nobody-at-all/x",
        "/dev/zero",
        "a" * 300,
        "a\0b",
        "\x1b[31m",
        "${seed}",
        "${seed",
        "${",
        "${oc.env:HOME}",
        "nan",
        "inf",
        "-0",
        "1e999",
        "null",
        "true",
        "[a]",
        "../..",
        "λ",
        "\u202e",
        "\ud800",
    ]
)
HUGE = st.sampled_from([10**30, -(10**400), LARGEST, -LARGEST, LARGEST + 1])
NUMBERS = st.integers() | HUGE | st.floats() | st.sampled_from([0, 1, 2, -1, 0.5, 1e-30, 1e300])
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
ODD = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS | st.integers() | st.booleans() | st.none(), inner, max_size=4)
    ),
    max_leaves=8,
)


SHORT = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=9)
)
ODD_SHORT = st.recursive(
    SHORT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@cache
def whole(group: str, name: str) -> Mapping[str, Any]:
    """The config that is composed where `name` is chosen of a group."""
    return composed([f"{group}={name}"]).config


@cache
def bases() -> list[Mapping[str, Any]]:
    """Whole configs, one for each name of each group."""
    return [whole(group, name) for group in GROUPS for name in names(group)]


@cache
def valid() -> list[Mapping[str, Any]]:
    """Those of them that are carried out as they are."""
    found = []
    for base in bases():
        with suppress(UserError):
            preflight._built(copy.deepcopy(dict(base)))
            found.append(base)
    return found


def places(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The place of every node and value of a config."""
    for key, value in node.items():
        yield (*path, key)
        if isinstance(value, Mapping):
            yield from places(value, (*path, key))


def node_at(config: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    """What stands at a place."""
    node: Any = config
    for key in place:
        node = node[key]
    return node


@st.composite
def near(draw: st.DrawFn) -> dict[str, Any]:
    """A whole config as composed, with another allowed word here and there."""
    config = copy.deepcopy(dict(draw(st.sampled_from(bases()))))
    for group in draw(st.lists(st.sampled_from([*GROUPS]), max_size=2)):
        hints = fields(find(group, config[group]["name"]))
        worded = [name for name, hint in hints.items() if choices(hint)]
        for name in draw(st.lists(st.sampled_from(worded), max_size=2)) if worded else ():
            word = draw(st.sampled_from(choices(hints[name])))
            plain = {"true": True, "false": False, "null": None, "inf": float("inf")}
            config[group][name] = plain.get(word, word)
    config["seed"] = draw(st.integers(0, LARGEST))
    return config


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A whole config in which one to three places hold something odd, are gone, or are new."""
    config = draw(near())
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(list(places(config))))
        node = node_at(config, tuple(parents))
        what = draw(st.sampled_from(["odd", "odd", "odd", "gone", "new", "deep"]))
        if what == "gone":
            del node[last]
        elif what == "new":
            node[draw(TEXTS)] = draw(ODD)
        elif what == "deep":
            deep: Any = 1
            for _ in range(draw(st.sampled_from([10, 100, 300]))):
                deep = [deep] if draw(st.booleans()) else {"a": deep}
            node[last] = deep
        else:
            node[last] = draw(ODD)
    return config


ANYTHING = st.dictionaries(
    st.sampled_from(["seed", *GROUPS, "hydra", "x"]) | TEXTS, ODD, max_size=6
)
SEEDED = st.builds(
    lambda base, seed: {**copy.deepcopy(dict(base)), "seed": seed},
    st.deferred(lambda: st.sampled_from(valid())),
    st.integers(0, LARGEST),
)
# A third and more are valid.
CONFIGS = st.sampled_from([*[SEEDED] * 6, near(), *[spoilt()] * 3, ANYTHING]).flatmap(
    lambda kind: kind
)


def written(value: object) -> str:
    """A value in Hydra's grammar, or nearly."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(written, value))}]"
    if value is None:
        return "null"
    if isinstance(value, int) and abs(value) > LARGEST:
        return f"{value:#x}"
    return str(value)


KEYS = st.deferred(
    lambda: st.sampled_from(sorted({".".join(p) for base in bases() for p in places(base)}))
)
CHOICES = st.sampled_from([f"{group}={name}" for group in GROUPS for name in names(group)])
SETTINGS = CHOICES | st.sampled_from(
    [
        "seed=3",
        "trainer.steps=7",
        "optimizer.lr=0.1",
        "threads=2",
        "controls=false",
        "lam.value=inf",
        "experiment=smoke",
        "verdict.alpha=0.1",
        "dataset=digits",
        "strategy=joint",
        "runs_dir=x",
    ]
)
STRANGE = st.one_of(
    st.builds(lambda key, value: f"{key}={written(value)}", KEYS, ODD),
    st.builds(
        lambda a, key, b: f"{a}{key}={b}",
        st.sampled_from(["", "+", "++", "~", "hydra."]),
        KEYS,
        TEXTS,
    ),
    st.builds(
        lambda key, values: f"{key}={','.join(map(written, values))}",
        KEYS,
        st.lists(PLAIN, max_size=4),
    ),
    st.builds(
        lambda call, a, b: f"seed={call}({written(a)},{written(b)})",
        st.sampled_from(["range", "choice", "interval", "glob", "sort", "shuffle", "tag", "str"]),
        PLAIN,
        PLAIN,
    ),
    st.builds(
        lambda group, name: f"{group}={name}",
        st.sampled_from([*GROUPS, "experiment", "hydra/launcher", "hydra/sweeper"]),
        TEXTS,
    ),
    TEXTS,
)
FINE = st.lists(SETTINGS, max_size=3, unique_by=lambda text: text.partition("=")[0])
LINES = st.tuples(FINE | FINE | st.lists(SETTINGS | STRANGE, max_size=4), st.booleans())

HEADER = "# @package _global_\n"
RAW = st.text(st.sampled_from(" \n:-{}[]&*!|>'\"%@`,#?$~.0123456789eaxbf\t\u2028é"), max_size=200)
GOOD = st.fixed_dictionaries(
    {},
    optional={"seed": st.integers(0, 9), "threads": st.integers(1, 4), "controls": st.booleans()},
)
YAMLS = st.one_of(
    GOOD.map(lambda node: HEADER + yaml.safe_dump(node)),
    st.dictionaries(
        st.sampled_from(["seed", "dataset", "defaults", "hydra", "strategy"]), ODD_SHORT
    ).map(lambda node: HEADER + yaml.safe_dump(node)),
    RAW.map(lambda text: HEADER + text),
    RAW,
)
