"""Which domains share a label space, told by the names of their classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import NamedTuple

from tlrun.core.errors import Mistake, UserError
from tlrun.data.images.folder_options import Classes
from tlrun.data.load_report import few


class LabelSpace(NamedTuple):
    """task: its name. classes: in the order of their labels."""

    task: str
    classes: tuple[str, ...]


def label_spaces(found: Mapping[str, Collection[str]], option: Classes) -> dict[str, LabelSpace]:
    """The label space of each domain.

    found: the names of the classes of each domain. Raises UserError for a domain with one class,
    and where `option` is auto and domains have some classes in common and others not.
    """
    for name, classes in found.items():
        if len(classes) < 2:
            expected = f"at least 2 classes, a folder each, in domain {name}"
            hint = "add a folder, or try dataset.layout=class, where folders within are of a class"
            raise UserError(Mistake("dataset.path", expected, f"only {', '.join(classes)}", hint))
    every = set[str]().union(*found.values())
    if option == "auto":
        if any(set(classes) == every for classes in found.values()):
            option = "shared"
        else:
            option = "own"
            _check_apart(found)
    if option == "shared" or len(found) == 1:
        return dict.fromkeys(found, LabelSpace("class", tuple(sorted(every))))
    return {name: LabelSpace(name, tuple(sorted(classes))) for name, classes in found.items()}


def _check_apart(found: Mapping[str, Collection[str]]) -> None:
    """Raise UserError where two domains have a class in common."""
    for one, other in combinations(found, 2):
        both = sorted(set(found[one]) & set(found[other]))
        if both:
            expected = "shared or own, as domains have some of their classes in common"
            apart = sorted(set(found[one]) ^ set(found[other])) or sorted(
                set[str]().union(*found.values()) - set(both)
            )
            told = f"auto: {one} and {other} both have {few(both)}, but not {few(apart)}"
            hint = "try dataset.classes=shared where equal names mean the same"
            raise UserError(Mistake("dataset.classes", expected, told, hint))
