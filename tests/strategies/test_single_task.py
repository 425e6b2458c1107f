import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from tlrun.core.objective import Schedule
from tlrun.core.problem import Domain, HeldOutTest, Problem
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batches
from tlrun.models.backbone import Backbone, TrainedPart
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.task_relation import TaskRelation
from tlrun.training.evaluation import evaluate
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import SPEC, Rows, peers, problem, split
from properties import assert_same_bits

CLASS = Task("class", "multiclass", ("a", "b", "c"))
ODD = Task("odd", "binary", ("no", "yes"))
VALUE = Task("value", "regression")
OPTIMIZERS: Mapping[str, Optimizer] = {
    "adam": Adam(lr=0.01),
    "adam, decay": Adam(lr=0.01, weight_decay=0.1, schedule="cosine"),
    "adamw": Adamw(lr=0.01, weight_decay=0.1),
    "sgd": Sgd(lr=0.05, momentum=0.9),
    "nesterov": Sgd(lr=0.05, nesterov=True, weight_decay=0.01, schedule="linear"),
}


def several() -> Problem:
    """Two domains: three questions about one, two of them about the other too, and labels that are
    missing."""
    one, other = split(0, 30, (CLASS, ODD, VALUE)), split(1, 21, (CLASS, VALUE))
    one.labels["odd"][:12] = -1
    other.labels["value"][5:] = np.nan
    domains = {
        "one": Domain("one", "peer", (CLASS, ODD, VALUE), one),
        "other": Domain("other", "peer", (CLASS, VALUE), other),
    }
    return Problem(domains, HeldOutTest({}), "digest")


def trained(
    strategy: Strategy,
    ours: Problem,
    optimizer: Optimizer,
    backbone: Backbone,
    steps: int = 15,
    trainer: TrainerOptions | None = None,
) -> tuple[Model, Rows]:
    trainer = trainer or TrainerOptions(steps, 8, eval_every=5)
    (stage,) = strategy.stages(ours, Constant(0.7), trainer.steps)
    tasks = {name: ours.domains[name].tasks for name in stage.domains}
    model, rows = (
        draw_model(backbone, SPEC, tasks, stage.init, 0, stage.task_specific),
        Rows(),
    )
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, optimizer, batches)
    fit(stage, model, ours.domains, strategy, trainer, train_state, rows)
    return model, rows


def what_decides(model: Model, key: TaskKey) -> dict[str, Tensor]:
    """Every tensor that decides the outputs of the task `key`."""
    return model.trunk_of(key).extractor(key.domain) | model.head_of(key).state_dict()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "backbone", [Mlp((6, 5)), Mlp((6,), norm="batch"), Identity()], ids=["mlp", "batch", "linear"]
)
def test_side_by_side_is_each_task_alone_to_the_bit(name: str, backbone: Backbone) -> None:
    """Alone: a problem of one domain that asks one question, trained from scratch."""
    ours, optimizer = several(), OPTIMIZERS[name]
    together, rows = trained(SingleTask(), ours, optimizer, backbone)
    for key, task in ours.task_keys.items():
        domain = ours.domains[key.domain]
        alone = replace(domain, role="target", tasks=(task,))
        model, losses = trained(
            Scratch(), replace(ours, domains={domain.name: alone}), optimizer, backbone
        )

        assert_same_bits(what_decides(together, key), what_decides(model, key))
        outputs = [evaluate(m, domain.name, (task,), domain.train)[1] for m in (together, model)]
        assert_same_bits(*outputs)
        assert [row[f"L_{key}"] for row in rows.terms] == [row["L_T"] for row in losses.terms]


@pytest.mark.parametrize("label_space", ["shared", "split"])
@pytest.mark.parametrize("budget", ["stage", "total"])
def test_the_target_of_a_transfer_problem_is_scratch_to_the_bit(
    label_space: str, budget: str
) -> None:
    ours = problem("shared" if label_space == "shared" else "split")
    (target,) = ours.domains["target"].tasks
    single, scratch = (
        (SingleTask(), Scratch()) if budget == "stage" else (SingleTask("total"), Scratch("total"))
    )  # their budgets have other names
    one, other = (trained(each, ours, Adam(lr=0.01), Mlp((6, 5)))[0] for each in (single, scratch))

    key = TaskKey("target", target.name)
    assert_same_bits(what_decides(one, key), what_decides(other, key))


def test_no_two_tasks_share_a_parameter() -> None:
    ours = several()
    model, _ = trained(SingleTask(), ours, Adam(), Mlp((6, 5)), steps=1)
    seen = [
        {
            p.data_ptr()
            for p in (*model.trunk_of(key).parameters(), *model.head_of(key).parameters())
        }
        for key in ours.task_keys
    ]
    assert sum(map(len, seen)) == len(set.union(*seen)) == len(list(model.parameters()))


def test_all_towers_start_from_the_same_weights_and_heads_of_one_label_space_too() -> None:
    ours = several()
    model = draw_model(Mlp((6, 5)), SPEC, ours.tasks_by_domain, "target", 0, "towers")
    first = model.trunk_of(TaskKey("one", "class")).state_dict()
    for key in ours.task_keys:
        assert_same_bits(model.trunk_of(key).state_dict(), first)
    heads = [model.head_of(TaskKey(domain, "value")).state_dict() for domain in ("one", "other")]
    assert_same_bits(*heads)


def test_the_stage_is_kept_for_others_and_lambda_does_not_decide_it() -> None:
    stages = [SingleTask().stages(several(), Constant(lam), 5) for lam in (0.0, 1.0, math.inf)]
    ((stage,), *_) = stages

    assert stages[0] == stages[1] == stages[2]
    assert stage.shared
    assert stage.by == SingleTask()
    assert stage.steps == 5
    assert SingleTask("total").stages(several(), Constant(1.0), 5)[0].steps == 10
    assert SingleTask.ignores == {"lam"}
    assert SingleTask().controls(several()) == {}


BEST = TrainerOptions(12, 8, eval_every=1, select="best")


def validated() -> Problem:
    """`several`, each domain with other examples that validate."""
    ours = several()
    domains = {}
    for k, (name, domain) in enumerate(ours.domains.items()):
        domains[name] = replace(domain, val=split(10 + k, 18, domain.tasks))
    return replace(ours, domains=domains)


@pytest.mark.parametrize("backbone", [Mlp((6, 5)), Mlp((6,), norm="batch")], ids=["mlp", "batch"])
def test_best_is_each_task_alone_to_the_bit(backbone: Backbone) -> None:
    """Alone: a problem that has no other task, of which the best step is kept."""
    ours, optimizer = validated(), Sgd(lr=0.1)
    together, rows = trained(SingleTask(), ours, optimizer, backbone, trainer=BEST)
    chosen = set()
    for key, task in ours.task_keys.items():
        domain = replace(ours.domains[key.domain], role="target", tasks=(task,))
        only = replace(ours, domains={domain.name: domain})
        model, _ = trained(Scratch(), only, optimizer, backbone, trainer=BEST)
        losses = [row["val"][str(key)]["loss"] for row in rows.rows]
        assert domain.val is not None
        kept = evaluate(together, domain.name, (task,), domain.val)[0][str(key)]["loss"]

        assert kept == min(losses)
        assert_same_bits(what_decides(together, key), what_decides(model, key))
        chosen.add(losses.index(min(losses)))
    assert len(chosen) > 1  # else one step for all would have passed too


def test_how_one_task_fares_decides_no_other_s_step() -> None:
    """Other validation labels of one task move the choice of that one alone."""
    ours = validated()
    one = ours.domains["one"]
    assert one.val is not None
    labels = {**one.val.labels, "value": one.val.labels["value"] + 5}
    changed = replace(one, val=replace(one.val, labels=labels))
    other = replace(ours, domains={**ours.domains, "one": changed})
    models = [
        trained(SingleTask(), each, Sgd(lr=0.1), Mlp((6, 5)), trainer=BEST)[0]
        for each in (ours, other)
    ]
    moved = [
        key
        for key in ours.task_keys
        if not torch.equal(*(model.head_of(key).weight for model in models))
    ]
    assert moved == [TaskKey("one", "value")]


def test_a_task_whose_validation_loss_is_undefined_keeps_its_last_step() -> None:
    ours = validated()
    one = ours.domains["one"]
    assert one.val is not None
    labels = {**one.val.labels, "odd": np.full(len(one.val), -1)}
    changed = replace(one, val=replace(one.val, labels=labels))
    unknown = replace(ours, domains={**ours.domains, "one": changed})
    best, _ = trained(SingleTask(), unknown, Sgd(lr=0.1), Mlp((6, 5)), trainer=BEST)
    last, _ = trained(
        SingleTask(), ours, Sgd(lr=0.1), Mlp((6, 5)), trainer=replace(BEST, select="last")
    )
    kept, _ = trained(SingleTask(), ours, Sgd(lr=0.1), Mlp((6, 5)), trainer=BEST)
    for key in ours.task_keys:
        same = last if key == TaskKey("one", "odd") else kept
        assert_same_bits(what_decides(best, key), what_decides(same, key))


def test_towers_that_a_penalty_ties_are_chosen_together() -> None:
    (tied,) = TaskRelation("mean", "towers").stages(peers("peer", "peer"), Constant(1.0), 5)
    (alone,) = SingleTask().stages(several(), Constant(1.0), 5)

    assert (tied.selected, alone.selected) == ("together", "each task")


def test_one_task_alone_is_single_task_too() -> None:
    ours = several()
    one = replace(ours, domains={"other": replace(ours.domains["other"], tasks=(CLASS,))})
    (stage,) = SingleTask().stages(one, Constant(1.0), 5)
    _, rows = trained(SingleTask(), one, Adam(), Mlp((6, 5)), steps=3)

    assert (stage.domains, stage.steps, stage.task_specific) == (("other",), 5, "towers")
    assert [set(terms) for terms in rows.terms] == [{"L_class", "total"}] * len(rows.terms)


def test_the_terms_are_the_losses_and_the_total_their_sum() -> None:
    _, rows = trained(SingleTask(), several(), Adam(), Mlp((6, 5)), steps=3)
    for terms in rows.terms:
        names = {"L_one/class", "L_one/odd", "L_one/value", "L_other/class", "L_other/value"}
        assert set(terms) == names | {"total"}
        assert terms["total"] == pytest.approx(sum(terms[name] for name in names), rel=1e-6)


@dataclass(frozen=True)
class Towers(SingleTask):
    """A φ for each task, whatever of it is trained."""

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        (stage,) = super().stages(problem, lam, steps)
        return (replace(stage, task_specific="towers"),)


@pytest.mark.parametrize("select", ["last", "best"])
@pytest.mark.parametrize("backbone", [Mlp((6, 5)), Mlp((6,), norm="batch")], ids=["mlp", "batch"])
def test_heads_on_a_phi_that_is_held_fixed_are_those_of_towers_of_it_to_the_bit(
    backbone: Backbone, select: str
) -> None:
    """Each of its own best step too, with one φ where there were as many as tasks."""
    ours, trainer = validated(), BEST if select == "best" else replace(BEST, select="last")
    optimizer = Sgd(lr=0.1)
    heads, towers = (
        trained(strategy, ours, optimizer, backbone, trainer=trainer)[0]
        for strategy in (SingleTask(train="head"), Towers(train="head"))
    )
    tasks = ours.tasks_by_domain
    start = draw_model(backbone, SPEC, tasks, "target", 0, "heads")
    last = trained(
        SingleTask(train="head"), ours, optimizer, backbone, trainer=replace(BEST, select="last")
    )[0]

    assert (len(heads.trunks), len(towers.trunks)) == (1, len(ours.task_keys))
    for key in ours.task_keys:
        assert_same_bits(what_decides(heads, key), what_decides(towers, key))
        assert not torch.equal(heads.head_of(key).weight, start.head_of(key).weight)
    assert_same_bits(heads.backbone.state_dict(), start.backbone.state_dict())
    moved = [
        key
        for key in ours.task_keys
        if not torch.equal(heads.head_of(key).weight, last.head_of(key).weight)
    ]
    assert bool(moved) == (select == "best")


@pytest.mark.parametrize("part", get_args(TrainedPart))
def test_what_is_trained_is_a_part_of_its_stage_and_of_what_the_stage_is_known_by(
    part: TrainedPart,
) -> None:
    (stage,) = SingleTask(train=part).stages(several(), Constant(1.0), 5)

    assert (stage.trained, stage.by) == (part, SingleTask(train=part))
    assert stage.task_specific == ("heads" if part == "head" else "towers")
    assert stage.selected == "each task"
    assert stage.pretrained
