import pytest
import torch
from torch import nn

from tlrun.models.side_by_side import outputs_of, stacked


@pytest.mark.parametrize(("D", "S", "k"), [(1, 1, 3), (1, 6, 1), (5, 1, 2), (4, 3, 5)])
def test_outputs_are_those_of_each_head_on_its_own_input(D: int, S: int, k: int) -> None:
    heads = [nn.Linear(7, k).double() for _ in range(D * S)]
    z = torch.randn(D, 9, 7, dtype=torch.float64, requires_grad=True)
    W, b = stacked([head.weight for head in heads]), stacked([head.bias for head in heads])
    said = outputs_of(W, b, z)
    each = torch.stack([head(z[place // S]).T for place, head in enumerate(heads)])
    assert torch.allclose(said, each, atol=1e-12)

    wanted = [z, *(p for head in heads for p in head.parameters())]
    at_once = torch.autograd.grad(said.sin().sum(), wanted)
    one_by_one = torch.autograd.grad(each.sin().sum(), wanted)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(at_once, one_by_one, strict=True))


def test_what_is_one_and_the_same_is_not_copied_and_gets_the_gradient_of_all() -> None:
    one = torch.randn(3, 2, requires_grad=True)
    many = stacked([one] * 4)
    assert many.shape == (4, 3, 2)
    assert many.data_ptr() == one.data_ptr()
    many.sum().backward()  # type: ignore[no-untyped-call]
    assert one.grad is not None
    assert torch.equal(one.grad, torch.full_like(one, 4.0))


def test_parts_of_one_are_that_one_with_its_gradient() -> None:
    one = torch.randn(4, 3, 2, requires_grad=True)
    made = one * 2
    many = stacked(made.unbind())
    assert many.data_ptr() == made.data_ptr()
    (many * torch.arange(4.0)[:, None, None]).sum().backward()  # type: ignore[no-untyped-call]
    assert one.grad is not None
    assert torch.equal(one.grad, 2 * torch.arange(4.0)[:, None, None].expand(4, 3, 2))
