"""The files of the Large Movie Review Dataset: one a review, and in its name how it was rated.

    aclImdb/train/pos/<id>_<rating>.txt   7 to 10 of 10: for
    aclImdb/train/neg/<id>_<rating>.txt   1 to 4 of 10: against
    aclImdb/test/…                        likewise

A. Maas et al., "Learning word vectors for sentiment analysis", 2011. A film has no reviews on both
sides. What else is in the folder, reviews without a rating among it, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import open_file
from tlrun.core.seeding import stream
from tlrun.data.tables.column import Column, Table
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.splits import stratified_sample
from tlrun.data.texts.archive import files_in
from tlrun.data.texts.imdb_places import Place
from tlrun.data.texts.text_table import TextTable, in_one_line

SIDES = ("train", "test")
KINDS = {"neg": range(1, 5), "pos": range(7, 11)}  # the ratings that the files of each may have
LABELS = {"neg": "against", "pos": "for"}
NAME = re.compile(r"([0-9]+)_([0-9]+)\.txt")
MOST = 2**28  # bytes of .txt files in an archive, twice what was published
STAND_IN = "stand_in_"  # how the domains begin that are none of IMDB
COLUMNS = ("sentiment", "text", "domain", "split")
SAID = (
    "A STAND-IN, NOT IMDB: texts that tl-run made, as the real ones are not on this machine; no "
    "number on them says anything of IMDB (dataset.stand_in)"
)


class Review(NamedTuple):
    """A file. side: train or test. kind: pos or neg. number: its id. name: its path."""

    side: str
    kind: str
    number: int
    rating: int
    name: str
    content: bytes


class Drawn(NamedTuple):
    """Which reviews are taken of each domain.

    by_rating: whether how decided they are makes domains. limits: the most of each side; None: all.
    seed: what draws them, of both labels as many as they are; more of them contain fewer.
    """

    by_rating: bool
    limits: Mapping[str, int | None]
    seed: int


def domain_of(rating: int, by_rating: bool) -> str:
    """The domain of a review: how far its rating is from the middle, or one for all."""
    low = min(rating, 11 - rating)
    return f"ratings_{low}_{11 - low}" if by_rating else "imdb"


def files_at(place: Place) -> list[Path]:
    """Every file that is read of a place. Raises UserError where a folder is missing."""
    if not place.path.is_dir():
        return [place.path]
    return [file for _, _, file in _listed(place.path)]


def imdb_table(place: Place, drawn: Drawn) -> TextTable:
    """The reviews at `place`: columns sentiment, text, domain and split.

    Raises UserError where a folder or a review is not as published.
    """
    found = _complete(place)
    texts = [_text(review) for review in found]  # of all, whatever is drawn of them
    kept = _drawn(found, drawn)
    notes = [SAID] if place.stand_in else []
    if len(kept) < len(found):
        left = f"{len(found) - len(kept):,} of {len(found):,} reviews"
        notes.append(f"{left} left out by dataset.train_limit and dataset.test_limit")
    before = STAND_IN if place.stand_in else ""
    cells: dict[str, list[str]] = {key: [] for key in COLUMNS}
    for row in kept:
        review = found[row]
        domain = before + domain_of(review.rating, drawn.by_rating)
        row_cells = (LABELS[review.kind], texts[row], domain, review.side)
        for key, cell in zip(COLUMNS, row_cells, strict=True):
            cells[key].append(cell)

    def name_of(row: int) -> str:
        return found[kept[row]].name

    columns = {}
    for key, column in cells.items():
        columns[key] = Column(key, pa.array(column, pa.string()), Notation(), name_of)
    table = Table(columns, len(kept), 0)
    return TextTable(table, columns["text"], ("text",), "domain", tuple(notes), in_line=True)


def _complete(place: Place) -> list[Review]:
    """Every review of a place, in the order of side, label and id.

    Raises UserError where one is there twice, and where a side has none of a label.
    """
    found = sorted(_reviews(place), key=lambda review: review[:4])
    for one, other in pairwise(found):
        if one[:4] == other[:4]:
            raise wrong(f"each review once in {place.path}", f"{one.name} and {other.name}")
    having = {review[:2] for review in found}
    for side in SIDES:
        for kind in KINDS:
            if (side, kind) not in having:
                raise wrong(f"reviews in {side}/{kind} of {place.path}", "none")
    return found


def _drawn(found: list[Review], drawn: Drawn) -> list[int]:
    """The positions of the reviews that are taken, in order."""
    strata: dict[tuple[str, str], list[int]] = {}
    for row, review in enumerate(found):
        domain = domain_of(review.rating, drawn.by_rating)
        strata.setdefault((domain, review.side), []).append(row)
    kept = []
    for (domain, side), rows in strata.items():
        limit = drawn.limits[side]
        if limit is None or limit >= len(rows):
            kept += rows
            continue
        labels = np.array([found[row].kind == "pos" for row in rows], np.int64)
        seed = stream(drawn.seed, "split", domain, side)
        kept += [rows[k] for k in stratified_sample(labels, limit, seed, each=True)]
    return sorted(kept)


def _reviews(place: Place) -> Iterator[Review]:
    """Every review at a place, in no order. Raises UserError for a file that is none."""
    in_folders = _in_folder(place.path) if place.path.is_dir() else _in_archive(place.path)
    for side, kind, path, content in in_folders:
        name = Path(path).name
        if name.startswith("."):  # what a file manager leaves
            continue
        match = NAME.fullmatch(name)
        rating = int(match[2]) if match else 0
        if not match or rating not in KINDS[kind]:
            allowed = KINDS[kind]
            expected = f"files <id>_<rating>.txt, rated {allowed[0]} to {allowed[-1]}, in {kind}"
            raise wrong(expected, path)
        yield Review(side, kind, int(match[1]), rating, path, content)


def _in_folder(root: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Side, kind, path and content of every file in the four folders of reviews."""
    for side, kind, file in _listed(root):
        try:
            with open_file(file) as opened:
                content = opened.read()
        except OSError as error:
            raise wrong("files of reviews", f"{file}: {error.strerror}") from None
        yield side, kind, str(file), content


def _listed(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Side, kind and path of every file in the four folders."""
    for side in SIDES:
        for kind in KINDS:
            try:
                files = sorted((root / side / kind).iterdir())
            except OSError as error:
                found = f"{root / side / kind}: {error.strerror}"
                raise wrong("the folder aclImdb with train and test", found) from None
            for file in files:
                if not file.name.startswith("."):  # what a file manager leaves
                    yield side, kind, file


def _in_archive(archive: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """The same of an archive, wherever in it the four folders are."""
    for path, content in files_in(archive, (".txt",), MOST):
        side, kind = (["", "", *path.split("/")])[-3:-1]
        if side in SIDES and kind in KINDS:
            yield side, kind, path, content


def _text(review: Review) -> str:
    """What a review says, in a line. Raises UserError where that is nothing, or no UTF-8."""
    try:
        text = review.content.decode()
    except UnicodeDecodeError as error:
        found = f"{review.name}, whose byte {error.start + 1} is none of it"
        raise wrong("reviews in UTF-8", found) from None
    text = in_one_line(text)
    if not text:
        raise wrong("a text in every review", f"none in {review.name}")
    return text


def wrong(expected: str, found: str) -> UserError:
    """What is at `dataset.path` is not what was expected."""
    hint = "unpack aclImdb_v1.tar.gz again, or give that as {key}"
    return UserError(Mistake("dataset.path", expected, found, hint))
