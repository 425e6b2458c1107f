"""A folder of another's, in which tl-run is started: nothing in it is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from problems import TINY

MODULES = ("multiprocessing", "socket", "yaml", "hydra", "numpy", "torch", "rich")
CANARY = "open('CANARY', 'a').write(__name__)\n"
# As the console script does, whose folder is on the path instead of the working directory.
SCRIPT = "import sys; sys.path.remove(''); from tlrun.cli.main import command; command()"


@pytest.mark.slow
@pytest.mark.parametrize("how", [["-m", "tlrun"], ["-c", SCRIPT]])
def test_no_module_of_the_folder_is_imported(here: Path, how: list[str]) -> None:
    """Nor by the processes of a sweep, nor a plug-in of Hydra's in it."""
    for name in MODULES:
        Path(f"{name}.py").write_text(CANARY)
    Path("hydra_plugins", "evil").mkdir(parents=True)
    Path("hydra_plugins", "evil", "__init__.py").write_text(CANARY)
    asked = ["-m", "seed=0,1", "strategy=scratch", "controls=false", "sweep.engine=loop", *TINY]
    done = subprocess.run(
        [sys.executable, *how, *asked], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not Path("CANARY").exists()
    assert len(list(Path("runs").rglob("result.json"))) == 2
