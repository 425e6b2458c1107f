"""Runs of others, whose JSON and YAML hold anything: they are listed, and hide no other run."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from strangers.told import told

from tlrun.store.digests import OWN, sealed

from made_runs import put_study
from problems import TINY, sign

ODD: list[Any] = [None, True, -1, 1e308, 10**30, "", "x\x1b[31m", [], ["a"], {}, {"a": {"b": [1]}}]
FILES = ("run.json", "result.json", "data.json")
SIGNED = [f"signed {name}" for name in FILES]
DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of runs that nobody trained."""
    runs_dir = tmp_path_factory.mktemp("whole")
    put_study(runs_dir, 2, 40)
    return runs_dir


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON; of the elements of a list the first alone."""
    yield path
    inner: dict[Any, Any] = value if isinstance(value, dict) else {}
    if isinstance(value, list):
        inner = dict(enumerate(value[:1]))
    for key, each in inner.items():
        yield from places(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    result = copy.deepcopy(value)
    node = result
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = new
    return result


def commands(runs_dir: Path, run: Path) -> list[list[str]]:
    below = ["--runs-dir", str(runs_dir)]
    return [
        ["ls", "--all", *below],
        ["ls", "--all", "seed=0", *below],
        ["ls", "--sweeps", *below],
        ["show", run.name, *below],
        ["report", str(runs_dir)],
        ["export", "--csv", str(runs_dir / "x.csv"), *below],
        ["clean", *below],
        ["doctor", "--verify", *below],
    ]


def assert_told(runs_dir: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No command falls or hides a run."""
    listing, *others = commands(runs_dir, run)
    code, listed = told(listing, capsys)
    assert code == 0
    for each in runs_dir.glob("made/*/*"):
        assert each.name in listed
    for command in others:
        code, text = told(command, capsys)

        assert code in (0, 1, 2)
        assert "\x1b" not in text
        assert len(text) < 100_000


def run_of(runs_dir: Path) -> Path:
    return next(iter(sorted(runs_dir.glob("made/parameter_transfer/*"))))


def put(file: Path, value: Any, signed: bool) -> None:
    """Write a file of a run. signed: with a run.json whose digests are right."""
    file.write_text(json.dumps(value))
    if signed and file.name != "run.json":
        sign(file.parent)
    elif signed and isinstance(value, dict):
        value.pop(OWN, None)
        file.write_text(json.dumps(sealed(value)))


@pytest.mark.parametrize("name", ["run.json", *SIGNED])
@pytest.mark.parametrize(
    "part", [pytest.param(k, marks=[pytest.mark.slow][: k > 0]) for k in range(8)]
)
def test_json_of_another_shape_makes_no_command_fall(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], name: str, part: int
) -> None:
    """Every place of a file holds every odd thing once, in eight parts."""
    runs_dir = tmp_path / "runs"
    shutil.copytree(whole, runs_dir)
    signed, file = name in SIGNED, run_of(runs_dir) / name.removeprefix("signed ")
    if signed:
        sign(file.parent, large={"predictions.safetensors": [1, 2]})
    before = json.loads(file.read_text())
    tries = [(path, odd) for path in places(before) for odd in ODD]
    step = 8 if part else 96
    for path, odd in tries[part::step]:
        put(file, changed(before, path, odd), signed)
        assert_told(runs_dir, file.parent, capsys)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, '{"seed": ' + "9" * 5000 + "}", "\0"])
def test_json_without_an_end_hides_no_other_run(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    runs_dir = tmp_path / "runs"
    shutil.copytree(whole, runs_dir)
    run = run_of(runs_dir)
    (run / name).write_text(text)
    if name != "run.json":
        sign(run)
    assert_told(runs_dir, run, capsys)


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text", [BOMB, "a: " + DEEP, "a: &a [*a]", "!!python/object:x {}", "\0", "1"]
)
def test_a_config_that_is_a_bomb_is_none(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    runs_dir = tmp_path / "runs"
    shutil.copytree(whole, runs_dir)
    run = run_of(runs_dir)
    (run / "config.yaml").write_text(text)

    assert_told(runs_dir, run, capsys)


def test_a_sweep_of_another_shape_is_none(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["-m", "seed=0,1", "strategy=scratch", "controls=false", *TINY], capsys)[0] == 0
    (file,) = here.glob("runs/.sweeps/*/sweep.json")
    before = json.loads(file.read_text())
    for path in places(before):
        for odd in ([1], {"a": 1}):
            file.write_text(json.dumps(changed(before, path, odd)))
            assert told(["ls", "--sweeps"], capsys)[0] == 0
            assert told(["doctor", "--verify"], capsys)[0] in (0, 1)
