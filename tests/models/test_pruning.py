from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from tlrun.models.pruning import channel_scores, kept, lamp, magnitude_masks, random_masks

from properties import assert_same_bits

WEIGHTS = {
    "first": torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(0)),
    "second": torch.eye(7) + 0.1,
}
Numbers = st.lists(st.integers(-3, 3), min_size=1, max_size=30)


def plain_lamp(weights: list[float]) -> list[float]:
    """The definition, with weights of one magnitude in their order: a later one counts as the
    larger."""
    squares = [np.float64(w) ** 2 for w in weights]
    left = [
        sum(s for j, s in enumerate(squares) if (s, j) >= (squares[i], i))
        for i in range(len(squares))
    ]
    return [float(s / rest) if rest else 0.0 for s, rest in zip(squares, left, strict=True)]


@given(Numbers)
def test_lamp_agrees_with_its_definition_ties_and_zeros_too(weights: list[float]) -> None:
    found = lamp(torch.tensor(weights, dtype=torch.float32).abs())

    assert found.dtype == torch.float64
    assert found.tolist() == pytest.approx(plain_lamp(weights), rel=1e-12, abs=0)


def test_lamp_agrees_with_its_definition_on_weights_of_a_network() -> None:
    for weight in WEIGHTS.values():
        found = lamp(weight.abs())
        assert found.shape == weight.shape
        assert found.flatten().tolist() == pytest.approx(
            plain_lamp(weight.flatten().tolist()), rel=1e-12, abs=0
        )


@given(Numbers.filter(any))
def test_lamp_ranks_a_tensor_by_magnitude_and_its_largest_has_score_1(weights: list[float]) -> None:
    magnitudes = torch.tensor(weights, dtype=torch.float32).abs()
    scores = lamp(magnitudes)

    assert scores[magnitudes == magnitudes.max()].max() == 1
    assert (scores == 1).sum() == 1
    order = scores.argsort(stable=True)
    assert bool((magnitudes[order].diff() >= 0).all())


@given(st.integers(-60, 60), st.integers(0, 9))
def test_signs_and_powers_of_two_change_no_score_and_no_mask(power: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    changed = {
        name: weight * 2.0**power * (torch.randint(0, 2, weight.shape, generator=generator) * 2 - 1)
        for name, weight in WEIGHTS.items()
    }

    # one tensor alone: scores rank across tensors of any scale
    one = {**WEIGHTS, "first": changed["first"]}
    for name, weight in WEIGHTS.items():
        assert torch.equal(lamp(changed[name].abs()), lamp(weight.abs()))
    assert_same_bits(magnitude_masks(one, 0.3), magnitude_masks(WEIGHTS, 0.3))
    assert_same_bits(channel_scores(changed), channel_scores(WEIGHTS))


@pytest.mark.parametrize("density", [0.0, 0.001, 0.1])
def test_the_largest_of_each_tensor_is_kept_at_every_density(density: float) -> None:
    weights = {
        "tiny": torch.rand(50) * 1e-12,
        "huge": torch.rand(4, 50) * 1e12,
        "one": torch.ones(1, 1),
    }
    masks = magnitude_masks(weights, density)

    for name, weight in weights.items():
        assert masks[name].dtype == torch.bool
        assert masks[name].shape == weight.shape
        assert masks[name].flatten()[weight.abs().argmax()]


def test_kept_keeps_as_many_as_asked_and_one_of_each_tensor() -> None:
    scores = {name: lamp(weight.abs()) for name, weight in WEIGHTS.items()}
    total = sum(score.numel() for score in scores.values())
    for count in range(total + 1):
        masks = kept(scores, count)
        assert sum(int(mask.sum()) for mask in masks.values()) == max(2, count)
        assert all(mask.any() for mask in masks.values())

    with pytest.raises(ValueError, match=f"expected at most {total} to keep, found {total + 1}"):
        kept(scores, total + 1)


def test_fewer_are_among_more() -> None:
    masks = [magnitude_masks(WEIGHTS, density) for density in (0.1, 0.3, 0.6, 1.0)]

    for fewer, more in pairwise(masks):
        assert all(bool((more[name] | ~fewer[name]).all()) for name in WEIGHTS)
    assert all(mask.all() for mask in masks[-1].values())


def test_ties_go_to_the_first() -> None:
    masks = kept({"a": torch.tensor([1.0, 0.5, 0.5, 0.5]), "b": torch.tensor([0.5, 1.0])}, 4)

    assert masks["a"].tolist() == [True, True, True, False]
    assert masks["b"].tolist() == [False, True]


def test_a_tensor_of_zeros_takes_no_other_tensors_last_weight() -> None:
    masks = magnitude_masks({"dead": torch.zeros(9), "alive": torch.ones(3)}, 0.25)

    assert all(mask.any() for mask in masks.values())


def test_random_masks_have_the_counts_of_each_tensor_and_nothing_else_of_it() -> None:
    masks = magnitude_masks(WEIGHTS, 0.3)
    moved = {name: mask.flatten().sort().values.view(mask.shape) for name, mask in masks.items()}
    drawn = random_masks(masks, 0)

    for name, mask in masks.items():
        assert drawn[name].dtype == torch.bool
        assert drawn[name].shape == mask.shape
        assert drawn[name].sum() == mask.sum()
    assert_same_bits(drawn, random_masks(moved, 0))
    assert_same_bits({"second": drawn["second"]}, random_masks({"second": masks["second"]}, 0))


def test_random_masks_depend_on_the_seed_and_the_tensor_and_on_no_global_state() -> None:
    masks = {name: torch.arange(400).view(20, 20) < 200 for name in ("first", "second")}
    before = torch.get_rng_state()
    drawn = [random_masks(masks, seed) for seed in (0, 0, 1)]

    assert torch.equal(torch.get_rng_state(), before)
    assert_same_bits(drawn[0], drawn[1])
    for one, other in [
        (drawn[0]["first"], drawn[2]["first"]),
        (drawn[0]["first"], drawn[0]["second"]),
    ]:
        # of 200 and 200 of 400: 100 expected, with sd 5
        assert abs(int((one & other).sum()) - 100) < 5 * 5


@pytest.mark.parametrize("count", [1, 7, 44, 134, 135])
def test_within_a_tensor_masks_are_those_of_torchs_magnitude_pruning(count: int) -> None:
    weight = WEIGHTS["first"]
    layer = nn.Conv2d(3, 5, 3)
    layer.weight.data.copy_(weight)
    prune.l1_unstructured(layer, "weight", amount=weight.numel() - count)  # type: ignore[no-untyped-call]

    assert torch.equal(
        magnitude_masks({"w": weight}, count / weight.numel())["w"], torch_mask(layer).bool()
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_within_a_layer_channels_are_ranked_as_by_torchs_structured_pruning(count: int) -> None:
    layer = nn.Conv2d(3, 5, 3)
    scores = channel_scores({"w": layer.weight})["w"]
    prune.ln_structured(layer, "weight", amount=5 - count, n=2, dim=0)  # type: ignore[no-untyped-call]

    assert scores.shape == (5,)
    assert torch.equal(kept({"w": scores}, count)["w"], torch_mask(layer).flatten(1).any(dim=1))


def torch_mask(layer: nn.Module) -> Tensor:
    return layer.get_buffer("weight_mask")
