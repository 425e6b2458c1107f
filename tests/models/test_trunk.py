import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.trunk import BatchNormStatistics, Trunk, statistics_name, tracked_domain

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


def test_what_is_borrowed_is_that_of_the_first_by_name() -> None:
    phi = trunk().train()
    phi.track(["b", "a"])
    phi(inputs(at=5), "a")
    phi(inputs(at=-5), "b")
    x = inputs()
    phi.eval()

    assert torch.equal(phi(x, "c"), phi(x, "a"))
    assert not torch.equal(phi(x, "c"), phi(x, "b"))


def test_domains_that_are_new_together_start_alike() -> None:
    """None of them borrows from another that is as new as it is."""
    phi = trunk().train()
    phi.track(["m"])
    phi(inputs(at=5), "m")
    phi.track(["a", "z"])

    for name in ("a", "z"):
        assert_same_bits(statistics(phi, name), statistics(phi, "m"))


@pytest.mark.parametrize("domain", ["a", "b"], ids=["of its own", "borrowed"])
def test_a_pass_may_leave_statistics_as_they_are(domain: str) -> None:
    """Normalised by the batch, as any pass in training mode, and remembered by nobody."""
    phi = trunk().train()
    phi.track(["a"])
    before = statistics(phi, "a")
    x = inputs(at=5)
    z = phi(x, domain, update_stats=False)

    assert_same_bits(statistics(phi, "a"), before)
    assert torch.equal(phi(x, domain), z)
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
