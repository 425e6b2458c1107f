"""Labels that are read at once are those that are read task by task."""

import pytest
import torch

from tlrun.data.label_table import FEW, LabelTable


@pytest.mark.parametrize("number", [0, 1, FEW, FEW + 1, 30])
@pytest.mark.parametrize("numbers", [0, 1, 4])
def test_rows_are_those_of_each_task_in_order(number: int, numbers: int) -> None:
    labels = {f"t{k}": torch.randint(-1, 3, (20,)) for k in range(number)}
    for k in range(min(number, numbers)):
        labels[f"t{3 * k % number}"] = torch.randn(20)
    chosen = torch.tensor([3, 3, 0, 19, 7])
    found = LabelTable(labels).rows(chosen)
    assert list(found) == list(labels)
    for task, values in labels.items():
        assert torch.equal(found[task], values[chosen])
        assert found[task].dtype == values.dtype
