from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.data.datasets.image_folder import ImageFolder
from tlrun.data.datasets.pair import Pair


@pytest.mark.parametrize("cls", [Pair, ImageFolder])
@pytest.mark.parametrize("of", ["label", "source"])
def test_labels_are_bought_by_number_or_by_share(cls: type[Pair | ImageFolder], of: str) -> None:
    count = "labels_per_class" if of == "label" else "source_per_class"
    number: dict[str, Any] = {count: 3}
    share: dict[str, Any] = {f"{of}_fraction": 0.5}
    cls(**number)
    cls(**share)
    with pytest.raises(UserError, match=f"dataset.{of}_fraction: .*, found dataset.{count} too"):
        cls(**number, **share)
