"""Layers of texts: padding changes nothing, and each does what torch's own layer does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tlrun.models.text_layers import (
    Bigrams,
    Pool,
    Recurrent,
    TokenDropout,
    TokenEmbedding,
    present,
)

IDS = torch.tensor([[4, 2, 3, 9, 2], [5, 5, 1, 0, 0], [7, 0, 0, 0, 0]], dtype=torch.int32)
LENGTHS = [5, 3, 1]


def test_an_embedding_gives_zeros_for_padding_whatever_its_row_has_become() -> None:
    layer = TokenEmbedding(10, 4)
    with torch.no_grad():
        layer.weight[0] = 3.0
    x = layer(IDS)

    assert torch.equal(present(x).squeeze(-1), IDS != 0)
    assert torch.equal(x[0], layer.weight[IDS[0].long()])
    x.sum().backward()
    assert layer.weight.grad is not None
    assert torch.equal(layer.weight.grad[0], torch.zeros(4))


@pytest.mark.parametrize("value", [1e-40, -1e-40, torch.nan, torch.inf, -torch.inf, 3.0])
def test_a_place_is_there_whose_vector_has_any_number_but_zero(value: float) -> None:
    x = torch.zeros(2, 3, 4)
    x[0, 1, 2], x[1, 2] = value, -0.0

    assert torch.equal(present(x), (x != 0).any(dim=-1, keepdim=True))
    assert present(x).sum() == 1


def test_a_recurrent_layer_is_torchs_packed_one_with_its_gradients() -> None:
    torch.manual_seed(0)
    layer, packed = Recurrent(4, 6), nn.LSTM(4, 6, batch_first=True)
    packed.load_state_dict(layer.state_dict())
    x = TokenEmbedding(10, 4)(IDS).detach()
    sequences = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(packed(sequences)[0], batch_first=True)
    found = layer(x)

    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    ours = torch.autograd.grad(found.square().sum(), list(layer.parameters()))
    theirs = torch.autograd.grad(expected.square().sum(), list(packed.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_pooling_is_of_each_text_alone(pooling: str) -> None:
    x = TokenEmbedding(10, 4)(IDS) - 2.0 * present(TokenEmbedding(10, 4)(IDS))
    pool = Pool(pooling)  # type: ignore[arg-type]  # one of them
    by_hand: dict[str, Callable[[Tensor], Tensor]] = {
        "mean": lambda rows: rows.mean(dim=0),
        "max": lambda rows: rows.amax(dim=0),
        "last": lambda rows: rows[-1],
    }

    expected = torch.stack([by_hand[pooling](x[k, :n]) for k, n in enumerate(LENGTHS)])
    torch.testing.assert_close(pool(x), expected)


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_a_text_without_a_token_is_zeros(pooling: str) -> None:
    pool = Pool(pooling)  # type: ignore[arg-type]  # one of them

    assert torch.equal(pool(torch.zeros(2, 3, 4)), torch.zeros(2, 4))


def test_pairs_of_tokens_side_by_side_have_ids_of_their_own() -> None:
    found = Bigrams(10, 5000)(IDS)

    assert found.dtype == IDS.dtype
    assert torch.equal(found[:, :5], IDS)
    pairs = found[:, 5:]
    assert torch.equal(pairs != 0, IDS[:, 1:] != 0)
    assert pairs[pairs != 0].min() >= 10
    assert pairs.max() < 5010
    # the same two tokens have the same id, whatever stands around them; others another
    again = Bigrams(10, 5000)(torch.tensor([[9, 4, 2, 0]]))
    assert again[0, 5] == pairs[0, 0]
    assert len(set(pairs[0].tolist())) == 4
    assert Bigrams(10, 5000)(torch.tensor([[2, 4]]))[0, 2] != pairs[0, 0]


def test_tokens_are_left_out_in_training_alone_as_often_as_asked() -> None:
    torch.manual_seed(0)
    layer, ids = TokenDropout(0.3), torch.full((100, 100), 7)

    assert (layer(ids) == 0).double().mean() == pytest.approx(0.3, abs=0.02)
    layer.eval()
    assert torch.equal(layer(ids), ids)
