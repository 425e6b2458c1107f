from collections.abc import Mapping
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.trunk import (
    BatchNormStatistics,
    Trunk,
    set_memory_format,
    statistics_name,
    tracked_domain,
)

from problems import SHAPE
from properties import assert_same_bits

NORMED = Conv(channels=(4,), norm="batch")


def trunk(seed: int = 0) -> Trunk:
    torch.manual_seed(seed)
    return Trunk(NORMED.build(SHAPE))


def inputs(n: int = 8, at: float = 0.0) -> Tensor:
    return torch.randn(n, *SHAPE) + at


def statistics(phi: Trunk, domain: str) -> dict[str, Tensor]:
    """A copy of what is kept of a domain."""
    kept = phi.statistics[statistics_name(domain)]
    assert isinstance(kept, BatchNormStatistics)
    return {name: tensor.clone() for name, tensor in kept.current().items()}


def test_features_are_those_of_the_backbone() -> None:
    backbone = NORMED.build(SHAPE).eval()
    x = inputs()

    assert torch.equal(Trunk(backbone).eval()(x, "anywhere"), backbone(x))


def test_statistics_are_kept_per_domain() -> None:
    phi = trunk().train()
    phi.track(["source", "target"])
    before, moved = statistics(phi, "target"), statistics(phi, "source")

    phi(inputs(at=5), "source")

    assert_same_bits(statistics(phi, "target"), before)
    after = statistics(phi, "source")
    assert (
        after.keys() == moved.keys() == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    )
    assert all(not torch.equal(after[name], moved[name]) for name in moved)


def test_each_domain_keeps_what_it_would_have_kept_alone() -> None:
    """In whatever order the batches of the domains come."""
    together, batches = trunk().train(), {name: inputs(at=k) for k, name in enumerate("abc")}
    together.track(batches)
    for _ in range(3):
        for name, batch in batches.items():
            together(batch, name)

    for name, batch in batches.items():
        alone = trunk().train()
        alone.track([name])
        for _ in range(3):
            alone(batch, name)
        assert_same_bits(statistics(together, name), statistics(alone, name))


def test_a_domain_without_statistics_borrows_then_starts_from_what_it_borrowed() -> None:
    phi = trunk().train()
    phi.track(["source"])
    phi(inputs(at=5), "source")
    phi.eval()
    x = inputs(3)
    borrowed = phi(x, "target")

    phi.track(["target"])

    assert torch.equal(phi(x, "source"), borrowed)
    assert torch.equal(phi(x, "target"), borrowed)


def seen(batches: Mapping[str, Tensor]) -> Trunk:
    """A φ that has tracked each domain in the order given, over three passes of its batch."""
    phi = trunk().train()
    phi.track(batches)
    for _ in range(3):
        for name, batch in batches.items():
            phi(batch, name)
    return phi.eval()


def far_apart(count: int = 3) -> list[Tensor]:
    """A batch for each of several domains that have little in common."""
    torch.manual_seed(1)
    return [(1 + k) * torch.randn(8, *SHAPE) + 10 * k for k in range(count)]


def test_what_is_borrowed_are_the_pooled_statistics_of_all_tracked_domains() -> None:
    """The law of total variance, of as many examples from each: what BatchNorm would know of a
    mixture of the domains."""
    phi = seen(dict(zip("abc", far_apart(), strict=True)))
    kept = [statistics(phi, name) for name in "abc"]
    means, variances = (
        np.stack([each[f"1.running_{what}"].double().numpy() for each in kept])
        for what in ("mean", "var")
    )
    pooled = means.mean(axis=0)
    total = (variances + means**2).mean(axis=0) - pooled**2

    borrowed = phi.extractor("d")
    assert borrowed["1.running_mean"].dtype == borrowed["1.running_var"].dtype == torch.float32
    np.testing.assert_allclose(borrowed["1.running_mean"].numpy(), pooled, rtol=1e-6)
    np.testing.assert_allclose(borrowed["1.running_var"].numpy(), total, rtol=1e-6)
    assert borrowed["1.num_batches_tracked"].dtype == torch.int64
    assert int(borrowed["1.num_batches_tracked"]) == 3


@given(names=st.permutations(["a", "b", "c", "zebra"]), order=st.permutations(range(4)))
def test_names_and_order_of_the_domains_do_not_decide_what_is_borrowed(
    names: list[str], order: list[int]
) -> None:
    """To the bit."""
    batches = far_apart(4)
    plain = seen(dict(zip("abcd", batches, strict=True))).extractor("new")
    renamed = seen({names[k]: batches[k] for k in order}).extractor("new")

    assert_same_bits(renamed, plain)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_what_is_borrowed_from_one_domain_or_from_equal_ones_is_theirs_to_the_bit(
    count: int,
) -> None:
    (batch,) = far_apart(1)
    phi = seen({f"{k}": batch for k in range(count)})

    assert_same_bits(phi.extractor("new"), phi.extractor("0"))


def test_no_variance_is_lost_to_large_means() -> None:
    """Where a difference of squares in float32 would be below 0."""
    phi = trunk()
    phi.track(["a", "b"])
    with torch.no_grad():
        for name, tensor in phi.statistics.named_buffers():
            if name.endswith("mean"):
                tensor.fill_(4096.0 if name.startswith("a") else 4096.5)
            elif name.endswith("var"):
                tensor.fill_(1e-6)

    borrowed = phi.extractor("new")
    assert borrowed["1.running_mean"].tolist() == [4096.25] * 4
    assert borrowed["1.running_var"].tolist() == pytest.approx([1 / 16 + 1e-6] * 4, rel=1e-6)


def test_a_new_domain_starts_from_the_pooled_statistics() -> None:
    phi = seen(dict(zip("abc", far_apart(), strict=True)))
    pooled = phi.extractor("new")
    phi.track(["new"])

    assert_same_bits(phi.extractor("new"), pooled)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("training", [True, False])
def test_a_pass_of_a_domain_that_borrows_moves_nobody_s_statistics(
    count: int, training: bool
) -> None:
    phi = seen({f"{k}": batch for k, batch in enumerate(far_apart(count))}).train(training)
    before = {name: tensor.clone() for name, tensor in phi.state_dict().items()}
    phi(inputs(at=5), "new")

    assert_same_bits(phi.state_dict(), before)


def test_who_borrows_is_told_from_whom() -> None:
    """Where there is something to pool: several domains, and a BatchNorm."""
    phi = seen(dict(zip("ba", far_apart(2), strict=True)))
    assert phi.pooled_for("c") == {"a", "b"}
    assert phi.pooled_for("a") == set()
    assert seen({"a": inputs()}).pooled_for("c") == set()
    plain = Trunk(Mlp((3,)).build(SHAPE))
    plain.track("ab")
    assert plain.pooled_for("c") == set()


class Counting(nn.Module):
    """A BatchNorm, and a buffer of its own beside it: the largest number it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)
        self.register_buffer("largest", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        largest = self.get_buffer("largest")
        if self.training:
            largest.copy_(torch.maximum(largest, x.max()))
        z: Tensor = self.norm(x.flatten(1))
        return z


def test_a_buffer_that_is_no_batchnorms_is_borrowed_from_the_first_by_name() -> None:
    """Nobody knows what a mixture of such buffers is; the order of training decides nothing."""
    for order in ("ab", "ba"):
        phi = Trunk(Counting()).train()
        phi.track(order)
        phi(inputs(4).fill_(3.0), "a")
        phi(inputs(4).fill_(5.0), "b")

        assert float(phi.extractor("c")["largest"]) == 3.0
        assert float(phi.extractor("b")["largest"]) == 5.0


@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
def test_a_memory_format_is_that_of_weights_of_images_and_changes_no_value(
    memory_format: Literal["channels_last", "contiguous"],
) -> None:
    """A volume, a sequence and a matrix have none, and stay as they are."""
    layers = [nn.Conv2d(3, 4, 3), nn.Conv3d(2, 3, 3), nn.Conv1d(2, 3, 3), nn.Linear(4, 5)]
    phi = Trunk(nn.Sequential(*layers))
    before = {name: weight.detach().clone() for name, weight in phi.named_parameters()}
    set_memory_format(phi, memory_format)

    for name, weight in phi.named_parameters():
        assert torch.equal(weight, before[name])
        by_pixel = weight.ndim == 4 and memory_format == "channels_last"
        assert weight.is_contiguous() is not by_pixel
        if weight.ndim == 4 and by_pixel:
            assert weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_hands_on_images_in_the_format_of_its_weights(channels: int) -> None:
    """Of one channel too, where a weight is in both formats at once."""
    phi = Trunk(nn.Sequential(nn.Conv2d(channels, 4, 3)))
    for memory_format in (torch.channels_last, torch.contiguous_format):
        by_pixel = memory_format == torch.channels_last
        set_memory_format(phi, "channels_last" if by_pixel else "contiguous")
        features = phi(torch.randn(2, channels, 6, 6), "d")

        assert features.is_contiguous(memory_format=memory_format)
        assert not features.is_contiguous() or not by_pixel


def test_domains_that_are_new_together_start_alike() -> None:
    """None of them borrows from another that is as new as it is."""
    phi = trunk().train()
    phi.track(["m"])
    phi(inputs(at=5), "m")
    phi.track(["a", "z"])

    for name in ("a", "z"):
        assert_same_bits(statistics(phi, name), statistics(phi, "m"))


def test_a_pass_may_leave_statistics_as_they_are() -> None:
    """Normalised by the batch, as any pass in training mode, and remembered by nobody."""
    phi = trunk().train()
    phi.track(["a"])
    before = statistics(phi, "a")
    x = inputs(at=5)
    z = phi(x, "a", update_stats=False)

    assert_same_bits(statistics(phi, "a"), before)
    assert torch.equal(phi(x, "a"), z)
    assert not torch.equal(statistics(phi, "a")["1.running_mean"], before["1.running_mean"])


def test_in_eval_mode_no_pass_moves_anything() -> None:
    phi = trunk().eval()
    phi.track(["a"])
    before = {name: tensor.clone() for name, tensor in phi.state_dict().items()}
    x = inputs(at=5)

    assert torch.equal(phi(x, "a"), phi(x, "a", update_stats=False))
    assert_same_bits(phi.state_dict(), before)


def test_the_affine_part_of_batchnorm_is_shared() -> None:
    phi = trunk()
    phi.track(["source", "target"])

    assert not list(phi.statistics.parameters())


def test_a_copy_has_the_features_of_every_domain_and_shares_nothing() -> None:
    old, new = trunk().train(), trunk(1)
    old.track(["a", "b"])
    for number, name in enumerate("ab"):
        old(inputs(at=number), name)
    new.copy_from(old)
    assert_same_bits(new.state_dict(), old.state_dict())
    kept = {name: tensor.clone() for name, tensor in new.state_dict().items()}

    with torch.no_grad():
        for tensor in old.state_dict().values():
            tensor.add_(1)

    assert_same_bits(new.state_dict(), kept)


def test_the_extractor_decides_the_features() -> None:
    """φ's parameters and the domain's statistics give its features, put into any φ of that
    build."""
    phi, other = trunk().train(), trunk(1)
    phi.track(["a", "b"])
    phi(inputs(at=5), "a")
    phi(inputs(at=-5), "b")
    x = inputs()
    for name in ("a", "b", "c"):
        other.backbone.load_state_dict(phi.extractor(name))
        assert torch.equal(other.eval().backbone(x), phi.eval()(x, name))


def test_a_backbone_without_statistics_has_none_to_keep() -> None:
    phi = Trunk(Mlp((3,)).build(SHAPE)).train()
    phi.track(["a"])

    assert statistics(phi, "a") == {}
    assert phi(inputs(), "a", update_stats=False).shape == (8, 3)


@given(st.text(st.characters(exclude_characters="./"), min_size=1))
def test_statistics_of_a_domain_of_any_name_are_kept_and_found(domain: str) -> None:
    """Also of one that is called as an attribute of a module is."""
    kept = nn.ModuleDict({statistics_name(domain): nn.Identity()})

    assert [tracked_domain(name) for name in kept] == [domain]


@pytest.mark.parametrize("domain", ["training", "forward", "keys", "items", "a b", "*", "é"])
def test_a_domain_may_be_called_as_an_attribute_of_a_module_is(domain: str) -> None:
    phi = trunk().train()
    phi.track([domain])
    before = statistics(phi, domain)
    phi(inputs(at=5), domain)

    assert not torch.equal(statistics(phi, domain)["1.running_mean"], before["1.running_mean"])
