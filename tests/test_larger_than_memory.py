"""Images in a map that is larger than the memory a process may have: nothing copies them whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "larger_than_memory.py"
# a pass of an evaluation takes some 65 MB of the allowance, however many images there are
WORDS = ["--megabytes", "200", "--allowance", "130", "--kept", "0", "--returned", "--json"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_DATA and /proc/self/status")
def test_a_set_larger_than_memory_is_trained_on_evaluated_and_computed_from() -> None:
    """Under a limit that reading all of it breaks; half of the set never lies in memory at once."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *WORDS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    most = {name: phase["RssAnon"] for name, phase in found["phases"].items()}

    assert found["bytes"] > 199e6
    assert "MemoryError" in found["whole"]
    assert [name.split(",")[0] for name in most] == [
        "decode",
        "strategy=scratch",
        "strategy=feature_transfer",
        "evaluation of all images",
        "features of all images",
    ]
    assert max(most.values()) - found["before"]["RssAnon"] < found["bytes"] / 2
