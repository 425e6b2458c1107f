"""Whether a set of images that is larger than memory is trained on, evaluated and computed from.

    python benchmarks/larger_than_memory.py --returned   900 MB of images, 300 MB allowed for all
    python benchmarks/larger_than_memory.py --allowance 800    the same with malloc as it comes
    python benchmarks/larger_than_memory.py --megabytes 300 --allowance 150 --kept 0 --returned

Writes small JPEG files, of which dataset=image_folder makes decoded images of as many megabytes. A
process of its own does all that tl-run does with them under RLIMIT_DATA: first with images of 8x8,
so that whatever is imported is there; then the limit is set, to the data that the process has
(VmData: private memory that can be written to, not the pages of a map) and an allowance that is
less than the set; then in full size, while memory is read every few milliseconds. At the end,
reading the whole set must fail with a MemoryError: else the limit would show nothing. The same with
a few images tells what the passes themselves need; what all take more is what their number costs.

--kept: bytes up to which tl-run keeps a split in memory (`data.batches.KEPT`); default: its own.
--returned: have malloc return every block of a MiB once it is freed (MALLOC_MMAP_THRESHOLD_), so
    that what is seen is what is held. As it comes, glibc keeps freed blocks of up to 32 MiB, among
    which small ones that live on come to lie, so that the next large one may not fit: without
    --returned the process may need some hundred MB more, and a larger --allowance.
--json: print what was found of all as JSON, for the test.
Only where /proc/self/status tells (Linux).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.memory import NUMBERS, Watch, memory

CLASSES, DOMAINS = ("a", "b"), ("far", "near")
CHANNELS = [4, 4, 4, 4]
FEW = 34  # megabytes of the small set: more images test than are evaluated at once
MB = 1e6


class Silent:
    """A screen that shows nothing."""

    def note(self, note: object, runs: int = 1) -> None: ...
    def begin(self, run: str, stage: object) -> None: ...
    def step(self, step: int, terms: object) -> None: ...
    def end(self) -> None: ...


def write(folder: Path, images: int) -> None:
    """Files of 16x16 pixels, all different, in folder/<domain>/<class>/."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(images):
        domain, label = DOMAINS[number % 2], CLASSES[number // 2 % 2]
        place = folder / domain / label
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number:06}.jpg", quality=90)


def config(strategy: str, options: dict[str, Any], batch: int, steps: int, runs: Path) -> Any:
    """A whole config, as the command line would make it."""
    return {
        "dataset": {"name": "image_folder", **options},
        "backbone": {"name": "conv", "channels": CHANNELS if options["size"] > 8 else [4]},
        "strategy": {"name": strategy},
        "lam": {"name": "constant", "value": math.inf},
        "optimizer": {"name": "adam", "lr": 0.003},
        "trainer": {"name": "trainer", "steps": steps, "batch_size": batch, "eval_every": steps},
        "seed": 0, "device": "cpu", "threads": 1, "runs_dir": str(runs), "controls": False,
        "rerun": False, "stages": True, "reuse": "same", "allow_inexact": False,
        "checkpoint": {"seconds": 60.0, "steps": None}, "sweep": {"jobs": None},
        "verdict": {}, "tune": {},
    }  # fmt: skip


def everything(folder: Path, home: Path, side: int, batch: int, watch: Watch) -> Any:
    """All that tl-run does with the images of a folder, a phase each. Returns all inputs.

    home: where caches and runs go.
    """
    from tlrun.config.build import build
    from tlrun.data.datasets.image_folder import ImageFolder
    from tlrun.runs.run import run_with_controls

    options = {"path": str(folder), "cache": str(home / "cache"), "size": side, "target": "far"}
    with watch.phase("decode, digest, split"):
        problem = ImageFolder(**options).load(0)
    train = problem.domains["far"].train
    # as many steps as read every example once: else its features are not computed before
    steps = math.ceil(len(train) / batch)
    for strategy in ("scratch", "feature_transfer"):
        with watch.phase(f"strategy={strategy}, {steps} steps a stage, test"):
            run = build(config(strategy, options, batch, steps, home / "runs"))
            run_with_controls(run, Silent())
    return _over_the_map(problem, home / "runs", watch)


def _over_the_map(problem: Any, runs: Path, watch: Watch) -> Any:
    """Evaluate a model on all images at once, and compute their features into the store."""
    from dataclasses import replace

    import numpy as np

    from tlrun.core.inputs import digest_of
    from tlrun.core.problem import Split
    from tlrun.models.backbones.conv import Conv
    from tlrun.models.build import draw_model
    from tlrun.models.trunk import set_memory_format
    from tlrun.store.features import FeatureStore
    from tlrun.training.evaluation import encoded, evaluate

    domain = problem.domains["far"]
    every = replace(domain.train.inputs, rows=None)
    count = len(every)
    split = Split(every, {"class": np.arange(count) % len(CLASSES)}, np.arange(count))
    channels = tuple(CHANNELS) if problem.shape[1] > 8 else (4,)
    model = draw_model(Conv(channels), problem.inputs, {"far": domain.tasks}, "target", 0)
    set_memory_format(model.trunks, "channels_last")
    with watch.phase("evaluation of all images"):
        evaluate(model, "far", domain.tasks, split)
    modules = len(model.backbone)
    with watch.phase("features of all images, into the store"):
        store = FeatureStore(runs, {"modules": modules}, lambda _: None)
        features = store.get(
            model.trunk.extractor("far", modules),
            every,
            lambda: encoded(model, "far", split, modules),
        )
        digest_of(features)
    return every


def child(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Everything with the images of `folder`, in this process, under the limit."""
    import tlrun.data.batches

    if asked.kept is not None:
        tlrun.data.batches.KEPT = asked.kept
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        home, watch = Path(name), Watch()
        everything(folder.parent / "few", home / "warm", 8, asked.batch, watch)
        watch.found = {}
        before = memory()
        limit = before["VmData"] + int(asked.allowance * MB)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        inputs = everything(folder, home / "full", asked.side, asked.batch, watch)
        try:
            whole = f"read: {inputs[:].nbytes} bytes"
        except MemoryError as error:
            whole = f"{type(error).__name__}: {error}"
    size = math.prod(inputs.shape)
    return {
        "before": before, "limit": limit, "bytes": size, "phases": watch.found, "whole": whole,
    }  # fmt: skip


def measured(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What `child` finds, in a process of its own. Exits where that fails."""
    environment = dict(os.environ)
    if asked.returned:
        environment["MALLOC_MMAP_THRESHOLD_"] = str(2**20)
    words = [sys.executable, __file__, *sys.argv[1:], "--child", str(folder)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{done.stderr[-4000:]}\nexit code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(few: dict[str, Any], every: dict[str, Any], asked: argparse.Namespace) -> None:
    """As a Markdown table."""
    from bench.records import origin

    facts, batch = origin(), asked.batch * 3 * asked.side**2
    print(
        f"{facts['machine']}, torch {facts['versions']['torch']}, commit {facts['commit']}; "
        f"`python {' '.join(sys.argv)}`\n\n"
        f"All images: {every['bytes'] / MB:,.0f} MB of bytes; few: {few['bytes'] / MB:,.0f} MB. "
        f"Limit (RLIMIT_DATA): {every['limit'] / MB:,.0f} MB, {asked.allowance:,.0f} MB over the "
        f"{every['before']['VmData'] / MB:,.0f} MB before. A batch: {batch / MB:,.1f} MB of bytes, "
        f"{4 * batch / MB:,.1f} MB as float32; twice that and the model: "
        f"{8 * batch / MB:,.1f} MB.\n\n"
        "| MB over before, at most | few: RssAnon | few: VmData | all: RssAnon | all: VmData "
        "| all less few: RssAnon | s |\n|---|---|---|---|---|---|---|"
    )
    for name, most in every["phases"].items():
        cells = []
        for found in (few, every):
            seen = next(v for k, v in found["phases"].items() if k.split(",")[0] in name)
            cells += [(seen[key] - found["before"][key]) / MB for key in NUMBERS]
        cells.append(cells[2] - cells[0])
        print("|", name, "|", *(f"{cell:,.0f} |" for cell in cells), f"{most['seconds']:.1f} |")
    print(f"\nThe whole set read into memory under the same limit: {every['whole']}")


def main() -> None:
    """Make the images, and measure in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=900.0)
    parser.add_argument("--allowance", type=float, default=300.0)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--kept", type=int)
    parser.add_argument("--returned", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child is not None:
        print(json.dumps(child(asked.child, asked)))
        return
    with tempfile.TemporaryDirectory() as name:
        for what, megabytes in (("few", FEW), ("all", asked.megabytes)):
            write(Path(name) / what, math.ceil(megabytes * MB / (3 * asked.side**2)))
        every = measured(Path(name) / "all", asked)
        if asked.json:
            print(json.dumps(every))
        else:
            show(measured(Path(name) / "few", asked), every, asked)


if __name__ == "__main__":
    main()
