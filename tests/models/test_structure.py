import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tlrun.core.inputs import InputSpec
from tlrun.core.task import TaskKey
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.models.pruning import magnitude_masks
from tlrun.models.structure import Moments, Structure, parameters, size, weights, with_widths
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd, Updates

from problems import problem
from properties import assert_same_bits

SHAPE = (2, 9, 7)
SPEC = InputSpec(SHAPE)
DOMAINS = problem("split").tasks_by_domain
OUTPUTS = tuple(task.outputs for task in problem("split").tasks.values())
BACKBONES = [
    Conv(channels=(4, 5)),
    Conv(channels=(4, 5), norm="batch"),
    Mlp(hidden=(7, 4)),
    Mlp(hidden=(7, 4), norm="batch"),
]
every_backbone = pytest.mark.parametrize("backbone", BACKBONES, ids=repr)


def drawn(backbone: Backbone, seed: int = 0) -> Model:
    return draw_model(backbone, SPEC, DOMAINS, "target", seed)


def pruned(backbone: Backbone, density: float = 0.3) -> Structure:
    """The masks of a model of another seed."""
    return Structure(backbone, masks=magnitude_masks(weights(drawn(backbone, 1).backbone), density))


def stored(structure: Structure) -> Structure:
    told = json.loads(json.dumps(structure.to_json(), allow_nan=False))
    return Structure.from_json(told, type(structure.backbone))


def floats(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from floats(item)
    elif isinstance(value, float):
        yield value


def covariance(weight: Tensor, block: int) -> np.ndarray:
    return np.cov(weight.detach().double().numpy().reshape(-1, block), rowvar=False, bias=True)


@every_backbone
def test_masks_and_widths_come_back_from_json_and_hold_no_float(backbone: Backbone) -> None:
    for structure in (pruned(backbone), Structure(with_widths(backbone, (2, 1)))):
        again = stored(structure)
        assert again.backbone == structure.backbone
        assert again.masks.keys() == structure.masks.keys()
        assert all(mask.dtype == torch.bool for mask in again.masks.values())
        assert all(torch.equal(again.masks[name], mask) for name, mask in structure.masks.items())
        assert list(floats(structure.to_json())) == []
        assert structure.scalars == again.scalars == 0


def test_masks_of_every_size_come_back() -> None:
    masks = {f"{n}": torch.rand(1, n, 1) < 0.5 for n in range(1, 18)} | {
        "turned": (torch.rand(3, 5) < 0.5).T
    }

    assert_same_bits(stored(Structure(Mlp(), masks=masks)).masks, masks)


def test_moments_come_back_and_their_json_holds_as_many_numbers_as_they_say() -> None:
    moments = {
        "one": Moments.of(torch.randn(6, 4, 3, 3) + 1, 1),
        "nine": Moments.of(torch.randn(6, 4, 3, 3) + 1, 9),
    }
    structure = Structure(Conv(), moments=moments)

    assert stored(structure) == structure
    assert [moments[name].scalars for name in moments] == [1 + 1, 9 + 45]
    for one in moments.values():
        factor = np.array(one.factor)
        assert np.array_equal(factor, np.tril(factor))
    found = [number for number in floats(structure.to_json()) if number != 0]
    assert len(set(found)) == len(found) == structure.scalars == 2 + 54


def test_moments_of_single_weights_are_numpys_mean_and_standard_deviation() -> None:
    weight = torch.randn(5, 4, 3, 3) * 0.1 + 2
    found, plain = Moments.of(weight, 1), weight.double().numpy()

    assert found.mean == pytest.approx([plain.mean()], rel=1e-12)
    assert found.factor[0] == pytest.approx([plain.std()], rel=1e-9)


def test_moments_of_filters_are_numpys_mean_and_covariance() -> None:
    weight = torch.randn(8, 8, 3, 3) @ torch.randn(3, 3) + 1
    found, plain = Moments.of(weight, 9), weight.double().numpy().reshape(-1, 9)

    assert found.mean == pytest.approx(plain.mean(axis=0), rel=1e-9)
    factor = np.array(found.factor)
    assert factor @ factor.T == pytest.approx(
        covariance(weight, 9), abs=1e-5 * covariance(weight, 9).max()
    )


def test_filters_that_vary_in_few_directions_have_moments() -> None:
    weight = torch.randn(4, 1, 1, 1) * torch.ones(3, 3)
    factor = np.array(Moments.of(weight, 9).factor)

    assert factor @ factor.T == pytest.approx(covariance(weight, 9), rel=1e-5)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3, 3), (2, 1)])
def test_a_fresh_tensor_is_given_mean_and_standard_deviation(shape: tuple[int, ...]) -> None:
    fresh = torch.rand(shape)
    before = fresh.clone()
    wanted = Moments.of(torch.randn(4, 4, 3, 3) * 0.3 - 2, 1)
    wanted.shape(fresh)

    found = Moments.of(fresh, 1)
    assert found.mean == pytest.approx(wanted.mean, abs=1e-5)
    assert found.factor[0] == pytest.approx(wanted.factor[0], abs=1e-5)
    assert torch.equal(fresh.flatten().argsort(), before.flatten().argsort())


def test_fresh_filters_are_given_mean_and_covariance_up_to_their_own_chance() -> None:
    source, fresh = torch.randn(64, 64, 3, 3) @ torch.randn(3, 3) + 1, torch.rand(64, 64, 3, 3)
    moments = Moments.of(source, 9)
    moments.shape(fresh)

    wanted, found = covariance(source, 9), covariance(fresh, 9)
    assert fresh.reshape(-1, 9).mean(dim=0).tolist() == pytest.approx(moments.mean, abs=1e-5)
    variances = np.diag(wanted)
    # of a covariance, over 64² filters
    error = np.sqrt((np.outer(variances, variances) + wanted**2) / 64**2)
    assert bool((np.abs(found - wanted) < 5 * error).all())


def test_fresh_weights_are_independent_of_the_sources() -> None:
    source, fresh = torch.randn(64, 16, 3, 3), torch.rand(64, 16, 3, 3)
    Moments.of(source, 1).shape(fresh)

    both = torch.stack([source.flatten(), fresh.flatten()])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 4 / source.numel() ** 0.5


@pytest.mark.parametrize(
    "weight", [torch.randn(1, 1, 3, 3), torch.zeros(4, 2, 3, 3)], ids=["one", "zeros"]
)
def test_filters_that_do_not_vary_have_moments(weight: Tensor) -> None:
    fresh = torch.randn(weight.shape)
    Moments.of(weight, 9).shape(fresh)

    assert bool(fresh.isfinite().all())


@every_backbone
def test_a_mask_scales_what_it_keeps_and_holds_the_rest_at_zero(backbone: Backbone) -> None:
    structure, model, before = pruned(backbone), drawn(backbone), drawn(backbone)
    structure.impose(model)

    for (name, parameter), fresh in zip(model.named_parameters(), before.parameters(), strict=True):
        mask = structure.masks.get(name.removeprefix("trunks.*.backbone."))
        if mask is None:
            assert torch.equal(parameter, fresh), name
        else:
            assert torch.equal(
                parameter, (fresh * float(mask.double().mean()) ** -0.5).masked_fill(~mask, 0)
            ), name


@every_backbone
def test_a_mask_of_everything_changes_nothing(backbone: Backbone) -> None:
    model = drawn(backbone)
    pruned(backbone, 1.0).impose(model)

    assert_same_bits(model.state_dict(), drawn(backbone).state_dict())


@every_backbone
def test_moments_are_imposed_on_the_weights_they_name_alone(backbone: Backbone) -> None:
    model, source = drawn(backbone), weights(drawn(backbone, 1).backbone)
    moments = {name: Moments.of(weight * 3, 1) for name, weight in source.items()}
    Structure(backbone, moments=moments).impose(model)

    for name, fresh in drawn(backbone).backbone.named_parameters():
        if name in moments:
            found = Moments.of(model.backbone.get_parameter(name), 1)
            assert found.factor[0] == pytest.approx(moments[name].factor[0], abs=1e-5)
        else:
            assert torch.equal(model.backbone.get_parameter(name), fresh)


@every_backbone
def test_parameters_are_counted_without_drawing(backbone: Backbone) -> None:
    before = torch.get_rng_state()
    found = parameters(backbone, SHAPE, OUTPUTS)

    assert torch.equal(torch.get_rng_state(), before)
    assert found == sum(parameter.numel() for parameter in drawn(backbone).parameters())


@every_backbone
@pytest.mark.parametrize("tracked", [(), ("source",)])
def test_the_flops_of_a_dense_model_are_those_torch_counts(
    backbone: Backbone, tracked: tuple[str, ...]
) -> None:
    model, example = drawn(backbone), torch.randn(1, *SHAPE)
    model.track(tracked)
    model.eval()
    with FlopCounterMode(display=False) as oracle, torch.no_grad():
        z = model.trunk(example, "source")
        for key in problem("split").task_keys:
            model.output(key, z)

    assert size(model, example, "source").flops == oracle.get_total_flops()
    # nothing is left behind that counts twice
    assert size(model, example, "source").flops == oracle.get_total_flops()


@every_backbone
def test_a_mask_saves_its_share_of_flops_and_weights_and_no_parameters(backbone: Backbone) -> None:
    model, example = drawn(backbone), torch.randn(1, *SHAPE)
    dense = size(model, example, "source")
    masks = {
        name: torch.arange(w.numel()).view(w.shape) % 2 == 0
        for name, w in weights(model.backbone).items()
    }
    assert all(mask.double().mean() == 0.5 for mask in masks.values())
    Structure(backbone, masks=masks).impose(model)
    sparse = size(model, example, "source")

    heads = sum(2 * backbone.width(SHAPE) * k for k in OUTPUTS)
    assert sparse.flops - heads == (dense.flops - heads) / 2
    assert sparse.parameters == dense.parameters == parameters(backbone, SHAPE, OUTPUTS)
    assert dense.nonzeros - sparse.nonzeros == sum(mask.numel() // 2 for mask in masks.values())


@every_backbone
@pytest.mark.parametrize(
    "optimizer",
    [
        Adam(lr=0.1),
        Adam(lr=0.1, weight_decay=0.1),
        Adamw(lr=0.1, weight_decay=0.1),
        Sgd(lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True),
    ],
    ids=repr,
)
def test_weights_held_at_zero_stay_there_while_the_others_move(
    backbone: Backbone, optimizer: Optimizer
) -> None:
    structure, model = pruned(backbone), drawn(backbone)
    structure.impose(model)
    model.track(["source"])
    model.free("head")
    model.free("all")  # a stage may hold φ fixed in between
    before = {name: weight.detach().clone() for name, weight in weights(model.backbone).items()}
    steps = Updates(optimizer, list(model.parameters()), steps=5)
    model.train()
    for _ in range(5):
        steps.zero_grad()
        z = model.trunk(torch.randn(8, *SHAPE), "source")
        # wants every weight to be 1
        pull = sum(((weight - 1) ** 2).sum() for weight in model.parameters())
        (model.output(TaskKey("source", "ours"), z).square().mean() + pull).backward()  # type: ignore[no-untyped-call]
        steps.step()

    for name, mask in structure.masks.items():
        weight = model.backbone.get_parameter(name)
        assert weight[~mask].count_nonzero() == 0
        assert bool((weight[mask] != before[name][mask]).all())
