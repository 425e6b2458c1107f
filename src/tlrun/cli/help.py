"""The screen that `tl-run --help` shows. Hydra is not asked, so that it comes at once."""

from __future__ import annotations

from textwrap import wrap

from tlrun.config import plugins
from tlrun.config.registry import GROUPS, equation, shipped

HEAD = """\
tl-run: which way of transferring helps the target task, how strong (λ), and does it hurt?

  tl-run                                       feature transfer on real data and its controls, in seconds
  tl-run strategy=parameter_transfer λ=inf     another strategy, another λ: 0 source alone … inf target alone
  tl-run -m lam.value=0,1,inf seeds=10         a sweep, ten seeds of three λ: gains with 95 % intervals
  tl-run strategy=task_relation dataset=digits_binary      several tasks at once, and each alone as the control
  tl-run experiment=which_transfer             a study: it sets the axes of a sweep by itself
  tl-run report | ls | show RUN | final RUN | clean | doctor  the answers; all runs; one; its sealed rows; disk; health
"""  # noqa: E501  # as it is printed
TAIL = """\
Keys are set as key=value: lam.value=10 (or λ=10), dataset.labels_per_class=20, trainer.steps=500, optimizer.lr=0.01,
seed=3, device=auto|cpu|cuda, runs_dir=PATH, controls=false, rerun=true, sweep.jobs=4. -m sweeps over values: λ=0,1,
seeds=10 or auto. --config-dir FOLDER adds your own YAMLs; --cfg job prints every key; --shell-completion install=bash."""  # noqa: E501  # as it is printed
WIDTH = 118


def screen() -> str:
    """What tl-run answers, how to call it, and every group with its names."""
    lines = [HEAD, "Groups (group=name):"]
    for group in (*GROUPS, "experiment"):
        ours = shipped(group)
        foreign = [name for name in plugins.announced(group) if name not in ours]
        named = [*ours, *(f"{name} (from {plugins.origin(group, name)})" for name in foreign)]
        indent, text = f"  {group:<11}", ", ".join(named)
        lines += wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))
    lines += ["Strategies:"]
    for name in shipped("strategy"):
        lines.append(f"  {name:<20}{_short(equation('strategy', name))}")
    return "\n".join([*lines, TAIL])


def _short(text: str) -> str:
    """The text, cut to what is left of a line beside the name of a strategy."""
    room = WIDTH - 22
    if len(text) <= room:
        return text
    return f"{text[: room - 1]}…"
