"""python -m tlrun is tl-run: nothing is imported from the folder in which it is started.

Python puts that folder first on the path, where Hydra looks for hydra_plugins, and where a yaml.py
would be taken for PyYAML. By the time of this line Python has imported `tlrun` itself by that path,
and nothing else of ours: a folder with a tlrun/ of its own is run, as python -m runs it.
"""

import sys
from pathlib import Path

if not sys.flags.safe_path and sys.path and sys.path[0] and Path(sys.path[0]) == Path.cwd():
    del sys.path[0]

from tlrun.cli.main import command  # not before that

if __name__ == "__main__":  # a process of a sweep imports this file again
    command()
