"""A folder of JPEG files, and what it takes to start on it: tl-run's, and torchvision's."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.rounds import Sample

CLASSES = 10
SETTLED = 11  # seconds after which tl-run trusts the times of files that were written

TLRUN = """
from tlrun.data.datasets.image_folder import ImageFolder
import tlrun.data.examples, tlrun.data.images.folder_domains, tlrun.data.images.folder_images
import tlrun.data.images.folder_splits, tlrun.data.images.label_spaces
def go(folder, cache, side): ImageFolder(path=folder, cache=cache, size=int(side)).load(0)
"""
PASS = """
import torch
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import v2
torch.set_num_threads(1)
def go(folder, cache, side):
    data = datasets.ImageFolder(folder, v2.ToImage())
    for batch in DataLoader(data, batch_size=64, num_workers=WORKERS): pass
"""
LISTING = """
from torchvision import datasets
def go(folder, cache, side): datasets.ImageFolder(folder)
"""
MEASURE = """
import json, sys, time
cpu, wall = time.process_time(), time.perf_counter()
go(*sys.argv[1:])
print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall]))
"""
PASSES = [f"torchvision, a pass with {workers} workers" for workers in (0, 2)]


def write(folder: Path, images: int, side: int) -> None:
    """JPEG files of smooth colours, all different, in a folder for each class."""
    there = len(list(folder.glob("*/*.jpg")))
    if there == images:
        return
    if there:
        sys.exit(f"{folder}: expected {images} images or none, found {there}")
    rng = np.random.default_rng(0)
    for number in range(images):
        place = folder / f"class{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        colours = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        smooth = colours.resize((side, side), Image.Resampling.BICUBIC)
        smooth.save(place / f"{number:06}.jpg", quality=90)
    time.sleep(SETTLED)  # else the second start would read all files again


def started(code: str, folder: Path, side: int, cache: Path | None = None) -> Sample:
    """What `code` takes in a process of its own. cache: of decoded images; None: an empty one."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as empty:
        words = [sys.executable, "-c", code + MEASURE, str(folder), str(cache or empty), str(side)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    cpu, wall = json.loads(done.stdout)
    return Sample(cpu, wall, loop_wall=wall)


def starts(folder: Path, cache: Path, side: int) -> dict[str, Callable[[], Sample]]:
    """The arms of the first question."""
    return {
        "tl-run, first start": lambda: started(TLRUN, folder, side),
        "tl-run, later start": lambda: started(TLRUN, folder, side, cache),
        **{
            name: partial(started, PASS.replace("WORKERS", name.split()[-2]), folder, side)
            for name in PASSES
        },
        "torchvision, listing alone": lambda: started(LISTING, folder, side),
    }
