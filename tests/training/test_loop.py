import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from tlrun.core.errors import RunFailed
from tlrun.core.metrics import METRICS
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Domain, Problem, Split
from tlrun.core.task import Task
from tlrun.data.batches import Batches, as_batch
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.strategies.base import Stage
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.transfer import domains_drawn
from tlrun.training.evaluation import evaluate
from tlrun.training.forward import forward
from tlrun.training.loop import autocast, fit, selection_losses
from tlrun.training.optimizers import Adam, Optimizer, Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import SPEC, Rows, problem
from properties import assert_same_bits

BUDGET = TrainerOptions(steps=8, batch_size=8, eval_every=3)


def both(problem: Problem, lam: Schedule, frozen: bool = False, steps: int = BUDGET.steps) -> Stage:
    return Stage(
        "target", domains_drawn(problem, lam), steps, lam=lam, trained="head" if frozen else "all"
    )


def trained(
    problem: Problem,
    stage: Stage,
    backbone: Backbone,
    trainer: TrainerOptions = BUDGET,
    optimizer: Optimizer | None = None,
) -> tuple[Model, Rows]:
    model = draw_model(backbone, SPEC, problem.tasks_by_domain, "target", 0)
    rows = Rows()
    batches = {
        name: Batches(problem.domains[name].train, name, trainer.batch_size, 0)
        for name in stage.domains
    }
    train_state = TrainState.begin(stage, model, optimizer or Adam(lr=0.01), batches)
    fit(stage, model, problem.domains, ParameterTransfer(), trainer, train_state, rows)
    return model, rows


def test_training_lowers_the_loss_and_every_step_is_told() -> None:
    ours = problem()
    _, rows = trained(ours, both(ours, Constant(1.0), steps=100), Mlp())

    assert len(rows.terms) == 100
    assert rows.terms[-1]["total"] < rows.terms[0]["total"] / 2


def test_same_seed_same_bits_twice() -> None:
    ours = problem()
    one, other = (trained(ours, both(ours, Constant(0.3)), Conv((4,), "batch")) for _ in range(2))

    assert_same_bits(state(one[0]), state(other[0]))
    assert one[1].rows == other[1].rows


@pytest.mark.parametrize("lam", [0.0, 0.1, 1.0, 1e6, math.inf])
def test_logged_terms_reproduce_the_total(lam: float) -> None:
    ours = problem()
    _, rows = trained(ours, both(ours, Constant(lam)), Mlp())

    assert [row["step"] for row in rows.rows] == [3, 6, 8]
    for row in rows.rows:
        terms = row["terms"]
        assert set(terms) == {"total"} | ({"L_S"} if lam < math.inf else set()) | (
            {"L_T"} if lam > 0 else set()
        )
        raw = (
            terms.get("L_T", 0.0)
            if lam == math.inf
            else (terms.get("L_S", 0.0) + lam * terms.get("L_T", 0.0))
        )
        assert terms["total"] == pytest.approx(
            raw if lam == math.inf else raw / (1 + lam), rel=1e-6
        )
        assert row["lam"] == lam


def test_a_frozen_backbone_is_bit_identical_after_training_batchnorm_included() -> None:
    ours = problem()
    model, batches = (
        draw_model(Conv((4,), "batch"), SPEC, ours.tasks_by_domain, "target", 0),
        {},
    )
    model.track(["source", "target"])
    before = state(model)
    stage = both(ours, Constant(1.0), frozen=True)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}

    train_state = TrainState.begin(stage, model, Adam(lr=0.1), batches)
    fit(stage, model, ours.domains, ParameterTransfer(), BUDGET, train_state, Rows())

    after = state(model)
    heads = {name for name in before if name.startswith("heads.")}
    assert_same_bits(
        {k: before[k] for k in before.keys() - heads}, {k: after[k] for k in after.keys() - heads}
    )
    assert all(not torch.equal(before[name], after[name]) for name in heads)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_infinite_lambda_is_the_limit_of_large_lambda_with_batchnorm() -> None:
    """It is one only because the source's batches move statistics of their own.

    Under SGD: Adam blows a vanishing gradient up to a whole step, wherever L_T's own gradient is
        exactly 0.
    """
    ours = problem()
    limit, _ = trained(ours, both(ours, Constant(math.inf)), Conv((4,), "batch"), optimizer=Sgd())
    large, _ = trained(ours, both(ours, Constant(1e6)), Conv((4,), "batch"), optimizer=Sgd())

    inputs = as_batch(ours.test.open()["target"]).inputs
    limit.eval(), large.eval()
    assert torch.allclose(limit.trunk(inputs, "target"), large.trunk(inputs, "target"), atol=1e-3)


def with_a_second_task(hidden: slice) -> Domain:
    """The source domain with a second task, its labels in `hidden` missing."""
    source = problem().domains["source"]
    other = Task("other", "binary", ("no", "yes"))
    labels = (source.train.labels["ours"] > 0).astype(int)
    labels[hidden] = -1
    train = Split(source.train.inputs, {**source.train.labels, "other": labels}, source.train.index)
    return replace(source, tasks=(*source.tasks, other), train=train)


def test_missing_labels_change_no_other_tasks_loss() -> None:
    losses = []
    for hidden in (slice(0, 0), slice(0, 30), slice(None)):
        domain = with_a_second_task(hidden)
        model = draw_model(Mlp(), SPEC, {"source": domain.tasks}, "target", 0)
        batches = Batches(domain.train, "source", 16, 0)
        losses.append(forward(model, domain, next(batches), batches.shares).losses)

    assert torch.equal(losses[0]["ours"], losses[1]["ours"])
    assert torch.equal(losses[0]["ours"], losses[2]["ours"])
    assert losses[0]["other"] != losses[1]["other"]
    assert "other" not in losses[2]  # no label in training: no loss at all


def test_tasks_of_one_domain_share_one_backbone_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = with_a_second_task(slice(0, 3))
    model = draw_model(Mlp(), SPEC, {"source": domain.tasks}, "target", 0)
    passes: list[object] = []
    inner = model.backbone.forward

    def counted(*arguments: Any) -> Any:
        passes.append(arguments)
        return inner(*arguments)

    monkeypatch.setattr(model.backbone, "forward", counted)
    batches = Batches(domain.train, "source", 16, 0)

    assert set(forward(model, domain, next(batches), batches.shares).losses) == {"ours", "other"}
    assert len(passes) == 1


def test_best_keeps_the_evaluation_with_the_lowest_validation_loss_of_the_target() -> None:
    ours = problem(val=True)
    stage = both(ours, Constant(1.0), steps=60)
    chosen, rows = trained(
        ours, stage, Mlp(), TrainerOptions(steps=60, batch_size=8, eval_every=5, select="best")
    )
    losses = [row["val"]["target/ours"]["loss"] for row in rows.rows]
    val = ours.domains["target"].val
    assert val is not None

    kept = evaluate(chosen, "target", ours.domains["target"].tasks, val)[0]["target/ours"]["loss"]

    assert kept == min(losses)
    assert min(losses) < losses[-1]  # else `last` would have passed too


def test_selection_follows_the_target_and_without_one_the_source() -> None:
    ours = problem(val=True)
    validation = {"source/ours": {"loss": 1.0}, "target/ours": {"loss": 5.0}}

    def loss(stage: Stage) -> float:
        (alone,) = selection_losses(ours.domains, stage, validation).values()  # type: ignore[arg-type]
        return alone

    assert loss(both(ours, Constant(1.0))) == 5.0
    assert loss(both(ours, Constant(0.0))) == 1.0
    (together,) = SharedParameters().stages(ours, Constant(1.0), 8)
    assert loss(together) == 6.0  # both are learnt for their own sake


class Poisoned(ParameterTransfer):
    """Its objective turns infinite at the third step."""

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        fine = super().objective(steps, model, lam)
        SEEN.append(state(model))
        bad = fine.total * (math.inf if len(SEEN) == 3 else 1.0)
        return Objective(bad, {**fine.terms, "bad": torch.as_tensor(bad)})


SEEN: list[dict[str, torch.Tensor]] = []


def test_a_term_that_is_not_finite_stops_before_the_update_and_is_named() -> None:
    ours = problem()
    stage = both(ours, Constant(1.0))
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, Sgd(), batches)
    SEEN.clear()

    with pytest.raises(
        RunFailed, match=r"stage target, step 3, λ=1: expected a finite bad, found inf"
    ):
        fit(stage, model, ours.domains, Poisoned(), BUDGET, train_state, Rows())

    assert_same_bits(state(model), SEEN[-1])


def test_evaluation_reads_running_statistics_and_moves_nothing() -> None:
    ours = problem()
    model, _ = trained(ours, both(ours, Constant(1.0)), Conv((4,), "batch"))
    before = state(model)
    test, tasks = ours.test.open()["target"], ours.domains["target"].tasks
    model.train()
    _, outputs = evaluate(model, "target", tasks, test)
    alone = Split(test.inputs[:1], {"ours": test.labels["ours"][:1]}, test.index[:1])

    assert_same_bits(state(model), before)
    assert torch.allclose(
        evaluate(model, "target", tasks, alone)[1]["ours"], outputs["ours"][:1], atol=1e-6
    )


def test_the_learning_rate_follows_its_schedule_through_the_stage() -> None:
    """SGD with a rate too small to move the gradients: decayed steps add up to Σ (8-k)/8 over k =
    0…7, so 4.5 of 8."""
    ours = problem()
    start = state(draw_model(Identity(), SPEC, ours.tasks_by_domain, "target", 0))[
        "heads.*/ours.weight"
    ]
    moved: list[float] = []
    for schedule in ("constant", "linear"):
        spec = Sgd(lr=1e-3, momentum=0.0, schedule=schedule)
        model, _ = trained(ours, both(ours, Constant(1.0)), Identity(), optimizer=spec)
        moved.append(float((state(model)["heads.*/ours.weight"] - start).norm()))

    assert moved[1] / moved[0] == pytest.approx(4.5 / 8, rel=0.1)


def test_lambda_is_read_at_the_end_of_each_step() -> None:
    class Ramp:
        """λ(p) = p."""

        label = "ramp"

        def at(self, progress: float) -> Lam:
            return Lam(progress)

        def always(self, value: float) -> bool:
            return False

    ours = problem()
    _, rows = trained(ours, both(ours, Ramp()), Mlp())

    assert [row["lam"] for row in rows.rows] == [3 / 8, 6 / 8, 1.0]


def test_evaluation_is_the_same_in_any_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = problem()
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    test, tasks = ours.test.open()["target"], ours.domains["target"].tasks
    whole, outputs = evaluate(model, "target", tasks, test)
    monkeypatch.setattr("tlrun.training.evaluation.EVALUATION_BATCH", 7)
    parts, pieces = evaluate(model, "target", tasks, test)

    assert torch.allclose(outputs["ours"], pieces["ours"], atol=1e-6)
    assert parts["target/ours"]["accuracy"] == whole["target/ours"]["accuracy"]
    assert set(whole["target/ours"]) == {"loss", *METRICS["multiclass"]}


def test_evaluation_skips_missing_labels() -> None:
    ours = problem()
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    test, tasks = ours.test.open()["target"], ours.domains["target"].tasks
    kept = Split(test.inputs[:20], {"ours": test.labels["ours"][:20]}, test.index[:20])
    expected, _ = evaluate(model, "target", tasks, kept)
    test.labels["ours"][20:] = -1

    found, _ = evaluate(model, "target", tasks, test)

    assert found["target/ours"]["accuracy"] == expected["target/ours"]["accuracy"]
    assert found["target/ours"]["loss"] == pytest.approx(expected["target/ours"]["loss"])


@dataclass(frozen=True)
class Counting(ParameterTransfer):
    """It counts its own updates, in a buffer beside φ and w."""

    def add_buffers(self, model: Model) -> None:
        model.extras.register_buffer("updates", torch.zeros(()))

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        found = super().objective(steps, model, lam)
        return replace(found, updates={"updates": model.extras.get_buffer("updates") + 1})


@pytest.mark.parametrize(("select", "kept"), [("last", 8.0), ("best", 3.0)])
def test_what_an_equation_finds_is_kept_after_each_update_and_of_equal_losses_the_first(
    select: Any, kept: float
) -> None:
    """At a learning rate of 0 every evaluation gives the same loss: the first, at step 3, stays."""
    ours, strategy = problem(val=True), Counting()
    stage = both(ours, Constant(1.0))
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    strategy.add_buffers(model)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, Sgd(lr=0.0), batches)
    trainer = replace(BUDGET, select=select)
    fit(stage, model, ours.domains, strategy, trainer, train_state, Rows())

    assert float(model.extras.get_buffer("updates")) == kept


def test_an_undefined_validation_loss_is_never_the_best() -> None:
    ours = problem(val=True)
    stage = both(ours, Constant(1.0))
    scores: Any = {"source/ours": {"loss": 0.1}, "target/ours": {"loss": None}}

    def loss(stage: Stage) -> float:
        (alone,) = selection_losses(ours.domains, stage, scores).values()
        return alone

    assert loss(stage) == math.inf
    scores["target/ours"]["loss"] = 7.0
    assert loss(stage) == 7.0
    assert loss(replace(stage, trained_for="all tasks")) == pytest.approx(7.1)
    assert loss(replace(stage, domains=("source",))) == 0.1


def test_where_each_task_is_chosen_for_itself_each_has_its_own_loss() -> None:
    ours = problem(val=True)
    stage = replace(
        both(ours, Constant(1.0)),
        trained_for="all tasks",
        selected="each task",
        task_specific="towers",
    )
    scores: Any = {"source/ours": {"loss": 0.1}, "target/ours": {"loss": None}}

    assert selection_losses(ours.domains, stage, scores) == {
        "source/ours": 0.1, "target/ours": math.inf,
    }  # fmt: skip


@pytest.mark.parametrize("backbone", [Mlp(), Conv((4,), "batch")], ids=["mlp", "conv"])
def test_bf16_rounds_the_passes_and_leaves_weights_losses_and_evaluation_in_float32(
    backbone: Backbone,
) -> None:
    ours = problem(val=True)
    stage = both(ours, Constant(1.0))
    exact, told = trained(ours, stage, backbone)
    rounded, rows = trained(ours, stage, backbone, replace(BUDGET, precision="bf16"))

    assert {tensor.dtype for tensor in rounded.parameters()} == {torch.float32}
    first = rows.terms[0]["total"]
    assert first != told.terms[0]["total"]
    assert first == pytest.approx(told.terms[0]["total"], rel=0.02)  # bf16 has 8 bits of mantissa
    for (name, one), other in zip(exact.named_parameters(), rounded.parameters(), strict=True):
        assert torch.allclose(one, other, atol=0.1), name
    # an evaluation in bf16 would give logits of 8 bits, which float32 holds exactly
    _, outputs = evaluate(
        rounded, "target", ours.domains["target"].tasks, ours.domains["target"].train
    )
    assert not torch.equal(outputs["ours"], outputs["ours"].bfloat16().float())


def test_a_step_in_bf16_sees_float32_and_one_tensor_for_tasks_that_share_a_backbone() -> None:
    """What penalties compare must not be rounded, and rms(z) counts each feature once."""
    domain = with_a_second_task(slice(0, 0))
    model = draw_model(Mlp(), SPEC, {"source": domain.tasks}, "target", 0)
    batches = Batches(domain.train, "source", 16, 0)
    with autocast("bf16", torch.device("cpu")):
        step = forward(model, domain, next(batches), batches.shares)

    assert step.features["ours"] is step.features["other"]
    for tensors in (step.features, step.outputs, step.losses):
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    rounded = step.features["ours"]
    assert torch.equal(rounded, rounded.bfloat16().float())  # φ itself ran in bf16


@dataclass(frozen=True)
class Watching(ParameterTransfer):
    """It notes in which mode each update finds φ."""

    modes: list[bool] = field(default_factory=list)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        self.modes.append(model.backbone.training)
        assert model.heads.training
        return super().objective(steps, model, lam)


@pytest.mark.parametrize("frozen", [False, True])
def test_every_update_finds_the_model_in_training_mode_evaluations_in_between(frozen: bool) -> None:
    ours, strategy = problem(val=True), Watching()
    stage = both(ours, Constant(1.0), frozen=frozen)
    model = draw_model(Conv((4,), "batch"), SPEC, ours.tasks_by_domain, "target", 0)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, Sgd(), batches)
    model.eval()  # however it was left
    fit(stage, model, ours.domains, strategy, BUDGET, train_state, Rows())

    assert strategy.modes == [not frozen] * BUDGET.steps
