from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tlrun.core.errors import UserError
from tlrun.core.objective import Lam, Objective, Steps
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batch, Batches, as_batch, labelled
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.strategies.base import Strategy
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.training.forward import forward
from tlrun.training.loop import fit
from tlrun.training.optimizers import Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import SPEC, Rows, Watcher, config, data_of, planned, split
from properties import assert_same_bits

PHI = Mlp((6, 5))
CLASS = Task("class", "multiclass", ("a", "b", "c"))
ODD = Task("odd", "binary", ("no", "yes"))
VALUE = Task("value", "regression")


def questions(n: int = 24) -> Problem:
    """Three questions about one domain."""
    tasks = (CLASS, ODD, VALUE)
    return Problem({"d": Domain("d", "peer", tasks, split(0, n, tasks))}, HeldOutTest({}), "digest")


def of_domains(*sizes: int) -> Problem:
    """One task in several domains, and in the first one another."""
    domains = {}
    for k, n in enumerate(sizes):
        tasks = (CLASS, VALUE) if k == 0 else (CLASS,)
        domains[f"d{k}"] = Domain(f"d{k}", "peer", tasks, split(k, n, tasks))
    return Problem(domains, HeldOutTest({}), "digest")


def start(ours: Problem, strategy: SharedParameters | None = None) -> Model:
    (stage,) = (strategy or SharedParameters()).stages(ours, Constant(1.0), 1)
    return draw_model(PHI, SPEC, ours.tasks_by_domain, stage.init, 0, stage.task_specific).double()


def double(batch: Batch) -> Batch:
    return Batch(batch.inputs.double(), batch.labels)


def everything(ours: Problem, model: Model) -> Steps:
    """A step that draws all examples of every domain."""
    steps = Steps()
    for name, domain in ours.domains.items():
        batch = double(as_batch(domain.train))
        shares = {
            task: float(labelled(labels).double().mean()) for task, labels in batch.labels.items()
        }
        steps[name] = forward(model, domain, batch, shares)
    return steps


def objective(
    ours: Problem, model: Model, strategy: SharedParameters | None = None, lam: float = 1.0
) -> Objective:
    return (strategy or SharedParameters()).objective(everything(ours, model), model, Lam(lam))


def slopes(loss: Tensor | float, model: Model) -> dict[str, Tensor]:
    """The gradient with respect to every parameter, 0 where there is none."""
    assert isinstance(loss, Tensor)
    names = [name for name, _ in model.named_parameters()]
    found = torch.autograd.grad(
        loss, list(model.parameters()), retain_graph=True, materialize_grads=True
    )
    return dict(zip(names, found, strict=True))


def test_the_total_is_the_weighted_sum_of_the_losses() -> None:
    ours, model = of_domains(20, 12), start(of_domains(20, 12))
    a = (0.5, 2.0, 3.0)
    plain, weighed = objective(ours, model), objective(ours, model, SharedParameters(a))
    names = ("L_d0/class", "L_d0/value", "L_d1/class")
    L = [torch.as_tensor(plain.terms[name]).detach() for name in names]

    assert tuple(plain.terms) == tuple(weighed.terms) == names
    # terms are told unweighed
    assert [torch.as_tensor(weighed.terms[name]).detach() for name in names] == L
    torch.testing.assert_close(plain.total, sum(L), check_dtype=False)
    torch.testing.assert_close(weighed.total, 0.5 * L[0] + 2.0 * L[1] + 3.0 * L[2])
    together = slopes(weighed.total, model)
    parts = [slopes(weighed.terms[name], model) for name in names]
    for name, slope in together.items():
        torch.testing.assert_close(
            slope, sum(w * part[name] for w, part in zip(a, parts, strict=True))
        )


def test_lambda_is_no_part_of_it() -> None:
    ours, model = questions(), start(questions())
    totals = [
        torch.as_tensor(objective(ours, model, lam=lam).total).detach() for lam in (0.0, 1.0, 1e6)
    ]
    assert totals[0] == totals[1] == totals[2]
    assert SharedParameters.ignores == {"lam"}


def test_a_weight_of_zero_trains_no_head() -> None:
    ours, strategy = questions(), SharedParameters((1.0, 0.0, 1.0))
    (stage,) = strategy.stages(ours, Constant(1.0), 10)
    model = draw_model(PHI, SPEC, ours.tasks_by_domain, stage.init, 0, stage.task_specific)
    before = state(model)
    batches = {"d": Batches(ours.domains["d"].train, "d", 8, 0)}
    train_state = TrainState.begin(stage, model, Sgd(), batches)
    fit(
        stage,
        model,
        ours.domains,
        strategy,
        TrainerOptions(10, 8, eval_every=10),
        train_state,
        Rows(),
    )
    moved = {name for name, tensor in state(model).items() if not torch.equal(tensor, before[name])}

    assert not [name for name in moved if name.startswith("heads.d/odd")]
    assert [name for name in moved if name.startswith("heads.d/class")]


def test_the_weight_of_a_task_without_labels_goes_to_no_other() -> None:
    """The weights stand in the order of all tasks, whatever a step has labels for."""
    ours = questions()
    train = ours.domains["d"].train
    hidden = replace(train, labels={**train.labels, "class": np.full(len(train), -1)})
    ours = replace(ours, domains={"d": replace(ours.domains["d"], train=hidden)})
    model = start(ours)
    found = objective(ours, model, SharedParameters((7.0, 2.0, 3.0)))

    assert set(found.terms) == {"L_odd", "L_value"}
    torch.testing.assert_close(
        found.total, 2.0 * found.terms["L_odd"] + 3.0 * found.terms["L_value"]
    )


def test_tasks_of_one_domain_share_one_pass_of_phi() -> None:
    passes: list[int] = []
    for ours, expected in ((questions(24), [24]), (of_domains(20, 12), [20, 12])):
        model = start(ours)
        handle = model.backbone.register_forward_hook(
            lambda module, inputs, z: passes.append(len(z))
        )
        passes.clear()
        found = objective(ours, model)
        handle.remove()
        assert passes == expected
        assert len(found.terms) == 3


def with_hidden(train: Split, hidden: np.ndarray) -> Split:
    """The labels of `class` are missing where `hidden`."""
    return replace(
        train, labels={**train.labels, "class": np.where(hidden, -1, train.labels["class"])}
    )


def test_an_example_without_a_label_costs_that_task_nothing() -> None:
    """Whatever stands in it, the gradient of that task's loss is the same in φ and in every
    head."""
    ours = questions()
    hidden = np.arange(24) % 3 == 0
    train = with_hidden(ours.domains["d"].train, hidden)
    garbled = replace(
        train, inputs=np.where(hidden[:, None, None, None], 1e3 + train.array, train.array)
    )
    found = []
    for each in (train, garbled):
        changed = replace(ours, domains={"d": replace(ours.domains["d"], train=each)})
        model = start(changed)
        terms = objective(changed, model).terms
        found.append([slopes(terms[name], model) for name in ("L_class", "L_odd")])

    for name, slope in found[0][0].items():
        torch.testing.assert_close(slope, found[1][0][name], rtol=1e-12, atol=1e-14)
    assert not torch.allclose(found[0][1]["heads.d/odd.weight"], found[1][1]["heads.d/odd.weight"])


@settings(max_examples=40)
@given(
    st.lists(st.booleans(), min_size=24, max_size=24).filter(lambda hidden: not all(hidden)),
    st.integers(0, 9),
)
def test_over_an_epoch_the_batches_of_a_rare_label_add_up_to_its_mean(
    hidden: list[bool], seed: int
) -> None:
    """The mean gradient over the batches of an epoch is that over all labelled examples, however
    few those are."""
    ours = questions()
    domain = replace(
        ours.domains["d"], train=with_hidden(ours.domains["d"].train, np.array(hidden))
    )
    model, strategy = start(ours), SharedParameters()
    batches = Batches(domain.train, "d", 4, seed)
    drawn = [
        Steps(d=forward(model, domain, double(next(batches)), batches.shares)) for _ in range(6)
    ]
    mean = (
        sum(
            (torch.as_tensor(strategy.objective(s, model, Lam(1.0)).total) for s in drawn),
            torch.zeros(()),
        )
        / 6
    )
    there = ~np.array(hidden)
    only = Split(
        domain.train.inputs[there],
        {"class": domain.train.labels["class"][there]},
        np.arange(there.sum()),
    )
    alone = forward(
        model, replace(domain, tasks=(CLASS,)), double(as_batch(only)), {"class": 1.0}
    ).losses["class"]
    others = forward(
        model,
        replace(domain, tasks=(ODD, VALUE)),
        double(as_batch(domain.train)),
        {"odd": 1, "value": 1},
    )

    found, expected = slopes(mean, model), slopes(alone + sum(others.losses.values()), model)
    for name, slope in found.items():
        torch.testing.assert_close(slope, expected[name], rtol=1e-9, atol=1e-12)


def pooled(ours: Problem, model: Model) -> Tensor:
    """The mean loss of `class` over all examples of all domains, as one domain."""
    train = [domain.train for domain in ours.domains.values()]
    inputs, labels = (
        np.concatenate([s.inputs for s in train]),
        np.concatenate([s.labels["class"] for s in train]),
    )
    one = Domain("d0", "peer", (CLASS,), Split(inputs, {"class": labels}, np.arange(len(labels))))
    return forward(model, one, double(as_batch(one.train)), {"class": 1.0}).losses["class"]


def test_shared_heads_pool_domains_of_one_size() -> None:
    """Σ L_i is then twice the mean over all examples. Where sizes differ it is not: each domain
    counts alike."""
    for sizes, same in (((20, 20), True), ((20, 5), False)):
        ours = of_domains(*sizes)
        only = {name: replace(domain, tasks=(CLASS,)) for name, domain in ours.domains.items()}
        ours, strategy = replace(ours, domains=only), SharedParameters(heads="shared")
        model = start(ours, strategy)
        found, expected = (
            slopes(objective(ours, model, strategy).total, model),
            slopes(2 * pooled(ours, model), model),
        )
        assert all(torch.allclose(found[name], expected[name]) for name in found) == same


def test_shared_heads_are_one_for_each_label_space() -> None:
    ours = of_domains(20, 12)
    own, shared = start(ours), start(ours, SharedParameters(heads="shared"))

    assert list(own.heads) == ["d0/class", "d0/value", "d1/class"]
    assert list(shared.heads) == ["*/class", "*/value"]
    assert shared.head_of(TaskKey("d0", "class")) is shared.head_of(TaskKey("d1", "class"))
    assert list(own.trunks) == list(shared.trunks) == ["*"]


def test_every_head_moves_phi() -> None:
    ours, model = questions(), start(questions())
    terms = objective(ours, model).terms
    for name in terms:
        found = slopes(terms[name], model)
        assert {
            key.split(".")[1]
            for key, slope in found.items()
            if key.startswith("heads.") and slope.any()
        } == {f"d/{name.removeprefix('L_')}"}
        assert any(slope.any() for key, slope in found.items() if key.startswith("trunks."))


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_weights_that_are_not_one_a_task_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(
        UserError,
        match=rf"strategy\.weights: expected 3 numbers \(class, odd, value\), found {len(weights)}",
    ):
        SharedParameters(weights).stages(questions(), Constant(1.0), 5)


def test_one_task_shares_nothing() -> None:
    ours = questions()
    one = replace(ours, domains={"d": replace(ours.domains["d"], tasks=(ODD,))})
    with pytest.raises(
        UserError, match="expected two tasks or more for shared_parameters, found one, d/odd"
    ):
        SharedParameters().stages(one, Constant(1.0), 5)


def test_both_budgets_have_the_control_of_their_own() -> None:
    for strategy, steps in ((SharedParameters(), 5), (SharedParameters(budget="total"), 10)):
        assert strategy.stages(questions(), Constant(1.0), 5)[0].steps == steps
        control = strategy.controls(questions())["single_task"].strategy
        assert control == SingleTask(budget=strategy.budget)


@pytest.mark.parametrize("dataset", [{"name": "digits_binary"}, {"name": "digits"}])
def test_every_lambda_is_one_run(tmp_path: Path, dataset: dict[str, Any]) -> None:
    """Source and target are two tasks to it."""
    node = {"name": "shared_parameters"}
    plans = [
        planned(
            config(
                tmp_path, dataset=dataset, strategy=node, lam={"name": "constant", "value": lam}
            ),
            Watcher(),
        )
        for lam in (0.0, 3.0)
    ]
    assert plans[0].run_dir.path == plans[1].run_dir.path
    assert len(plans[0].stages[0].stage.domains) == len(data_of(plans[0]).domains)


def trained(strategy: Strategy, ours: Problem, trainer: TrainerOptions) -> Model:
    """The stage of a strategy, as a run trains it."""
    (stage,) = strategy.stages(ours, Constant(1.0), trainer.steps)
    model = draw_model(PHI, SPEC, ours.tasks_by_domain, stage.init, 0, stage.task_specific)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    begun = TrainState.begin(stage, model, Sgd(lr=0.1), batches)
    fit(stage, model, ours.domains, strategy, trainer, begun, Rows())
    return model


@pytest.mark.parametrize("select", ["last", "best"])
@pytest.mark.parametrize("heads", ["own", "shared"])
def test_on_a_phi_that_is_held_fixed_heads_of_their_own_are_single_task_to_the_bit(
    heads: Any, select: Any
) -> None:
    """Each of its own best step too; shared ones are not, nor is anything where φ is free."""
    ours = of_domains(20, 12)
    domains = {}
    for k, (name, domain) in enumerate(ours.domains.items()):
        domains[name] = replace(domain, val=split(10 + k, 18, domain.tasks))
    ours, trainer = replace(ours, domains=domains), TrainerOptions(12, 8, 1, select=select)
    together = SharedParameters(heads=heads, train="head")
    one, other = (trained(s, ours, trainer) for s in (together, SingleTask(train="head")))

    if heads == "own":
        assert_same_bits(state(one), state(other))
    else:
        first, second = (TaskKey(name, "class") for name in ours.domains)
        assert one.head_of(first) is one.head_of(second)
        assert not torch.equal(one.head_of(first).weight, other.head_of(first).weight)


def test_that_nothing_is_shared_is_said_and_not_compared() -> None:
    apart, told = SharedParameters(train="head"), "so this is single_task"
    assert apart.controls(questions()) == {}
    assert [line for line in apart.warnings(Identity()) if told in line]
    for sharing in (SharedParameters(heads="shared", train="head"), SharedParameters(train="last")):
        assert list(sharing.controls(questions())) == ["single_task"]
        assert not [line for line in sharing.warnings(Mlp()) if told in line]
    # SGD then takes other steps, so there is something to compare
    weighed = SharedParameters((1.0, 2.0, 3.0), train="head")
    assert list(weighed.controls(questions())) == ["single_task"]
    assert "single_task, each loss weighed;" in weighed.warnings(Identity())[0]
