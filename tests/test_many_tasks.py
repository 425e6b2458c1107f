"""The benchmark of many tasks: what it writes, and that its arms are of the same work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "many_tasks.py"


@pytest.mark.slow
def test_it_prints_a_row_for_each_number_of_tasks_and_writes_every_round(tmp_path: Path) -> None:
    kept = tmp_path / "rounds.json"
    words = ["-T", "2", "100", "-n", "2", "--json", str(kept)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(kept.read_text(encoding="utf-8"))["rows"]
    assert [(row["tasks"], row["way"]) for row in rows] == [
        (2, "one domain"),
        (100, "one domain"),
        (2, "a domain each"),
        (100, "a domain each"),
    ]
    for row in rows:
        assert len(row["ratios"]) == 2
        assert all(len(took) == 2 for took in row["milliseconds"].values())
        assert f"| {row['tasks']} | {row['way']} |" in done.stdout
