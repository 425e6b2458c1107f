"""φ as an LSTM: its equation by torch's own layers, and padding that changes nothing."""

import torch
from torch import nn

from tlrun.core.inputs import InputSpec
from tlrun.models.backbone import takes
from tlrun.models.backbones.lstm import Lstm
from tlrun.models.blocks import blocks
from tlrun.models.build import build

SPEC = InputSpec((9,), "int32", 20)
IDS = torch.tensor([[4, 2, 3, 9, 2], [5, 5, 1, 0, 0]], dtype=torch.int32)


def test_it_is_torchs_lstm_of_as_many_layers() -> None:
    torch.manual_seed(0)
    phi = build(Lstm(embedding=6, hidden=5, layers=2, pooling="last"), SPEC)
    theirs = nn.LSTM(6, 5, num_layers=2, batch_first=True)
    renamed = {}
    for layer in (1, 2):
        for name, tensor in phi.get_submodule(f"lstm{layer}").state_dict().items():
            renamed[name.replace("l0", f"l{layer - 1}")] = tensor
    theirs.load_state_dict(renamed)
    embedded = phi.get_submodule("embedding")(IDS)

    for row, length in enumerate((5, 3)):
        hidden, _ = theirs(embedded[row : row + 1, :length])
        torch.testing.assert_close(phi(IDS)[row], hidden[0, -1])


def test_padding_changes_nothing_and_order_does() -> None:
    torch.manual_seed(0)
    for pooling in ("mean", "max", "last"):
        phi = build(Lstm(6, 5, 2, pooling), SPEC)
        more = nn.functional.pad(IDS, (0, 4))
        torch.testing.assert_close(phi(more), phi(IDS), atol=1e-7, rtol=0)
        turned = torch.tensor([[2, 9, 3, 2, 4]], dtype=torch.int32)
        assert not torch.allclose(phi(turned), phi(IDS[:1]))


def test_its_sizes_are_the_published_examples() -> None:
    """300 to 128, two layers: 4h(d + h + 2) parameters a layer."""
    phi = build(Lstm(), InputSpec((9,), "int32", 1000))
    found = sum(p.numel() for p in phi.parameters())

    assert found == 1000 * 300 + 4 * 128 * (300 + 128 + 2) + 4 * 128 * (128 + 128 + 2)
    assert phi(IDS).shape == (2, 128)
    assert Lstm().width((1000,)) == 128


def test_it_reads_texts_alone_and_its_layers_are_blocks() -> None:
    assert takes(Lstm) == ("tokens",)
    assert len(blocks(build(Lstm(6, 5, 3), SPEC))) == 4


def test_dropout_is_of_training_alone() -> None:
    torch.manual_seed(0)
    phi = build(Lstm(6, 5, dropout=0.5), SPEC)

    assert not torch.equal(phi(IDS), phi(IDS))
    phi.eval()
    assert torch.equal(phi(IDS), phi(IDS))


def test_on_a_cpu_it_computes_in_float32_under_autocast_too() -> None:
    """Not every processor has an LSTM in bfloat16, and it would fail in the first step."""
    torch.manual_seed(0)
    phi = build(Lstm(6, 5), SPEC)
    with torch.autocast("cpu", torch.bfloat16):
        found = phi(IDS)

    torch.testing.assert_close(found.float(), phi(IDS), atol=1e-2, rtol=0)
