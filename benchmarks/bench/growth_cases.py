"""What is grown: a family of commands, from a size to its words and to the files that it reads.

Few steps are trained, so that reading, planning, evaluating and writing are what is seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import image_starts, made_texts

DOMAINS = 4  # of a made table
FEW = "trainer.steps=20"


@dataclass(frozen=True)
class Case:
    """One curve. unit: of a size. sizes: those that are measured.

    made: writes what a size reads, into a folder that all rounds share; words: of the command, of a
    size, that folder and an empty one for runs and caches. again: what a second command is called
    and what it has more, after the first and in the same folder; `same` is the same command.
    """

    name: str
    title: str
    unit: str
    sizes: tuple[int, ...]
    made: Callable[[int, Path], None]
    words: Callable[[int, Path, Path], list[str]]
    again: Mapping[str, Sequence[str]]


def _command(*words: str, multirun: bool = False) -> list[str]:
    return [sys.executable, "-m", "tlrun", *(["-m"] if multirun else []), *words]


def _nothing(_size: int, _folder: Path) -> None: ...


def _jobs(size: int, _folder: Path, runs: Path) -> list[str]:
    """√K values of λ times √K seeds."""
    side = round(size**0.5)
    lams = ",".join(f"{10 ** (4 * k / max(side - 1, 1) - 2):.4g}" for k in range(side))
    axes = [f"lam.value={lams}", f"seed={','.join(map(str, range(side)))}"]
    rest = ["strategy=feature_transfer", "controls=false", f"runs_dir={runs / 'runs'}"]
    return _command(*axes, *rest, multirun=True)


def _table(size: int, folder: Path) -> None:
    """20 numbers, a domain and a label that depends on them."""
    import numpy as np

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(size, 20)).round(4)
    domains = rng.integers(0, DOMAINS, size)
    labels = (inputs[:, :5].sum(1) + rng.normal(size=size) > 0).astype(int)
    with (folder / "table.csv").open("w", encoding="ascii") as file:
        file.write(",".join([*(f"x{k}" for k in range(20)), "site", "y"]) + "\n")
        for row, domain, label in zip(inputs, domains, labels, strict=True):
            file.write(",".join(map(str, row.tolist())) + f",site{domain},{label}\n")


def _table_words(_size: int, folder: Path, runs: Path) -> list[str]:
    data = ["dataset=table_csv", f"dataset.path={folder / 'table.csv'}", "dataset.predict=y"]
    more = [
        "dataset.task=site",
        "dataset.target=site0",
        "backbone=mlp",
        "strategy=feature_transfer",
    ]
    return _command(*data, *more, FEW, "controls=false", f"runs_dir={runs / 'runs'}")


def _images(size: int, folder: Path) -> None:
    """JPEG files of 32x32 in ten classes."""
    image_starts.write(folder / "photos", size, 32)


def _image_words(_size: int, folder: Path, runs: Path) -> list[str]:
    data = ["dataset=image_folder", f"dataset.path={folder / 'photos'}", "dataset.size=32"]
    rest = ["strategy=scratch", FEW, "controls=false", f"runs_dir={runs / 'runs'}"]
    return _command(*data, f"dataset.cache={runs / 'cache'}", *rest)


def _texts(size: int, folder: Path) -> None:
    """Texts of 170 words in the middle, with a label by chance."""
    import numpy as np

    made_texts.write(folder / "texts.txt", size)
    labels = np.random.default_rng(1).choice(["neg", "pos"], size)
    with (folder / "texts.csv").open("w", encoding="ascii") as file:
        file.write("sentiment,review\n")
        for label, text in zip(labels, made_texts.read(folder / "texts.txt"), strict=True):
            file.write(f"{label},{text}\n")


def _text_words(_size: int, folder: Path, runs: Path) -> list[str]:
    data = ["dataset=text_csv", f"dataset.path={folder / 'texts.csv'}", "dataset.predict=sentiment"]
    rest = ["backbone=bag", "strategy=single_task", FEW, "controls=false"]
    return _command(*data, f"dataset.cache={runs / 'cache'}", *rest, f"runs_dir={runs / 'runs'}")


SAME: dict[str, Sequence[str]] = {"found again": ()}
OTHER: dict[str, Sequence[str]] = {**SAME, "another seed": ("seed=1",)}
CASES = {
    case.name: case
    for case in (
        Case(
            "jobs", "a sweep of linear heads, √K λ x √K seeds", "runs", (1, 4, 16, 64, 256),
            _nothing, _jobs, SAME,
        ),
        Case(
            "rows", "a CSV table of 20 columns and four domains", "rows",
            (1_000, 10_000, 100_000, 1_000_000), _table, _table_words, OTHER,
        ),
        Case(
            "images", "a folder of JPEG files of 32x32", "images", (1_000, 10_000, 100_000),
            _images, _image_words, OTHER,
        ),
        Case(
            "texts", "a CSV file of texts of 171 tokens", "texts", (1_000, 10_000, 100_000),
            _texts, _text_words, OTHER,
        ),
    )
}  # fmt: skip
