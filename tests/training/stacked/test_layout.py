import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlrun.training.stacked.layout import ALIGNED, MOST, ROWS, aligned, layout_of, padded, slots_of

FAMILIES = st.lists(st.integers(1, 40), min_size=1, max_size=6)
OUTPUTS = st.integers(1, 100)


@given(FAMILIES, OUTPUTS)
def test_every_member_has_a_slot_of_its_own_in_a_tile_of_its_family(
    families: list[int], outputs: int
) -> None:
    layout = layout_of(families, outputs)
    owners = [family for family, members in enumerate(families) for _ in range(members)]

    assert len(set(layout.places)) == len(layout.places) == sum(families)
    for family, (tile, slot) in zip(owners, layout.places, strict=True):
        assert layout.families[tile] == family
        assert 0 <= slot < layout.slots
    # none is empty, and no family has a tile more than it needs
    assert layout.tiles == sum(-(-members // layout.slots) for members in families)


@given(FAMILIES, FAMILIES, OUTPUTS)
def test_what_a_product_looks_like_does_not_depend_on_who_is_in_it(
    some: list[int], others: list[int], outputs: int
) -> None:
    assert layout_of(some, outputs).slots == layout_of(others, outputs).slots == slots_of(outputs)


@given(OUTPUTS)
def test_a_tile_fills_a_product_with_no_more_slots_than_it_takes(outputs: int) -> None:
    slots = slots_of(outputs)

    assert slots * outputs >= ROWS or slots == MOST
    assert slots == 1 or slots // 2 * outputs < ROWS
    assert slots <= MOST
    assert slots & (slots - 1) == 0


@given(FAMILIES, OUTPUTS)
def test_numbers_of_members_are_spread_over_their_slots(families: list[int], outputs: int) -> None:
    layout = layout_of(families, outputs)
    values = [float(number + 1) for number in range(sum(families))]
    spread = layout.spread(values)

    assert [spread[place].item() for place in layout.places] == values
    assert int((spread != 0).sum()) == len(values)


@pytest.mark.parametrize("d", [1, 15, 16, 17, 256])
def test_features_stand_before_a_one_and_zeros(d: int) -> None:
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((3, d)).astype(np.float32))
    whole = aligned(z)

    assert whole.shape == (3, padded(d))
    assert padded(d) % ALIGNED == 0
    assert d < padded(d) <= d + ALIGNED
    assert torch.equal(whole[:, :d], z)
    assert whole[:, d:].tolist() == [[1.0] + [0.0] * (padded(d) - d - 1)] * 3
