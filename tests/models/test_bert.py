from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tlrun.core.errors import UserError
from tlrun.models.bert import encoder, load, name_in_file
from tlrun.models.blocks import blocks, free, set_training_mode
from tlrun.models.text_layers import present

from encoders import SMALL, padded, tensors

TEXTS = padded([5, 7, 9, 11, 3, 8], [4, 4, 30], [39])


@pytest.fixture
def phi() -> nn.Sequential:
    return encoder(SMALL).eval()


@pytest.mark.slow
def test_vectors_at_places_are_those_of_transformers(
    phi: nn.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers", reason="the library to compare with")
    config = transformers.BertConfig(
        vocab_size=SMALL.vocabulary,
        hidden_size=SMALL.width,
        num_hidden_layers=SMALL.layers,
        num_attention_heads=SMALL.heads,
        intermediate_size=SMALL.inner,
        max_position_embeddings=SMALL.positions,
        initializer_range=SMALL.deviation,
    )
    theirs: Any = transformers.BertModel(config).eval()
    load(phi, theirs.state_dict(), "it")
    with torch.no_grad():
        mask = TEXTS != 0
        found = phi[: SMALL.layers + 1](TEXTS)
        expected = theirs(input_ids=TEXTS.long(), attention_mask=mask.long()).last_hidden_state

    torch.testing.assert_close(found, expected * mask[..., None], rtol=0, atol=1e-5)


def test_padding_changes_nothing_and_holds_zeros(phi: nn.Sequential) -> None:
    x: Tensor = TEXTS
    for module in phi[: SMALL.layers + 1]:
        x = module(x)
        assert torch.equal(present(x).squeeze(-1), TEXTS != 0)
    alone = phi(padded([4, 4, 30]))

    torch.testing.assert_close(alone[0], phi(TEXTS)[1], rtol=0, atol=1e-6)


def test_the_order_of_tokens_matters(phi: nn.Sequential) -> None:
    z = phi(padded([5, 7, 9], [9, 7, 5]))

    assert (z[0] - z[1]).abs().max() > 1e-2


def test_features_have_a_mean_square_of_one(phi: nn.Sequential) -> None:
    torch.testing.assert_close(phi(TEXTS).square().mean(dim=1), torch.ones(3))


def test_a_text_without_a_token_is_zeros_and_harms_no_gradient(phi: nn.Sequential) -> None:
    z = phi(padded([5, 7], []))
    z.square().sum().backward()

    assert torch.equal(z[1], torch.zeros(SMALL.width))
    assert all(bool(p.grad.isfinite().all()) for p in phi.parameters() if p.grad is not None)


def test_every_parameter_learns(phi: nn.Sequential) -> None:
    (phi(TEXTS) * torch.randn(3, SMALL.width)).sum().backward()

    for name, parameter in phi.named_parameters():
        assert parameter.grad is not None
        # a key's bias adds the same to all that a place may attend to, which softmax takes away
        assert bool((parameter.grad != 0).any()) or name.endswith("key.bias"), name


def test_blocks_are_the_embeddings_and_each_layer(phi: nn.Sequential) -> None:
    assert [slice(0, 1), slice(1, 2), slice(2, 5)] == blocks(phi)
    assert [name for name, _ in phi.named_children()] == [
        "embeddings", "layer0", "layer1", "pool", "scale",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trained", "begins"), [("last", "layer1."), ("first", "embeddings."), ("norm", "")]
)
def test_a_part_is_let_go(phi: nn.Sequential, trained: Any, begins: str) -> None:
    free(phi, trained)
    named = {name for name, parameter in phi.named_parameters() if parameter.requires_grad}
    every = {name for name, _ in phi.named_parameters() if name.startswith(begins)}

    assert named == (every if begins else {name for name in every if "norm." in name})


def test_dropout_is_of_training_alone_and_of_what_is_trained(phi: nn.Sequential) -> None:
    assert torch.equal(phi(TEXTS), phi(TEXTS))
    set_training_mode(phi, "last")
    before = phi[:2](TEXTS)

    assert torch.equal(before, phi[:2](TEXTS))
    assert not torch.equal(phi[2:](before), phi[2:](before))
    assert torch.equal(present(phi.train()[:3](TEXTS)).squeeze(-1), TEXTS != 0)


def test_fresh_weights_are_drawn_as_berts(phi: nn.Sequential) -> None:
    state = phi.state_dict()

    assert state["layer0.inner.weight"].std() == pytest.approx(SMALL.deviation, rel=0.2)
    assert state["embeddings.word_embeddings.weight"].std() == pytest.approx(0.3, rel=0.2)
    assert not state["layer1.query.bias"].any()
    assert bool((state["layer1.norm.weight"] == 1).all())


def test_more_tokens_than_places_are_refused_in_a_line(phi: nn.Sequential) -> None:
    with pytest.raises(UserError, match=r"max_tokens: expected texts of at most 16 .* found 17; t"):
        phi(torch.ones(1, 17, dtype=torch.int32))


def test_weights_of_a_whole_model_and_with_the_first_names_fit_too(phi: nn.Sequential) -> None:
    own = tensors()
    old = {
        f"bert.{name}".replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): t
        for name, t in own.items()
    }
    load(phi, old | {"cls.predictions.bias": torch.zeros(40)}, "it")

    for name, tensor in phi.state_dict().items():
        assert torch.equal(tensor, own[name_in_file(name)])


def test_other_weights_are_refused(phi: nn.Sequential) -> None:
    given = tensors()
    del given["encoder.layer.1.output.dense.bias"]
    with pytest.raises(UserError, match=r"of it, found 1 missing \(encoder\.layer\.1\.output\.den"):
        load(phi, given, "it")
