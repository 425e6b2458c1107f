import pytest
import torch

from tlrun.backbones.conv import Conv
from tlrun.backbones.mlp import Mlp
from tlrun.model import Model, draw_model, restore, state

from problems import SHAPE, problem
from properties import assert_same_bits

TASKS = tuple(problem("split").tasks.values())
NORMED = Conv(channels=(4,), norm="batch")


def test_one_seed_draws_the_same_weights_and_another_seed_others() -> None:
    one, again, other = (draw_model(Mlp(), SHAPE, TASKS, "target", seed) for seed in (0, 0, 1))

    assert_same_bits(state(one), state(again))
    assert all(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_target_init_is_independent_of_source_init() -> None:
    source, target = (draw_model(Mlp(hidden=(256, 128)), SHAPE, TASKS, init, 0) for init in ("source", "target"))

    for (name, ours), theirs in zip(source.named_parameters(), target.parameters(), strict=True):
        if ours.numel() > 100:
            correlation = torch.corrcoef(torch.stack([ours.flatten(), theirs.flatten()]))[0, 1]
            assert abs(correlation) < 4 / ours.numel() ** 0.5, name


def test_adding_a_task_moves_no_other_weight() -> None:
    alone = draw_model(Mlp(), SHAPE, TASKS[:1], "target", 0)
    both = draw_model(Mlp(), SHAPE, TASKS, "target", 0)

    assert_same_bits(alone.backbone.state_dict(), both.backbone.state_dict())
    assert_same_bits(alone.heads["ours"].state_dict(), both.heads["ours"].state_dict())


def test_statistics_are_kept_per_domain() -> None:
    model = draw_model(NORMED, SHAPE, TASKS, "target", 0)
    model.track(["source", "target"])
    before = {name: tensor.clone() for name, tensor in model.statistics["target"].state_dict().items()}

    model.train()
    model.features(torch.randn(8, *SHAPE) + 5, "source")

    assert_same_bits(model.statistics["target"].state_dict(), before)
    moved = model.statistics["source"].state_dict()
    assert moved.keys() == before.keys()
    assert all(not torch.equal(moved[name], before[name]) for name in before)


def test_a_domain_without_statistics_borrows_then_starts_from_what_it_borrowed() -> None:
    model = draw_model(NORMED, SHAPE, TASKS, "target", 0)
    model.track(["source"])
    model.train()
    model.features(torch.randn(8, *SHAPE) + 5, "source")
    model.eval()
    x = torch.randn(3, *SHAPE)
    borrowed = model.features(x, "target")

    model.track(["target"])

    assert torch.equal(model.features(x, "source"), borrowed)
    assert torch.equal(model.features(x, "target"), borrowed)


def test_the_affine_part_of_batchnorm_is_shared() -> None:
    model = draw_model(NORMED, SHAPE, TASKS, "target", 0)
    model.track(["source", "target"])

    assert not list(model.statistics.parameters())


def test_taking_over_copies_and_does_not_share() -> None:
    old, new = (draw_model(NORMED, SHAPE, TASKS, init, 0) for init in ("source", "target"))
    old.track(["source"])
    new.take_backbone(old)
    new.take_heads(old)
    assert_same_bits(state(new), state(old))

    with torch.no_grad():
        for tensor in old.state_dict().values():
            tensor.add_(1)

    assert all(not torch.equal(a, b) for a, b in zip(state(new).values(), state(old).values(), strict=True))


def test_heads_of_other_tasks_stay_fresh() -> None:
    old = draw_model(Mlp(), SHAPE, TASKS[:1], "source", 0)
    new, untouched = (draw_model(Mlp(), SHAPE, TASKS, "target", 0) for _ in range(2))
    new.take_heads(old)

    assert_same_bits(new.heads["ours"].state_dict(), old.heads["ours"].state_dict())
    assert_same_bits(new.heads["theirs"].state_dict(), untouched.heads["theirs"].state_dict())


def test_state_and_restore_are_inverse() -> None:
    model = draw_model(NORMED, SHAPE, TASKS, "target", 0)
    model.track(["source", "target"])
    model.train()
    model.features(torch.randn(8, *SHAPE), "target")

    again = restore(draw_model(NORMED, SHAPE, TASKS, "source", 7), state(model))

    assert_same_bits(state(again), state(model))
    with pytest.raises(RuntimeError, match="Missing key"):
        restore(again, {})


def test_output_is_linear_in_the_features() -> None:
    model = Model(Mlp(hidden=(5,)).build(SHAPE), 5, TASKS)
    one, other = torch.randn(2, 5), torch.randn(2, 5)
    bias = model.output("ours", torch.zeros(2, 5))

    total = model.output("ours", one + other) - bias

    assert torch.allclose(total, model.output("ours", one) + model.output("ours", other) - 2 * bias, atol=1e-6)
