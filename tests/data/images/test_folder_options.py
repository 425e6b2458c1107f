from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.data.images.folder_options import FolderOptions


def test_one_form_for_all_spellings() -> None:
    assert FolderOptions(target=7, domains=(7, "a", "a")) == FolderOptions(
        target="7", domains=("a", "7")
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels_per_class": 5, "label_fraction": 0.1}, "dataset.label_fraction: expected one of"),
        ({"source_per_class": 5, "source_fraction": 0.1}, "dataset.source_fraction: expected one"),
        ({"group": "a", "group_file": "a.csv"}, "dataset.group_file: expected one of the two"),
        ({"group": "a("}, r"dataset.group: expected a regular expression, found 'a\(' "),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=f"^{words}"):
        FolderOptions(**options)


def test_places_and_split_options_are_options() -> None:
    names = set(FolderOptions.__dataclass_fields__)

    assert FolderOptions.places <= names
    assert FolderOptions.split_options <= names - FolderOptions.places
