"""The scripts that measure how commands grow: exponents, pictures, who is waited for."""

import math
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.trees import TreeFailed, taken
from draw_growth import KINDS, picture
from growth import beyond_start, exponent, table
from sweep_of_heads import ROWS, Sweep, lams
from sweep_of_heads import table as table_of_heads

SVG = "{http://www.w3.org/2000/svg}"
SIZES = (10, 100, 1000, 10000)
ORPHAN = """
import subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.4: pass"
subprocess.Popen([sys.executable, "-c", burn])
"""


def record(power: float) -> dict[str, Any]:
    """Of a case whose seconds are a power of its size, three times each."""
    points = {
        str(size): [
            {"wall": noise * size**power, "cpu": 1.0, "largest": 2**20, "together": 2**20 * size}
            for noise in (0.9, 1.0, 1.3)
        ]
        for size in SIZES
    }
    return {
        "case": "rows",
        "title": "a table <of rows>",
        "unit": "rows",
        "date": "2026-11-27T00:00:00+00:00",
        "commit": "0000000",
        "machine": "a machine",
        "cores": 2,
        "versions": {"torch": "2.14"},
        "points": {"first": points, "found again": points},
    }


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_an_exponent_is_the_power_of_the_size(power: float) -> None:
    assert exponent({size: 3.0 * size**power for size in SIZES}) == pytest.approx(power)


def test_an_exponent_is_of_the_larger_half_and_one_beyond_the_start_has_no_start() -> None:
    seconds = {size: 4.0 + 0.01 * size for size in SIZES}

    assert exponent({**seconds, 10: 1e9}) == exponent(seconds)
    assert exponent(seconds) < 0.9 < beyond_start(seconds) < 1.1
    assert math.isnan(exponent({10: 1.0}))
    assert math.isnan(beyond_start(dict.fromkeys(SIZES, 4.0)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_picture_is_an_svg_whose_texts_are_texts(kind: Any) -> None:
    text = picture(record(1.0), kind)
    root = ET.fromstring(text)
    said = [element.text for element in root.iter(f"{SVG}text")]

    assert root.tag == f"{SVG}svg"
    assert {"first", "found again", "rows", "10,000"} <= set(said)
    assert "prefers-color-scheme: dark" in text
    assert list(root.iter(f"{SVG}script")) == []
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    if kind.number == "wall":
        assert said.count("exponent 1.00") == 2


def test_a_table_has_a_line_for_every_point_and_the_exponents() -> None:
    lines = table([record(2.0)]).splitlines()

    assert sum("a table <of rows>" in line for line in lines) == 2 * len(SIZES)
    assert any("rows, first: exponents of wall 2.00" in line for line in lines)


def test_a_command_is_all_that_it_leaves_behind(tmp_path: Path) -> None:
    """A process that nobody waits for is waited for, and its CPU time is counted."""
    tree = taken([sys.executable, "-c", ORPHAN], tmp_path)

    assert tree.cpu >= 0.4
    with pytest.raises(TreeFailed, match="exit code 3"):
        taken([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_the_values_of_a_sweep_are_all_different() -> None:
    for row in ROWS.values():
        if isinstance(row, Sweep):
            assert len(set(lams(row.lams))) == row.lams


def test_the_table_of_heads_has_a_ratio_of_each_arm() -> None:
    arms = {"tl-run": [{"cpu": 1.0, "wall": 2.0}], "script": [{"cpu": 3.0, "wall": 8.0}]}
    made = {**record(1.0), "row": "heads8", "arms": arms, "goals": {"script": "≥ 4x"}}
    made |= {"epochs": None, "busy cores before": 0.0, "failed": {"jobs": "why"}}
    shown = table_of_heads([made])
    (line,) = [line for line in shown.splitlines() if "| script |" in line]

    assert "4.00x [4.00..4.00]" in line
    assert "3.00x [3.00..3.00]" in line
    assert "≥ 4x" in line
    assert "heads8: jobs failed: why" in shown
