import math
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from tlrun.core.task import Task, TaskKey, tasks_by_key
from tlrun.models.backbone import Backbone, TaskSpecific
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, restore, state
from tlrun.training.optimizers import Adamw, Optimizer, Sgd, Updates

from problems import SHAPE, SPEC, problem
from properties import assert_same_bits

DOMAINS = problem("split").tasks_by_domain
TASKS = DOMAINS["source"]
NORMED = Conv(channels=(4,), norm="batch")
LEVELS: tuple[TaskSpecific, ...] = get_args(TaskSpecific)
every_level = pytest.mark.parametrize("task_specific", LEVELS)

SAME, OTHER = (
    Task("same", "multiclass", ("a", "b", "c")),
    Task("other", "multiclass", ("d", "e", "f")),
)
# one label space in three domains, and one more
SEVERAL = {"one": (SAME, OTHER), "two": (SAME,), "three": (SAME,)}
KEYS = list(tasks_by_key(SEVERAL))


def several(
    task_specific: TaskSpecific, backbone: Backbone = NORMED, init: Any = "target", seed: int = 0
) -> Model:
    return draw_model(backbone, SPEC, SEVERAL, init, seed, task_specific)


def inputs(n: int = 8) -> Tensor:
    return torch.randn(n, *SHAPE)


def used(model: Model, key: TaskKey) -> set[int]:
    """Every parameter that the answer of a task depends on, by identity."""
    tasks = [task for task in SEVERAL[key.domain] if task.name == key.task]
    z = model.features(inputs(), key.domain, tasks)
    model.zero_grad()
    model.output(key, z[key.task]).square().sum().backward()  # type: ignore[no-untyped-call]
    return {id(p) for p in model.parameters() if p.grad is not None}


def moved(model: Model) -> Model:
    """The same model with other weights, and statistics of every domain that have moved."""
    model.track(SEVERAL)
    model.train()
    for number, (domain, tasks) in enumerate(SEVERAL.items()):
        model.features(inputs() * (number + 2) + number, domain, tasks)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    return model


def test_one_seed_draws_the_same_weights_and_another_seed_others() -> None:
    one, again, other = (draw_model(Mlp(), SPEC, DOMAINS, "target", seed) for seed in (0, 0, 1))

    assert_same_bits(state(one), state(again))
    assert all(
        not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )


def test_target_init_is_independent_of_source_init() -> None:
    source, target = (
        draw_model(Mlp(hidden=(256, 128)), SPEC, DOMAINS, init, 0) for init in ("source", "target")
    )

    for (name, ours), theirs in zip(source.named_parameters(), target.parameters(), strict=True):
        if ours.numel() > 100:
            correlation = torch.corrcoef(torch.stack([ours.flatten(), theirs.flatten()]))[0, 1]
            assert abs(correlation) < 4 / ours.numel() ** 0.5, name


def test_adding_a_task_moves_no_other_weight() -> None:
    key = TaskKey("source", "ours")
    alone = draw_model(Mlp(), SPEC, {"source": TASKS}, "target", 0)
    both = draw_model(Mlp(), SPEC, DOMAINS, "target", 0)

    assert_same_bits(alone.backbone.state_dict(), both.backbone.state_dict())
    assert_same_bits(alone.head_of(key).state_dict(), both.head_of(key).state_dict())


def test_what_tasks_have_for_themselves_moves_no_initial_weight() -> None:
    """Arms that share more and arms that share less start from one φ and from one head a label
    space."""
    shared = several("nothing")
    for task_specific in ("heads", "towers"):
        model = several(task_specific)
        for key in KEYS:
            assert_same_bits(model.trunk_of(key).state_dict(), shared.trunk.state_dict())
            assert_same_bits(model.head_of(key).state_dict(), shared.head_of(key).state_dict())


def test_tracking_again_moves_nothing() -> None:
    model = moved(several("heads"))
    before = state(model)
    model.track(SEVERAL)

    assert_same_bits(state(model), before)


@pytest.mark.parametrize("domain", ["training", "forward", "track", "keys", "a b", "*", "é"])
def test_a_domain_may_have_any_name(domain: str) -> None:
    """Also that of an attribute of a module."""
    model = draw_model(NORMED, SPEC, {domain: TASKS}, "target", 0, "heads")
    model.track([domain])
    model.train()
    model.features(inputs(), domain, TASKS)

    again = restore(draw_model(NORMED, SPEC, {domain: TASKS}, "target", 1, "heads"), state(model))
    assert_same_bits(state(again), state(model))


def test_taking_over_copies_and_does_not_share() -> None:
    old, new = (draw_model(NORMED, SPEC, DOMAINS, init, 0) for init in ("source", "target"))
    old.track(["source"])
    new.load_backbone(old)
    new.load_heads(old)
    assert_same_bits(state(new), state(old))

    with torch.no_grad():
        for tensor in old.state_dict().values():
            tensor.add_(1)

    assert all(
        not torch.equal(a, b) for a, b in zip(state(new).values(), state(old).values(), strict=True)
    )


def test_heads_of_other_tasks_stay_fresh() -> None:
    old = draw_model(Mlp(), SPEC, {"source": TASKS}, "source", 0)
    new, untouched = (draw_model(Mlp(), SPEC, DOMAINS, "target", 0) for _ in range(2))
    new.load_heads(old)

    assert_same_bits(new.heads["*/ours"].state_dict(), old.heads["*/ours"].state_dict())
    assert_same_bits(new.heads["*/theirs"].state_dict(), untouched.heads["*/theirs"].state_dict())


def test_one_head_for_all_domains_takes_the_mean_of_the_heads_of_each() -> None:
    old, new = moved(several("heads")), several("nothing", seed=3)
    new.load_heads(old)

    for part in ("weight", "bias"):
        mean = torch.stack(
            [getattr(old.head_of(TaskKey(name, "same")), part) for name in SEVERAL]
        ).mean(dim=0)
        torch.testing.assert_close(getattr(new.head_of(TaskKey("one", "same")), part), mean)
        assert torch.equal(
            getattr(new.head_of(TaskKey("one", "other")), part),
            getattr(old.head_of(TaskKey("one", "other")), part),
        )


def test_a_head_for_each_domain_takes_its_own_and_else_the_one_for_all() -> None:
    old, apart, together = (
        moved(several("heads")),
        several("heads", seed=3),
        several("nothing", seed=3),
    )
    apart.load_heads(old)
    assert_same_bits(apart.heads.state_dict(), old.heads.state_dict())

    apart.load_heads(together)
    for key in KEYS:
        assert_same_bits(apart.head_of(key).state_dict(), together.head_of(key).state_dict())


def test_state_and_restore_are_inverse() -> None:
    model = draw_model(NORMED, SPEC, DOMAINS, "target", 0)
    model.track(["source", "target"])
    model.train()
    model.trunk(inputs(), "target")

    again = restore(draw_model(NORMED, SPEC, DOMAINS, "source", 7), state(model))

    assert_same_bits(state(again), state(model))
    whole = state(model)
    name = "trunks.*.backbone.0.weight"
    wrong: list[dict[str, torch.Tensor]] = [
        {},
        {key: tensor for key, tensor in whole.items() if key != name},
        {**whole, "trunks.*.another": torch.ones(1)},
        {**whole, "trunks.*.statistics": torch.ones(1)},
        {**whole, name: whole[name].to(torch.int8)},
        {**whole, name: whole[name][:1]},
    ]
    for tensors in wrong:
        with pytest.raises(ValueError, match="expected the tensors of this model"):
            restore(again, tensors)


@every_level
@pytest.mark.parametrize(
    "backbone", [NORMED, Mlp(hidden=(5,)), Mlp(hidden=(6, 5), norm="batch")], ids=repr
)
def test_every_level_comes_back_from_its_state(
    task_specific: TaskSpecific, backbone: Backbone
) -> None:
    """With the statistics of every domain, and with what an equation has found."""
    model, again = (
        moved(several(task_specific, backbone)),
        several(task_specific, backbone, "source", 7),
    )
    for each in (model, again):
        each.extras.register_buffer("found", torch.zeros(2, 2, dtype=torch.float64))
        each.extras.register_parameter("learnt", nn.Parameter(torch.zeros(3)))
    model.update_buffers(
        {"found": torch.tensor([[0.1, math.pi], [1e-300, 2.0]], dtype=torch.float64)}
    )
    kept = state(model)
    restore(again, kept)

    assert_same_bits(state(again), kept)
    assert {name: tensor.dtype for name, tensor in state(again).items()} == {
        n: t.dtype for n, t in kept.items()
    }
    for each in (model, again):
        each.eval()
    x = inputs(3)
    for domain, tasks in SEVERAL.items():
        one, other = (each.features(x, domain, tasks) for each in (model, again))
        for task in tasks:
            key = TaskKey(domain, task.name)
            assert torch.equal(
                model.output(key, one[task.name]), again.output(key, other[task.name])
            )


@every_level
def test_a_state_is_a_copy(task_specific: TaskSpecific) -> None:
    model = moved(several(task_specific))
    kept = state(model)
    before = {name: tensor.clone() for name, tensor in kept.items()}
    moved(model)

    assert_same_bits(kept, before)
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in kept.values())


def test_what_is_found_is_remembered_in_place_and_without_a_gradient() -> None:
    model = several("heads")
    model.extras.register_buffer("omega", torch.eye(2))
    buffer = model.extras.get_buffer("omega")
    found = torch.full((2, 2), 0.5, requires_grad=True)
    model.update_buffers({"omega": found})

    assert model.extras.get_buffer("omega") is buffer
    assert torch.equal(buffer, found)
    assert not buffer.requires_grad
    with pytest.raises(AttributeError):
        model.update_buffers({"unheard": found})


def test_output_is_linear_in_the_features() -> None:
    model = Model(Mlp(hidden=(5,)).build(SHAPE), 5, DOMAINS)
    one, other = torch.randn(2, 5), torch.randn(2, 5)
    key = TaskKey("source", "ours")
    bias = model.output(key, torch.zeros(2, 5))

    total = model.output(key, one + other) - bias

    parts = model.output(key, one) + model.output(key, other) - 2 * bias
    assert torch.allclose(total, parts, atol=1e-6)


@pytest.mark.parametrize(
    ("task_specific", "shared_heads", "shared"),
    [
        ("nothing", {"weight", "bias"}, {"weight", "bias"}),
        ("biases", {"weight"}, {"weight"}),
        ("heads", set(), set()),
        ("towers", set(), set()),
    ],
)
def test_what_tasks_share_is_one_parameter_and_nothing_else_is(
    task_specific: TaskSpecific, shared_heads: set[str], shared: set[str]
) -> None:
    """shared_heads: of one label space in two domains. shared: all that two tasks have in common
    beside φ."""
    model = several(task_specific)
    one, two, other = (
        model.head_of(TaskKey(*names))
        for names in (("one", "same"), ("two", "same"), ("one", "other"))
    )
    across_label_spaces = {"weight"} if task_specific == "biases" else set()

    assert {
        part for part in ("weight", "bias") if getattr(one, part) is getattr(two, part)
    } == shared_heads
    assert {
        part for part in ("weight", "bias") if getattr(one, part) is getattr(other, part)
    } == across_label_spaces
    phi = {id(p) for p in model.trunks.parameters()}
    common = used(model, TaskKey("one", "same")) & used(model, TaskKey("two", "same"))
    assert common == (set() if task_specific == "towers" else phi) | {
        id(getattr(one, part)) for part in shared
    }


@every_level
def test_every_parameter_answers_for_some_task_and_is_listed_once(
    task_specific: TaskSpecific,
) -> None:
    model = several(task_specific)
    answering = set[int]().union(*(used(model, key) for key in KEYS))

    assert answering == {id(p) for p in model.parameters()}
    assert len(answering) == len(list(model.parameters()))


@every_level
def test_heads_of_one_label_space_start_alike_in_every_domain(task_specific: TaskSpecific) -> None:
    model = several(task_specific)
    first = model.head_of(TaskKey("one", "same")).state_dict()

    for name in SEVERAL:
        assert_same_bits(model.head_of(TaskKey(name, "same")).state_dict(), first)
    assert not torch.equal(model.head_of(TaskKey("one", "other")).bias, first["bias"])


def test_towers_start_from_the_same_weights_and_go_their_own_way() -> None:
    model = several("towers")
    first = {name: tensor.clone() for name, tensor in model.trunk_of(KEYS[0]).state_dict().items()}
    for key in KEYS[1:]:
        assert_same_bits(model.trunk_of(key).state_dict(), first)

    with torch.no_grad():
        for parameter in model.trunk_of(KEYS[1]).parameters():
            parameter.add_(1)

    assert_same_bits(model.trunk_of(KEYS[0]).state_dict(), first)
    assert_same_bits(model.trunk_of(KEYS[2]).state_dict(), first)


def test_a_tower_moves_its_own_statistics_alone() -> None:
    model = several("towers")
    model.track(SEVERAL)
    before = state(model)
    model.train()
    model.features(inputs() + 5, "one", [SAME])

    changed = {
        name for name, tensor in state(model).items() if not torch.equal(tensor, before[name])
    }
    assert changed
    assert all(name.startswith("trunks.one/same.statistics.one/.") for name in changed)


def test_the_only_backbone_is_refused_where_there_are_several() -> None:
    model = several("towers")

    for ask in (
        lambda: model.trunk,
        lambda: model.backbone,
        lambda: model.load_backbone(several("heads")),
    ):
        with pytest.raises(ValueError, match="unpack"):
            ask()


@pytest.mark.parametrize(
    ("task_specific", "passes"), [("nothing", 1), ("biases", 1), ("heads", 1), ("towers", 2)]
)
def test_tasks_that_share_a_backbone_share_its_pass(
    task_specific: TaskSpecific, passes: int
) -> None:
    z = several(task_specific).features(inputs(), "one", SEVERAL["one"])

    assert list(z) == ["same", "other"]
    assert len({id(one) for one in z.values()}) == passes
    assert several(task_specific).features(inputs(), "one", []) == {}


@every_level
def test_a_model_says_which_tasks_it_answers(task_specific: TaskSpecific) -> None:
    model = draw_model(NORMED, SPEC, {"one": (SAME,)}, "target", 0, task_specific)

    assert model.has_head(TaskKey("one", "same"))
    assert not model.has_head(TaskKey("one", "other"))
    # one head for every domain of a label space
    assert model.has_head(TaskKey("elsewhere", "same")) is (task_specific == "nothing")


def test_a_tied_weight_stays_tied_through_restore_and_training_and_takes_the_gradient_of_all() -> (
    None
):
    model = restore(several("biases", seed=5), state(moved(several("biases"))))
    weight = model.head_of(KEYS[0]).weight
    outputs = [model.head_of(key)(torch.randn(4, model.width)).square().sum() for key in KEYS]
    parts = [torch.autograd.grad(output, weight, retain_graph=True)[0] for output in outputs]
    optimizer = Updates(Adamw(lr=0.1), list(model.parameters()), steps=1)
    optimizer.zero_grad()
    sum(outputs, start=torch.zeros(())).backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, sum(parts, start=torch.zeros_like(weight)))
    before = weight.detach().clone()
    optimizer.step()
    model.to(torch.float64)

    assert not torch.equal(before.double(), weight)
    assert all(model.head_of(key).weight is weight for key in KEYS)
    assert len({id(model.head_of(key).bias) for key in KEYS}) == len(KEYS)
    kept = state(model)
    assert all(
        torch.equal(kept[f"heads.{key}.weight"], kept[f"heads.{KEYS[0]}.weight"]) for key in KEYS
    )


@every_level
def test_a_teacher_is_no_part_of_its_pupil(task_specific: TaskSpecific) -> None:
    pupil, teacher = several(task_specific), moved(several("towers", seed=1))
    names, parameters = list(state(pupil)), list(pupil.parameters())
    pupil.teacher = (teacher.requires_grad_(False).eval(),)
    before = state(teacher)

    assert list(state(pupil)) == names
    assert [id(p) for p in pupil.parameters()] == [id(p) for p in parameters]
    assert teacher not in set(pupil.modules())
    pupil.train()
    pupil.free("all")
    pupil.requires_grad_(True)
    assert not teacher.training
    assert not any(p.requires_grad for p in teacher.parameters())
    assert_same_bits(state(teacher), before)
    restore(several(task_specific, seed=4), state(pupil))


@every_level
def test_freezing_holds_every_backbone_and_no_head(task_specific: TaskSpecific) -> None:
    model = several(task_specific)
    model.free("head")

    assert not any(p.requires_grad for p in model.trunks.parameters())
    assert all(p.requires_grad for p in model.heads.parameters())
    model.free("all")
    assert all(p.requires_grad for p in model.parameters())


def test_a_tower_has_statistics_of_its_own_domain_and_lends_them_to_others() -> None:
    model = draw_model(NORMED, SPEC, {"a": TASKS[:1], "b": TASKS[:1]}, "target", 0, "towers")
    model.track(("a", "b"))
    tower = model.trunk_of(TaskKey("a", TASKS[0].name))
    model.train()
    tower(torch.randn(8, *SHAPE) + 5, "a")
    model.eval()
    x = torch.randn(4, *SHAPE)

    assert list(tower.statistics) == ["a/"]
    assert torch.equal(tower(x, "b"), tower(x, "a"))


@pytest.mark.parametrize(
    "optimizer", [Adamw(lr=0.1, weight_decay=0.1), Sgd(lr=0.1, weight_decay=0.1)]
)
def test_weights_held_at_zero_get_no_gradient_and_stay_there(optimizer: Optimizer) -> None:
    model = draw_model(Mlp((6,)), SPEC, {"source": TASKS}, "target", 0)
    name, weight = next((n, p) for n, p in model.backbone.named_parameters() if p.ndim > 1)
    mask = torch.rand(weight.shape) < 0.5
    model.hold_at_zero({name: mask})
    trained = Updates(optimizer, list(model.parameters()), steps=3)
    for _ in range(3):
        z = model.features(inputs(), "source", TASKS)
        trained.zero_grad()
        model.output(TaskKey("source", TASKS[0].name), z[TASKS[0].name]).square().sum().backward()  # type: ignore[no-untyped-call]
        assert weight.grad is not None
        assert not weight.grad[~mask].any()
        trained.step()

    assert not weight[~mask].any()
    assert weight.grad is not None
    assert weight.grad[mask].any()
