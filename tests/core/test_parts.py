"""What is done to the whole is what would be done to the parts, gradients too."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from tlrun.core.parts import Parts, whole

SHAPES = [(), (1,), (3,), (2, 3)]


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_whole_is_found_with_its_gradient(shape: tuple[int, ...], learns: bool) -> None:
    root = torch.randn(5, *shape, requires_grad=learns)
    made = root * 2
    found = whole(made.unbind())
    assert found is not None
    assert torch.equal(found, made)
    assert found.requires_grad == learns
    if learns:
        found.sum().backward()  # type: ignore[no-untyped-call]
        assert root.grad is not None
        assert torch.equal(root.grad, torch.full_like(root, 2.0))


def test_rows_of_a_table_in_pieces_are_the_table() -> None:
    table = torch.randn(6, 4)
    found = whole(table.view(3, 2, 4).unbind())
    assert found is not None
    assert torch.equal(found, table.view(3, 2, 4))


OTHERS: dict[str, Callable[[Tensor], Sequence[Tensor]]] = {
    "copies": lambda made: [part.clone() for part in made],
    "another order": lambda made: made.unbind()[::-1],
    "some": lambda made: made.unbind()[:-1],
    "one twice": lambda made: [made[0], *made.unbind()[:-1]],
    "columns": lambda made: made.unbind(1),
    "turned": lambda made: [part.t() for part in made],
    "detached": lambda made: [part.detach() for part in made],
    "of two": lambda made: [*made.unbind()[:-1], (made * 1)[-1]],
    "of what is no block": lambda made: (made * 1).transpose(1, 2).unbind(),
    "a leaf": lambda made: [made.detach().clone().requires_grad_()],
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is_taken_for_it(name: str) -> None:
    made = torch.randn(3, 3, 3, requires_grad=True) * 1
    assert whole(OTHERS[name](made)) is None


def test_parts_are_those_of_unbind_by_name_with_gradient_wherever_they_are_looked_at() -> None:
    root = torch.randn(3, 2, requires_grad=True)
    parts = Parts({"a": 0, "b": 1, "c": 2}, root * 1)
    assert list(parts) == ["a", "b", "c"]
    assert len(parts) == 3
    with torch.no_grad():
        found = parts["b"]
    assert parts["b"] is found
    assert torch.equal(found, root[1])
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert root.grad is not None
    assert torch.equal(root.grad, torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(KeyError):
        parts["d"]
    assert not Parts({"a": 0}, torch.zeros(1, 2))["a"].requires_grad
