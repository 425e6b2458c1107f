"""python -m tlrun is tl-run."""

from tlrun.cli import main

main()
