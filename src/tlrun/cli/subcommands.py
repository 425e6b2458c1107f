"""The first words of a command line that are no key=value: each is a module beside this one."""

from __future__ import annotations

SUBCOMMANDS = (
    "report", "ls", "show", "final", "deliver", "predict", "sources", "export", "clean", "doctor",
    "help",
)  # fmt: skip
