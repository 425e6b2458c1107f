"""What is compared with what: one row a question.

An arm is a loop in a process of its own (`run` names its function) or a whole command (`command`).
The first arm of a row is tl-run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

# hand: a loop as people write it. framework: what people use for not writing one. floor: not what
# people use, but what is left if all but the arithmetic is taken away; no headline counts it.
Kind = Literal["tl-run", "hand", "framework", "command", "floor"]


@dataclass(frozen=True)
class Work:
    """What every loop of a row does: `steps` updates of `net` by Adam on `batch` examples each.

    net: conv is the default backbone of tl-run with a linear head, head a linear layer on features.
    shape: of one input. n: training examples, a multiple of `batch`, so that all arms see as many.
    precision: bf16 is autocast, with weights in float32.
    """

    net: Literal["conv", "head", "resnet18"]
    shape: tuple[int, ...]
    steps: int
    precision: Literal["fp32", "bf16"] = "fp32"
    n: int = 4096
    batch: int = 64
    classes: int = 10
    lr: float = 1e-3


@dataclass(frozen=True)
class Arm:
    """One way to do the work.

    run: its function as "module:name", from (Work, Clock) to what predicts logits; or, for a whole
    process, command: its words, where {python} is this Python, {fresh} a new folder every round and
    {kept} one that lasts. needs: packages without which it is shown as not installed.
    work: where it differs from the row's. status: the exit code that is expected.
    """

    name: str
    kind: Kind
    run: str = ""
    command: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    work: Work | None = None
    status: int = 0


@dataclass(frozen=True)
class Row:
    """One question.

    clock: which decides. sense: `speed`, the others' time over tl-run's, or `cost`, tl-run's over
    theirs. before: a command that is run once, untimed. alone: whether a command does
    all its work in one process, else its CPU time is not known. work: None for whole processes and
    where each arm has its own.
    """

    name: str
    title: str
    arms: tuple[Arm, ...]
    work: Work | None = None
    clock: Literal["cpu", "wall"] = "cpu"
    sense: Literal["speed", "cost", "rate"] = "speed"
    before: tuple[str, ...] = ()
    alone: bool = True


OURS = Arm("tl-run", "tl-run", "bench.ours:fit_scratch")
WRITTEN = Arm("hand loop", "hand", "bench.hand:as_written")
BETTER = Arm("hand loop, channels_last + fused Adam", "hand", "bench.hand:improved")
PEERS = (
    Arm("Lightning, default", "framework", "bench.peers:lightning_default", needs=("lightning",)),
    Arm("Lightning, lean", "framework", "bench.peers:lightning_lean", needs=("lightning",)),
    Arm("HF Trainer", "framework", "bench.peers:hf_trainer", needs=("transformers", "accelerate")),
    Arm("accelerate", "framework", "bench.peers:accelerate_loop", needs=("accelerate",)),
)
FLOOR = Arm("bare loop over indexed tensors", "floor", "bench.hand:bare")


def _loop_row(name: str, title: str, work: Work, peers: tuple[Arm, ...] = PEERS) -> Row:
    fp32 = replace(WRITTEN, name="hand loop, fp32", work=replace(work, precision="fp32"))
    also = (fp32,) if work.precision == "bf16" else ()
    better = BETTER if work.net != "head" else replace(BETTER, name="hand loop, fused Adam")
    return Row(name, title, (OURS, WRITTEN, *also, better, *peers, FLOOR), work)


def _loop_rows() -> Iterable[Row]:
    for side, channels, steps in ((8, 1, 320), (28, 1, 64), (32, 3, 64)):
        for precision in ("fp32", "bf16"):
            title = f"small CNN, {side}x{side}x{channels}, {precision}"
            work = Work("conv", (channels, side, side), steps, precision)
            yield _loop_row(f"conv{side}_{precision}", title, work)
    for d in (256, 64):
        work = Work("head", (d,), 1280, n=1024)
        yield _loop_row(f"head{d}", f"linear head on {d} cached features", work)
    for precision in ("fp32", "bf16"):
        work = Work("resnet18", (3, 32, 32), 16, precision, n=1024)
        title = f"torchvision resnet18, 32x32x3, {precision}"
        yield _loop_row(f"resnet18_{precision}", title, work, peers=())


def _rate(name: str, run: str) -> Arm:
    """The work of a roofline arm is a number of calls; its net and shape are not looked at."""
    work = Work("head", (), steps=50, precision="bf16" if run.endswith("bf16") else "fp32")
    return Arm(name, "floor", f"bench.roofline:{run}", work=work)


TL_RUN = ("{python}", "-m", "tlrun")
DEFAULT = (*TL_RUN, "strategy=feature_transfer")
KEPT = (*DEFAULT, "runs_dir={kept}")
TORCH = Arm("import torch", "command", command=("{python}", "-c", "import torch"))
BOTH = ("{python}", "-c", "import torch, torchvision")
SWEEP = (
    *TL_RUN,
    "-m",
    "strategy=parameter_transfer",
    "lam.value=0.1,1",
    "seed=0,1,2,3",
    "controls=false",
    "runs_dir={fresh}",
)


def _process_row(name: str, title: str, *command: str, status: int = 0) -> Row:
    ours = Arm("tl-run", "tl-run", command=command, status=status)
    return Row(name, title, (ours, TORCH), sense="cost", before=KEPT if name == "replay" else ())


ROWS = (
    Row(
        "roofline",
        "what this machine can do",
        (
            _rate("matmul 1024, fp32", "matmul_fp32"),
            _rate("matmul 1024, bf16", "matmul_bf16"),
            _rate("conv 3x3, 128 channels, 8x8, channels_last, fp32", "conv_fp32"),
        ),
        sense="rate",
    ),
    *_loop_rows(),
    _process_row("replay", "a finished run, shown again", *KEPT),
    _process_row("mistake", "a mistake in a config", *TL_RUN, "strategy=feature_transfr", status=2),
    _process_row("help", "tl-run --help", *TL_RUN, "--help"),
    Row(
        "default_run",
        "the default run, start to table",
        (
            Arm("tl-run", "tl-run", command=(*DEFAULT, "runs_dir={fresh}")),
            Arm("import torch, torchvision", "command", command=BOTH),
        ),
        clock="wall",
        sense="cost",
    ),
    Row(
        "sweep",
        "a sweep of 8 full models",
        (
            Arm("tl-run, 2 processes", "tl-run", command=(*SWEEP, "sweep.jobs=2")),
            Arm("tl-run, 1 process", "command", command=(*SWEEP, "sweep.jobs=1")),
        ),
        clock="wall",
        alone=False,
    ),
)


def choose(names: Iterable[str]) -> list[Row]:
    """The rows of these names, in the order of ROWS; all where none is named.

    Raises SystemExit for a name that is none.
    """
    wanted = set(names)
    known = {row.name: row for row in ROWS}
    if unknown := sorted(wanted - known.keys()):
        sys.exit(f"--rows: expected some of {', '.join(known)}; found {', '.join(unknown)}")
    return [row for name, row in known.items() if not wanted or name in wanted]


def tiny(row: Row) -> Row:
    """The row with a few steps: to see that everything runs, not how fast."""

    def less(work: Work | None) -> Work | None:
        return None if work is None else replace(work, steps=4, n=128)

    arms = tuple(replace(arm, work=less(arm.work)) for arm in row.arms)
    return replace(row, work=less(row.work), arms=arms)
