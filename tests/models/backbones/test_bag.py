"""A bag of words is the mean of its words' vectors, in whatever order they stand."""

import torch
from torch import nn

from tlrun.core.inputs import InputSpec
from tlrun.models.backbone import takes
from tlrun.models.backbones.bag import Bag
from tlrun.models.build import build

SPEC = InputSpec((9,), "int32", 20)
IDS = torch.tensor([[4, 2, 3, 9, 2], [5, 5, 1, 0, 0]], dtype=torch.int32)


def test_it_is_the_mean_over_the_tokens_of_a_text() -> None:
    phi = build(Bag(6), SPEC)
    weight = next(phi.parameters())

    for row, length in enumerate((5, 3)):
        expected = weight[IDS[row, :length].long()].mean(dim=0)
        torch.testing.assert_close(phi(IDS)[row], expected)


def test_neither_padding_nor_order_changes_it() -> None:
    phi = build(Bag(6), SPEC)

    torch.testing.assert_close(phi(nn.functional.pad(IDS, (0, 4))), phi(IDS))
    torch.testing.assert_close(phi(IDS[:1].flip(1)), phi(IDS[:1]))


def test_padding_learns_nothing() -> None:
    phi = build(Bag(6), SPEC)
    phi(IDS).sum().backward()
    gradient = next(phi.parameters()).grad

    assert gradient is not None
    assert gradient[0].abs().max() == 0
    assert gradient[5].abs().max() > 0


def test_it_reads_texts_alone() -> None:
    assert takes(Bag) == ("tokens",)
    assert Bag(6).width((20,)) == 6


def test_bigrams_tell_orders_apart_and_dropout_is_of_training_alone() -> None:
    torch.manual_seed(0)
    phi = build(Bag(6, ngrams=2, buckets=1000), SPEC)
    torch.testing.assert_close(phi(nn.functional.pad(IDS, (0, 4))), phi(IDS))
    assert not torch.allclose(phi(IDS[:1].flip(1)), phi(IDS[:1]))

    phi = build(Bag(6, dropout=0.5), SPEC)
    assert not torch.equal(phi(IDS), phi(IDS))
    phi.eval()
    assert torch.equal(phi(IDS), phi(IDS))
