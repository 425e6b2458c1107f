"""Folders of image files: which image is of which domain and class, read from where it lies.

    root/<class>/*                one domain, called by the root's name
    root/<domain>/<class>/**      several; what lies deeper in a class folder is of the class
    root/{train,val,test}/…       either of them, where the folders split too

Names are in NFC. Names that begin with a dot, and files that are no images by their name, are left
out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tlrun.core.errors import Mistake, UserError
from tlrun.data.images.folder_options import Layout
from tlrun.data.images.folder_tree import Folder, read_tree
from tlrun.data.load_report import few
from tlrun.store.downloads import described

Side = Literal["train", "val", "test"]

SIDES: dict[str, Side] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


class Photo(NamedTuple):
    """One image file. domain, label: of which domain and class it is, by their names.

    inside: its path below the folder of its class. below: its path below the root.
    side: what it is for, where folders say so.
    """

    path: Path
    domain: str
    label: str
    inside: str
    below: str
    side: Side | None = None


@dataclass
class Scanned:
    """Every image of a root, ordered by domain, class and path.

    left_out: how many files of which ending are no images. deeper: how many images lie in folders
    within the folder of their class. grouped: whether there are folders of domains.
    """

    photos: list[Photo]
    left_out: Counter[str]
    deeper: int
    grouped: bool


def scan(root: Path, option: str, sides: bool = False, layout: Layout = "auto") -> Scanned:
    """Every image below `root`.

    option: that names the root. sides: whether its folders are train, val and test. layout: whether
    the folders in them are classes or domains; auto: domains, where there are folders in them.
    Raises UserError, a line that names the folder, where there is no such folder, no image in it,
    an empty folder of a class or domain, images beside folders of images, and two names that are
    one in NFC.
    """
    key = f"dataset.{option}"
    left_out: Counter[str] = Counter()
    top = _top(root, key, left_out)
    parts: Mapping[str, Folder] = {"": top}
    if sides:
        parts = _by_side(top, root)
    elif _sided(top):
        found = f"{', '.join(top.folders)} in {root}"
        hint = "try dataset.split=folders"
        raise UserError(Mistake(key, "folders that are classes or domains", found, hint))
    grouped = {_grouped(part, root, key, layout) for part in parts.values()}
    if len(grouped) > 1:
        found = f"classes in some of {', '.join(top.folders)}, and domains of classes in others"
        raise UserError(Mistake(key, "the same folders to train and to test", found))
    by_domain = grouped.pop()
    photos: list[Photo] = []
    for name, part in parts.items():
        photos += _photos(part, root, name, by_domain, key)
    photos.sort(key=lambda photo: (photo.domain, photo.label, photo.inside, photo.side or ""))
    deeper = sum("/" in photo.inside for photo in photos)
    return Scanned(photos, left_out, deeper, by_domain)


def clean(name: str) -> str:
    """The name of a domain, from that of a folder: dots and slashes stand between names."""
    return name.replace(".", "_").replace("/", "_") or "photos"


def listed(left_out: Counter[str]) -> str:
    """What was left out, for a line: 3 .txt, 1 hidden."""
    return few([f"{count} {ending}" for ending, count in sorted(left_out.items())])


def _top(root: Path, key: str, left_out: Counter[str]) -> Folder:
    """The root, read; there is an image in it."""
    try:
        if not root.is_dir():
            found = f"{root}, a file" if root.exists() else f"no {root}"
            raise UserError(Mistake(key, "a folder of images", found))
        top = read_tree(root, left_out, key)
    except OSError as error:
        found = f"{error.filename or root}: {described(error)}"
        raise UserError(Mistake(key, "folders that can be read", found)) from None
    if top.empty:
        found = f"none in {root}" + (f" (but {listed(left_out)})" if left_out else "")
        raise UserError(Mistake(key, "images in folders, one for each class", found))
    return top


def _sided(top: Folder) -> bool:
    """Whether the folders are called as those that training and test images are divided in."""
    sides = {SIDES.get(name.casefold()) for name in top.folders}
    return None not in sides and {"train", "test"} <= sides


def _by_side(top: Folder, root: Path) -> Mapping[str, Folder]:
    """The folders of training, validation and test images, by their names."""
    known = [SIDES[name.casefold()] for name in top.folders if name.casefold() in SIDES]
    whole = len(top.folders) == len(known) == len(set(known)) and not top.images
    if not whole or not {"train", "test"} <= set(known):
        names = [*top.folders, *top.images]
        found = f"{few(names)} in {root}"
        expected = "the folders train and test, and val where there is one"
        hint = "try dataset.split=null"
        raise UserError(Mistake("dataset.split", expected, found, hint))
    return top.folders


def _grouped(top: Folder, root: Path, key: str, layout: Layout) -> bool:
    """Whether the folders in `top` are domains with folders of classes, and not classes."""
    if layout == "class" and not top.images:
        return False
    mixed = None
    flat = [name for name, folder in top.folders.items() if folder.images]
    deep = [name for name, folder in top.folders.items() if folder.deep]
    if top.images:
        where = "beside the folders" if top.folders else "and others in no folder of a class"
        mixed = f"{next(iter(top.images))} {where}"
    elif both := sorted(set(flat) & set(deep)):
        mixed = f"images in {both[0]} and in folders within it"
    elif flat and deep:
        mixed = f"images in {flat[0]} itself, and in folders within {deep[0]}"
    if mixed:
        expected = f"all images of {root} as <class>/* or all as <domain>/<class>/*"
        raise UserError(Mistake(key, expected, mixed, "try dataset.layout=class"))
    if layout == "domain" and not deep:
        found = f"images in {flat[0]} itself"
        raise UserError(Mistake("dataset.layout", "folders of domains with classes", found))
    return bool(deep)


def _photos(top: Folder, root: Path, part: str, by_domain: bool, key: str) -> Iterator[Photo]:
    """Every image in the folders of `top`, those of classes or those of domains.

    part: the name of `top` below the root, such as train; empty where it is the root.
    """
    side, place = SIDES.get(part.casefold()), root / part
    domains = top.folders if by_domain else {root.resolve().name: top}
    for domain, classes in domains.items():
        for label, folder in classes.folders.items():
            of_domain = f"{domain}/{label}" if by_domain else label
            if folder.empty:
                found = f"none in {place / of_domain}"
                hint = "remove that folder, or put its images there"
                raise UserError(Mistake(key, "images in the folder of every class", found, hint))
            for inside, path in folder.every():
                below = "/".join(filter(None, (part, of_domain, inside)))
                yield Photo(path, clean(domain), label, inside, below, side)
        if classes.empty:
            found = f"none in {place / domain}"
            hint = "remove that folder, or put folders of classes there"
            raise UserError(Mistake(key, "images in the folder of every domain", found, hint))
