import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.seeding import drawing_from, exactly, stream


@given(st.integers(0, 2**63 - 1), st.integers(0, 50))
def test_streams_differ_by_name_and_key_and_fit_every_generator(seed: int, key: int) -> None:
    drawn = {
        stream(seed, "labels", key),
        stream(seed, "labels", key + 1),
        stream(seed, "labels", str(key)),
        stream(seed, "source-init", key),
        stream(seed, "target-init", key),
        stream(seed + 1, "labels", key),
    }

    assert len(drawn) == 6
    assert all(0 <= value < 2**63 for value in drawn)
    np.random.default_rng(max(drawn))
    torch.Generator().manual_seed(max(drawn))


def test_a_stream_is_the_same_on_every_machine() -> None:
    assert stream(0, "labels", "a", 1) == 8635154724566210095


def test_drawing_leaves_the_global_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    with drawing_from(3):
        first = torch.rand(4)
    with drawing_from(3):
        again = torch.rand(4)

    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_exactly_sets_threads_and_determinism_and_takes_them_back() -> None:
    torch.set_num_threads(2)
    tf32 = torch.backends.cudnn.allow_tf32
    with exactly(1):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.backends.cudnn.allow_tf32

    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.allow_tf32 is tf32
