"""Does a score of sources foretell the gain of a transfer? The sweeps of docs/sources.md.

    python benchmarks/which_source.py images RUNS_DIR
    python benchmarks/which_source.py table RUNS_DIR
    python benchmarks/which_source.py fdu RUNS_DIR PATH_OF_FDU_MTL

images: scikit-learn's digits in five domains, every fifth image under each shift of
`dataset=digits`; each is the target once, the four others its candidates. table: the same, a pixel
a column. fdu: six domains of FDU-MTL, each the target once. Each transfer is from one source, the
target from scratch beside it; at the end `tl-run sources` is asked about one target by both scores,
and says what the runs say of them.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
from PIL import Image

from tlrun.core.seeding import stream
from tlrun.data.datasets.digits import SHIFTS, images_and_digits

# by what the table calls them: none would be read as a missing value
DOMAINS = {"plain" if name == "none" else name: shift for name, shift in SHIFTS.items()}
REVIEWS = ("apparel", "books", "dvd", "electronics", "MR", "toys_games")
ARMS = ["strategy=parameter_transfer,scratch", "controls=false", "seeds=3", "sweep.jobs=1"]


def digits() -> Iterator[tuple[str, int, np.ndarray, int]]:
    """Of every image its domain, its place in the data set, its pixels in [0, 1] and its digit."""
    images, labels = images_and_digits()
    for start, (name, shift) in enumerate(DOMAINS.items()):
        mine = np.arange(start, len(images), len(DOMAINS))
        rng = np.random.default_rng(stream(0, "split", "shift", name))
        yield from zip(repeat(name), mine.tolist(), shift(images[mine], rng), labels[mine].tolist())


def put_table(path: Path) -> list[str]:
    """Write a table of 64 pixels, the shift and the digit of every image. Returns its options."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*(f"p{k}" for k in range(64)), "shift", "digit"])
        for name, _, pixels, digit in digits():
            rows.writerow([*(f"{pixel:.4f}" for pixel in pixels.ravel()), name, digit])
    options = [f"dataset.path={path}", "dataset.task=shift", "dataset.predict=digit"]
    return ["dataset=table_csv", *options, "dataset.labels=50"]


def put_images(folder: Path) -> list[str]:
    """Write every image as <shift>/<digit>/<place>.png. Returns the options that read them."""
    for name, place, pixels, digit in digits():
        home = folder / name / str(digit)
        home.mkdir(parents=True, exist_ok=True)
        bytes_ = (255 * pixels).round().clip(0, 255).astype(np.uint8)
        Image.fromarray(bytes_).save(home / f"{place}.png")
    options = [f"dataset.path={folder}", "dataset.size=8", "dataset.labels_per_class=5"]
    return ["dataset=image_folder", *options, "backbone=mlp"]


def tl_run(*words: str) -> None:
    """One command, as typed."""
    print("tl-run", *words, flush=True)
    subprocess.run([sys.executable, "-m", "tlrun", *words], check=True)


def main() -> None:
    """Do what the first argument says."""
    which, runs_dir, *more = sys.argv[1:]
    option, names = "domains", tuple(DOMAINS)
    if which == "images":
        data = put_images(Path(f"{runs_dir}_images"))
    elif which == "table":
        option, data = "sources", put_table(Path(f"{runs_dir}.csv"))
    else:
        names = REVIEWS
        data = ["dataset=fdu_mtl", f"dataset.path={more[0]}", "dataset.labels=50"]
    for target in names:
        others = [name for name in names if name != target]
        also = f",{target}" if option == "domains" else ""
        chosen = f"dataset.{option}={','.join(f'[{name}{also}]' for name in others)}"
        runs = [*ARMS, f"runs_dir={runs_dir}"]
        tl_run("-m", *data, f"dataset.target={target}", chosen, *runs)
    every = [f"dataset.domains=[{','.join(names)}]"] if which == "fdu" else []
    for by in ("likelihood", "features"):
        asked = [*data, *every, f"dataset.target={names[0]}", f"runs_dir={runs_dir}"]
        tl_run("sources", *asked, f"--by={by}")


if __name__ == "__main__":
    main()
