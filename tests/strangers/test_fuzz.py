"""Whatever a config, a command line or a YAML says: it is carried out, or told in lines.

What a quick look has time for is a part of the slow ones. The examples are the same each time;
TLRUN_FUZZ=1 draws others.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from strangers.generated import CONFIGS, LINES, YAMLS

from tlrun.config import preflight
from tlrun.config.user_folder import check_folder
from tlrun.core.errors import UserError

QUICK = {"configs": 300, "lines": 40, "yamls": 10}
WHOLE = {"configs": 2000, "lines": 300, "yamls": 50}


def examples(count: int) -> Any:
    """So many examples, the same ones each time unless others are asked for."""
    return settings(
        max_examples=count,
        derandomize="TLRUN_FUZZ" not in os.environ,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def succeeds(do: Callable[[], object]) -> bool:
    """Whether it does; if not, it raises a UserError that names a key for each mistake."""
    try:
        do()
    except UserError as error:
        told = error
    else:
        return True
    assert told.exit_code == 2
    assert told.mistakes
    for mistake, line in zip(told.mistakes, told.lines, strict=True):
        assert line.startswith(f"{mistake.key}: ")
        assert mistake.found
        assert len(line) < 10_000
    return False


def tried(what: str, counts: dict[str, int], do: Callable[[Any], object], drawn: Any) -> float:
    """The share of examples that succeed; none raises what is no UserError."""
    went: list[bool] = []

    def each(example: Any) -> None:
        went.append(succeeds(lambda: do(example)))

    given_them: Any = given(drawn)
    examples(counts[what])(given_them(each))()
    print(f"{len(went)} {what}, {sum(went)} of them carried out")
    assert len(went) >= counts[what]
    return sum(went) / len(went)


@pytest.mark.parametrize("counts", [QUICK, pytest.param(WHOLE, marks=pytest.mark.long)])
def test_any_config_is_built_or_told(counts: dict[str, int]) -> None:
    assert tried("configs", counts, preflight._built, CONFIGS) > 1 / 4


@pytest.mark.parametrize("counts", [QUICK, pytest.param(WHOLE, marks=pytest.mark.long)])
def test_any_command_line_is_checked_or_told(here: Path, counts: dict[str, int]) -> None:
    def do(line: tuple[list[str], bool]) -> object:
        return preflight.preflight(*line)

    assert tried("lines", counts, do, LINES) > 0.2


@pytest.mark.parametrize("counts", [QUICK, pytest.param(WHOLE, marks=pytest.mark.long)])
def test_any_yaml_is_composed_or_told(here: Path, counts: dict[str, int]) -> None:
    def do(text: str) -> object:
        with tempfile.TemporaryDirectory(dir=here) as folder:
            mine = Path(folder, "experiment")
            mine.mkdir()
            (mine / "x.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
            check_folder(mine.parent)
            return preflight.preflight(["experiment=x"], multirun=False, folder=mine.parent)

    assert tried("yamls", counts, do, YAMLS) > 0.2


@pytest.mark.parametrize(
    "line",
    [
        "seed=" + "[" * 3000,
        "seed=" + "[" * 3000 + "]" * 3000,
        "seed=" + "{a:" * 3000 + "1" + "}" * 3000,
        "seed=range(nan)",
        "seed=range(0,inf)",
        "seed=range(1e400)",
        "seed=choice(" * 500 + "1" + ")" * 500,
        "seed=" + "9" * 6000,
        "seed=0x" + "f" * 6000,
        "optimizer.lr=" + "9" * 400,
        "a" * 100_000 + "=1",
        "a." * 5000 + "b=1",
        "seed=\ud800",
        "seed='${oc.env:HOME}'",
        "=1",
        "",
        "~seed",
        "+a@b=c",
    ],
)
def test_what_a_grammar_may_fall_over_is_told(here: Path, line: str) -> None:
    for multirun in (False, True):
        assert not succeeds(lambda: preflight.preflight([line], multirun))  # noqa: B023


def test_a_valid_yaml_is_among_what_is_drawn() -> None:
    """So is one that is no YAML: the shares above are of both."""
    found: set[bool] = set()

    def each(text: str) -> None:
        try:
            found.add(isinstance(yaml.safe_load(text), dict))
        except (yaml.YAMLError, ValueError, RecursionError):
            found.add(False)

    examples(60)(given(YAMLS)(each))()

    assert found == {True, False}
