"""docs/python.md, as it stands: its blocks are run one after the other, as cells of a notebook."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tlrun

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
AFTER = """
import math
assert not result.run.found
assert result.gain("scratch") is not None
assert (answer.study.n, len(answer.study.verdict) > 9, answer.failures) == (2, True, ())
assert answer.page.is_file()
assert len(frame) == len(answer.runs)
assert set(frame.lam.dropna()) == {0.0, 1.0, math.inf}
assert "dataset.shift" not in frame and frame.seed.nunique() == 2
assert len(wide) > 1 and set(wide.columns) >= {1.0, math.inf}
assert wide.loc[20, 1.0] > 0
assert (logits.argmax(axis=1) == labels).mean() == result.run.result["headline"]["test"]
assert sum(p.numel() for p in phi.parameters()) > 0
"""


def test_it_names_only_what_is_public() -> None:
    named = {name for block in BLOCKS for name in re.findall(r"\btlrun\.(\w+)\(", block)}

    assert named == {"run", "sweep", "load_runs", "load_backbone"}
    assert named <= set(tlrun.__all__)
    assert len(BLOCKS) == 10


@pytest.mark.slow
def test_its_blocks_run_in_order(tmp_path: Path) -> None:
    """Without a main guard, with warnings as errors."""
    script = tmp_path / "page.py"
    script.write_text("\n".join([*BLOCKS, AFTER]), encoding="utf-8")
    command = [sys.executable, "-W", "error", script.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "strategy: feature_transfr is not known; did you mean feature_transfer?" in done.stdout
