"""python -m tlrun is tl-run."""

from tlrun.cli.main import command

if __name__ == "__main__":  # a process of a sweep imports this file again
    command()
