"""Your own photos in folders, one a class: one domain or many, with a source or without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import path_to_read
from tlrun.core.problem import Domain, Problem, Split
from tlrun.core.task import Task
from tlrun.data.assembly import Part, assemble
from tlrun.data.images.folder_options import FolderOptions

if TYPE_CHECKING:
    import numpy as np

    from tlrun.core.mapped import Mapped
    from tlrun.data.images.folder_domains import Found
    from tlrun.data.images.folder_splits import Rows, Splits
    from tlrun.data.images.folders import Photo
    from tlrun.data.images.label_spaces import LabelSpace


@dataclass(frozen=True)
class ImageFolder(FolderOptions):
    """The problem of `dataset=image_folder`; its options are those of folders of images."""

    def files(self) -> Sequence[Path]:
        """Every image, and the file of groups. Raises UserError as `load` does."""
        from tlrun.data.images.folder_domains import find

        files = [photo.path for photo in find(self).photos]
        return files if self.group_file is None else [*files, _path(self.group_file)]

    def suits(self) -> Mapping[str, str]:
        """A transfer to the target; without a source the target alone, or all peers together."""
        from tlrun.data.images.folder_domains import find

        strategy = "scratch"
        try:
            roles = set(find(self).roles.values()) if self.path else set()
        except (UserError, OSError):  # told where the images are read
            roles = set()
        if "source" in roles:
            strategy = "parameter_transfer"
        elif "peer" in roles:
            strategy = "shared_parameters"
        return {"strategy": strategy, "backbone": "conv"}

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError, a line that names the folder or file, where there are no folders of
        images as the options say, where a file becomes no image, and where there is too little to
        train or test on.
        """
        from tlrun.data.images.folder_domains import find
        from tlrun.data.images.folder_images import images_of
        from tlrun.data.images.folder_splits import check_sizes, split_rows
        from tlrun.data.images.label_spaces import label_spaces

        found = find(self)
        self._check_sources(found)
        classes: dict[str, set[str]] = {name: set() for name in found.roles}
        for photo in found.photos:
            classes[photo.domain].add(photo.label)
        spaces = label_spaces(classes, self.classes)
        groups = self._groups(found.photos)  # before any file is read: a mistake is told at once
        images = images_of(found, self)
        rows = _rows(images.photos, found, spaces, groups)
        share = self.test_share if rows.group is None and rows.side is None else None
        check_sizes(rows, spaces, classes, share)
        splits = split_rows(rows, self, seed)
        parts = []
        for name in found.roles:
            space = spaces[name]
            task = Task(space.task, "multiclass", space.classes, self.metric)
            parts.append(_part(name, task, rows, splits, images.inputs))
        notes = [*images.notes, *self._split_notes(rows, groups)]
        problem = assemble(parts, notes, self.duplicates)
        names = {space.task: list(space.classes) for space in spaces.values()}
        return dataclasses.replace(
            problem, preprocessing={"images": images.form._asdict(), "classes": names}
        )

    def _check_sources(self, found: Found) -> None:
        """Raise UserError where labels of a source are asked for and there is none."""
        if "source" in found.roles.values():
            return
        for option in ("source_per_class", "source_fraction"):
            if getattr(self, option) is not None:
                hint = "try dataset.source_path=FOLDER, or dataset.target=DOMAIN"
                raise UserError(Mistake(f"dataset.{option}", "a source domain", "none", hint))

    def _groups(self, photos: Sequence[Photo]) -> dict[Path, str]:
        """The group of each image by its path; empty where there are no groups."""
        from tlrun.data.images.photo_groups import groups_by_file, groups_by_name

        if self.group is not None:
            names = groups_by_name(photos, self.group)
        elif self.group_file is not None:
            names = groups_by_file(photos, _path(self.group_file))
        else:
            return {}
        return {photo.path: name for photo, name in zip(photos, names, strict=True)}

    def _split_notes(self, rows: Rows, groups: Mapping[Path, str]) -> Iterator[str]:
        """What there is to tell of groups and of folders that split."""
        from tlrun.data.images.folder_splits import VAL

        if rows.group is not None:
            count = len(set(groups.values()))
            yield f"{count} groups, each on one side: training, validation or test"
        if rows.side is not None and not self.val_share and (unused := (rows.side == VAL).sum()):
            yield f"validation images that are not used: {unused}; dataset.val_share=0.2 uses them"


def _path(file: str) -> Path:
    """The file of groups. Raises UserError for a path that none can have."""
    return path_to_read(file, "dataset.group_file", "a file").absolute()


def _rows(
    photos: Sequence[Photo],
    found: Found,
    spaces: Mapping[str, LabelSpace],
    groups: Mapping[Path, str],
) -> Rows:
    """What is known of each image, as numbers."""
    import numpy as np

    from tlrun.data.images.folder_splits import TEST, TRAIN, VAL, Rows

    names = {name: position for position, name in enumerate(sorted(found.roles))}
    labels = {}
    for name, space in spaces.items():
        for label, name_of_class in enumerate(space.classes):
            labels[name, name_of_class] = label
    numbers = {"train": TRAIN, "val": VAL, "test": TEST}
    group, side = None, None
    if groups:
        order = {name: position for position, name in enumerate(sorted(set(groups.values())))}
        group = np.array([order[groups[photo.path]] for photo in photos], np.int64)
    if photos and photos[0].side is not None:
        side = np.array([numbers[photo.side] for photo in photos if photo.side], np.int64)
    return Rows(
        found.roles,
        np.array([names[photo.domain] for photo in photos], np.int64),
        np.array([labels[photo.domain, photo.label] for photo in photos], np.int64),
        group,
        side,
    )


def _part(name: str, task: Task, rows: Rows, splits: Splits, inputs: Mapped) -> Part:
    """One domain. An example's index is its place among the images of its domain."""
    import numpy as np

    from tlrun.data.examples import examples_digest

    here = np.flatnonzero(rows.domain == rows.names.index(name))
    mine, labels = inputs.select(here), rows.label[here]

    def split(chosen: np.ndarray) -> Split:
        places = np.flatnonzero(chosen[here])
        groups = None if rows.group is None else rows.group[here][places]
        return Split(mine.select(places), {task.name: labels[places]}, places, groups=groups)

    val = split(splits.val)
    domain = Domain(name, rows.roles[name], (task,), split(splits.train), val if len(val) else None)
    used = splits.pool[here] | splits.test[here]
    said = [rows.group, rows.side]  # by whoever divides the images
    told = [labels, *(values[here] for values in said if values is not None)]
    digest = examples_digest(mine.keys()[used], *(values[used] for values in told))
    pool = mine.select(np.flatnonzero(splits.pool[here]))
    return Part(domain, split(splits.test), pool, digest)
