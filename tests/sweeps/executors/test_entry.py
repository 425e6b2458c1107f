import subprocess
import sys


def test_naming_it_imports_no_torch() -> None:
    """It is pickled by the launcher, and so imported there."""
    program = "import sys, tlrun.sweeps.executors.entry; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
