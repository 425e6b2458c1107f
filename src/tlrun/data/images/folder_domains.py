"""Which domains there are in the folders that a user names, and which role each plays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.paths import path_to_read
from tlrun.core.problem import Role
from tlrun.data.images.folder_options import FolderOptions
from tlrun.data.images.folders import Photo, Scanned, clean, scan


class Found(NamedTuple):
    """roots: the folders that were read, with the images of each, domain by domain.

    roles: of each domain, sources first. left_out: how many files of which ending are no images.
    deeper: how many images lie in folders within the folder of their class. guessed: whether it was
    read off the folders that these are domains, and not said.
    """

    roots: Mapping[Path, list[Photo]]
    roles: Mapping[str, Role]
    left_out: Counter[str]
    deeper: int
    guessed: bool = False

    @property
    def photos(self) -> list[Photo]:
        """Every image of every root."""
        return [photo for photos in self.roots.values() for photo in photos]


def find(options: FolderOptions) -> Found:
    """Every image of every domain that is asked for.

    Raises UserError as `folders.scan` does, and for domains that are not there, or twice.
    """
    scans = {_folder(options.path, "path"): "path"}
    if options.source_path is not None:
        source = _folder(options.source_path, "source_path")
        if source.resolve() in {path.resolve() for path in scans}:
            expected, found = "another folder than dataset.path", f"{source} twice"
            raise UserError(Mistake("dataset.source_path", expected, found))
        scans[source] = "source_path"
    scanned = {
        root: scan(root, key, options.split is not None, options.layout)
        for root, key in scans.items()
    }
    of_root = {root: _domains(root, each, scans[root]) for root, each in scanned.items()}
    every = [name for names in of_root.values() for name in names]
    twice = [name for name, count in Counter(every).items() if count > 1]
    if twice:
        found = f"{twice[0]} in dataset.path too"
        hint = "rename one of the two folders"
        raise UserError(Mistake("dataset.source_path", "domains of other names", found, hint))
    kept = _restricted(options, every)
    sources = [
        name for root, key in scans.items() if key == "source_path" for name in of_root[root]
    ]
    roles = _roles(options, [name for name in every if name in kept], sources)
    roots = {}
    for root, each in scanned.items():
        roots[root] = [photo for photo in each.photos if photo.domain in kept]
    left_out = sum((each.left_out for each in scanned.values()), Counter[str]())
    deeper = sum("/" in photo.inside for photos in roots.values() for photo in photos)
    guessed = options.layout == "auto" and any(each.grouped for each in scanned.values())
    return Found(roots, roles, left_out, deeper, guessed)


def _folder(path: str, option: str) -> Path:
    """The folder that an option names."""
    key = f"dataset.{option}"
    if not path:
        raise UserError(Mistake(key, "a folder of images", "nothing", f"try {key}=photos"))
    return path_to_read(path, key, "a folder").absolute()


def _domains(root: Path, scanned: Scanned, option: str) -> list[str]:
    """The names of the domains of one root."""
    folders = {photo.below.split("/")[1 if photo.side else 0] for photo in scanned.photos}
    names = list(dict.fromkeys(photo.domain for photo in scanned.photos))
    if scanned.grouped and len(folders) != len(names):
        same = next(name for name, count in Counter(map(clean, folders)).items() if count > 1)
        expected = "folders of domains whose names differ by more than dots"
        found = f"two that are {same} in {root}"
        raise UserError(Mistake(f"dataset.{option}", expected, found, "rename one"))
    return names


def _restricted(options: FolderOptions, every: list[str]) -> set[str]:
    """The domains that are asked for."""
    if options.domains is None:
        return set(every)
    kept = [clean(str(name)) for name in options.domains]
    for name in kept:
        if name not in every:
            found = f"no {name}"
            raise UserError(Mistake("dataset.domains", "domains", found, nearest(name, every)))
    return set(kept)


def _roles(options: FolderOptions, names: list[str], sources: list[str]) -> dict[str, Role]:
    """The role of each of some domains: sources, target, or all peers."""
    targets = [name for name in names if name not in sources]
    target = None if options.target is None else clean(str(options.target))
    if target is not None and target not in targets:
        raise UserError(
            Mistake("dataset.target", "a domain", f"no {target}", nearest(target, targets))
        )
    if target is None and len(targets) == 1:
        target = targets[0]
    if target is None and (len(targets) != len(names) or not targets):
        expected = "the domain that is the target, as there is a dataset.source_path"
        found = f"nothing and {len(targets)} domains in dataset.path"
        raise UserError(Mistake("dataset.target", expected, found, nearest("", targets)))
    if target is None:
        return dict.fromkeys(sorted(targets), "peer")
    roles: dict[str, Role] = dict.fromkeys(sorted(set(names) - {target}), "source")
    return {**roles, target: "target"}
