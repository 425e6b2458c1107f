import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest
import torch
from stacks import SIZE, THREE, TWO, Case, One, Setting, adam, alone, stack_of, together

from tlrun.core.errors import RunFailed
from tlrun.core.problem import Domain
from tlrun.core.task import Task
from tlrun.strategies.base import Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.joint import Joint
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Linear
from tlrun.strategies.scratch import Scratch
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.training.optimizers import Adam, Adamw, Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.stacked.layout import slots_of

from properties import assert_same_bits

LAMS = (0.0, 0.1, 1.0, 7.0)


def assert_alike(one: One, other: One) -> None:
    """The same run up to rounding: heads to 1e-6 of their largest number, and the same rows."""
    assert one.heads.keys() == other.heads.keys()
    largest = max(float(head.abs().max()) for head in one.heads.values())
    for name, head in one.heads.items():
        assert (head - other.heads[name]).abs().max() <= 1e-6 * largest, name
    assert len(one.rows) == len(other.rows)
    for mine, theirs in zip(one.rows, other.rows, strict=True):
        assert_alike_rows(mine, theirs)


def assert_alike_rows(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    assert list(mine) == list(theirs)
    assert (mine["stage"], mine["step"], mine["lam"]) == (
        theirs["stage"],
        theirs["step"],
        theirs["lam"],
    )
    assert mine["terms"] == pytest.approx(theirs["terms"], rel=1e-5, abs=1e-6)
    assert mine["val"].keys() == theirs["val"].keys()
    for key, scores in mine["val"].items():
        assert list(scores) == list(theirs["val"][key])
        assert scores["loss"] == pytest.approx(theirs["val"][key]["loss"], rel=1e-5, abs=1e-6)


CASES = {
    "one label space": Case(),
    "binary": Case(tasks={"source": (TWO,), "target": (TWO,)}),
    "numbers": Case(tasks={"source": (SIZE,), "target": (SIZE,)}),
    "several tasks of all kinds": Case(
        tasks={"source": (THREE, TWO, SIZE), "target": (SIZE, THREE)}, width=16
    ),
    "two label spaces": Case(tasks={"source": (THREE,), "target": (TWO,)}),
    "missing labels": Case(tasks={"source": (THREE, SIZE), "target": (THREE, TWO)}, missing=0.4),
    "no validation": Case(val=False),
    "joint": Case(strategy=Joint()),
    "parameter transfer": Case(strategy=ParameterTransfer(train="head")),
    "the target alone": Case(tasks={"target": (THREE,)}, strategy=Scratch()),
    "heads of their own": Case(
        tasks={"source": (THREE,), "target": (THREE, TWO)},
        strategy=SharedParameters(train="head", weights=(1.0, 0.5, 2.0)),
        task_specific="heads",
    ),
    "a batch larger than the data": Case(
        trainer=TrainerOptions(steps=5, batch_size=40, eval_every=2)
    ),
    "one feature": Case(width=1),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_of_a_stack_is_the_run_alone_up_to_rounding(case: Case) -> None:
    settings: list[Setting] = [(seed, lam, adam()) for seed in (0, 3) for lam in LAMS]

    for setting, run in zip(settings, together(case, settings), strict=True):
        assert_alike(run, alone(case, setting))


@pytest.mark.parametrize(
    "kind",
    [
        Adam,
        Adamw,
        Sgd,
        lambda **o: Sgd(**o, nesterov=True),
        lambda **o: Sgd(**o, momentum=0.0),
        lambda **o: Adam(**o, schedule="cosine"),
        lambda **o: Sgd(**o, schedule="linear"),
    ],
)
def test_each_run_has_a_rate_and_a_decay_of_its_own(kind: Any) -> None:
    case = Case(trainer=TrainerOptions(steps=40, batch_size=6, eval_every=40))
    options = [(0.003, 0.0), (0.03, 0.0), (0.03, 0.5), (0.01, 2.0)]
    settings: list[Setting] = [
        (seed, 1.0, kind(lr=lr, weight_decay=decay)) for seed in (0, 1) for lr, decay in options
    ]

    for setting, run in zip(settings, together(case, settings), strict=True):
        assert_alike(run, alone(case, setting))


def test_lam_may_move() -> None:
    case = Case()
    moving = [Linear(value=math.inf, start=0.5), Linear(value=0.0, start=2.0)]
    settings: list[Setting] = [*((0, lam, adam()) for lam in moving), (0, 1.0, adam())]

    for setting, run in zip(settings, together(case, settings), strict=True):
        assert_alike(run, alone(case, setting))


@pytest.mark.parametrize("width", [1, 5, 15, 16, 64, 257])
@pytest.mark.parametrize("tasks", [(THREE,), (TWO,), (SIZE, THREE)], ids=["3", "2", "both"])
def test_bits_do_not_depend_on_companions(width: int, tasks: tuple[Any, ...]) -> None:
    """Alone in its stack, among 3 and among 16, at another place each time."""
    case = Case(width=width, tasks={"source": tasks, "target": tasks}, missing=0.2)
    lams = [0.1 * 1.7**power for power in range(9)]
    many: list[Setting] = [(seed, lam, adam()) for seed in (0, 4) for lam in lams]
    of_many = dict(zip(many, together(case, many), strict=True))
    chosen = many[11]
    (single,) = together(case, [chosen])
    three = together(case, [(9, 1.0, adam(0.5)), chosen, (4, 77.0, Adam(lr=0.1, weight_decay=1.0))])

    assert_same_bits(single.heads, of_many[chosen].heads)
    assert_same_bits(single.heads, three[1].heads)
    assert single.rows == of_many[chosen].rows == three[1].rows
    for setting, run in zip(reversed(many), together(case, many[::-1]), strict=True):
        assert_same_bits(run.heads, of_many[setting].heads)


def test_heads_of_many_outputs_have_products_of_their_own() -> None:
    many = Task("many", "multiclass", tuple(map(str, range(40))))
    case = Case(tasks={"source": (many,), "target": (many,)}, n=100)
    settings: list[Setting] = [(0, lam, adam()) for lam in LAMS]
    stacked = together(case, settings)

    assert slots_of(many.outputs) == 1
    assert_alike(stacked[2], alone(case, settings[2]))
    assert_same_bits(stacked[2].heads, together(case, settings[2:3])[0].heads)


@pytest.mark.parametrize("own", [False, True])
def test_the_best_step_is_kept_run_by_run(own: bool) -> None:
    """Large rates, so that the last step is seldom the best."""
    trainer = TrainerOptions(steps=24, batch_size=6, eval_every=3, select="best")
    case = Case(trainer=trainer)
    if own:
        strategy = SharedParameters(train="head")
        tasks = {"source": (THREE,), "target": (THREE, SIZE)}
        case = Case(trainer=trainer, strategy=strategy, task_specific="heads", tasks=tasks)
    settings: list[Setting] = [(0, 1.0, adam(lr)) for lr in (0.001, 0.1, 0.4, 1.0)]
    best = together(case, settings)
    last = together(
        Case(
            trainer=TrainerOptions(steps=24, batch_size=6, eval_every=3),
            strategy=case.strategy,
            task_specific=case.task_specific,
            tasks=case.tasks,
        ),
        settings,
    )

    for setting, run in zip(settings, best, strict=True):
        assert_alike(run, alone(case, setting))
    different = [
        any(not torch.equal(one.heads[name], two.heads[name]) for name in one.heads)
        for one, two in zip(best, last, strict=True)
    ]
    assert any(different)


def test_a_run_that_diverges_fails_and_moves_no_other() -> None:
    case = Case(tasks={"source": (SIZE,), "target": (SIZE,)})
    settings: list[Setting] = [(0, 1.0, Sgd(lr=lr)) for lr in (0.01, 1000.0, 0.02)]
    stack, rows = stack_of(
        Case(
            tasks=case.tasks,
            trainer=TrainerOptions(steps=60, batch_size=6, eval_every=20),
        ),
        settings,
    )
    failed = stack.fit(lambda _: None)

    assert list(failed) == [1]
    assert failed[1].startswith("stage target, step ")
    assert "expected a finite L_S, found" in failed[1]
    assert failed[1].endswith("try a smaller optimizer.lr")
    assert [len(each) for each in rows] == [3, len(rows[1]), 3]
    assert len(rows[1]) < 3
    for heads in stack.heads:
        tile, slot = stack.layout.places[2]
        assert torch.isfinite(heads.weights[tile, slot]).all()


@pytest.mark.parametrize("at", [1, 4, 6])
@pytest.mark.parametrize("select", ["last", "best"])
def test_a_weight_that_is_not_finite_fails_its_run_alone(
    monkeypatch: pytest.MonkeyPatch, at: int, select: Literal["last", "best"]
) -> None:
    """In the last update too, which no loss tells; its companions come to the same bits."""
    trainer = TrainerOptions(steps=6, batch_size=6, eval_every=2, select=select)
    settings: list[Setting] = [(0, lam, adam()) for lam in (0.5, 1.0, 2.0)]
    whole, its_rows = stack_of(Case(trainer=trainer), settings)
    whole.fit(lambda _: None)
    stack, rows = stack_of(Case(trainer=trainer), settings)
    inner = stack.updates.step

    def poisoned(rates: torch.Tensor) -> None:
        inner(rates)
        if stack.updates.made == at:
            stack.heads[0].weights[stack.layout.places[1]].view(-1)[0] = math.inf

    monkeypatch.setattr(stack.updates, "step", poisoned)
    failed = stack.fit(lambda _: None)

    assert list(failed) == [1]
    assert "expected a finite " in failed[1]
    assert rows[1] == its_rows[1][: (at - 1) // 2]
    for number in (0, 2):
        assert rows[number] == its_rows[number]
        for one, other in zip(stack.heads, whole.heads, strict=True):
            place = stack.layout.places[number]
            assert torch.equal(one.weights[place], other.weights[place])


STRATEGIES: list[Strategy] = [
    FeatureTransfer(), ParameterTransfer(), Scratch(), Joint(), SharedParameters(),
]  # fmt: skip


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: type(each).__name__)
def test_who_says_that_an_equation_is_a_sum_of_losses_has_one_that_is(strategy: Strategy) -> None:
    """The slopes by the losses are the same wherever they are: so they are asked for once."""
    assert strategy.of_losses
    case = Case(strategy=strategy)
    settings: list[Setting] = [(0, lam, adam()) for lam in LAMS]
    stack, _ = stack_of(case, settings)
    lams = [member.stage.lam.at(0.5) for member in stack.members]
    found = []
    for seed in (0, 1):
        generator = torch.Generator().manual_seed(seed)
        losses = {}
        for head in stack.heads:
            for seen in head.seen:
                shape = stack.layout.tiles, stack.layout.slots
                losses[seen.key] = torch.rand(shape, generator=generator)
        total = stack._objective(lams, losses).total
        stack._weights = ([], {})
        weights = stack._weights_at(lams, losses)
        weighed = sum(weights[key] * loss for key, loss in losses.items())
        assert torch.allclose(torch.as_tensor(total).float(), torch.as_tensor(weighed))
        found.append(weights)
    for key, slope in found[0].items():
        assert torch.equal(slope, found[1][key])


def test_of_a_large_lam_the_source_keeps_its_weight() -> None:
    """Inputs that the source alone has are moved by (1-α) L_S alone, which Adam makes large."""
    case = Apart(width=6, trainer=TrainerOptions(steps=60, batch_size=6, eval_every=60))
    settings: list[Setting] = [(0, lam, adam()) for lam in (1e3, 1e5, 3e7)]

    for setting, run in zip(settings, together(case, settings), strict=True):
        assert_alike(run, alone(case, setting))


class Apart(Case):
    """Inputs of the source and of the target have no place in common."""

    def domains(self, seed: int) -> dict[str, Domain]:
        """The target's inputs are 0 where the source's are not, and the other way round."""
        found = super().domains(seed)
        for name, domain in found.items():
            for split in domain.bought:
                split.array[:, ::2] *= name == "source"
                split.array[:, 1::2] *= name == "target"
        return found


def test_a_head_that_says_infinity_where_a_label_is_missing_is_told_as_by_the_loop() -> None:
    case = Case(
        tasks={"source": (SIZE,), "target": (SIZE,)},
        missing=0.5,
        trainer=TrainerOptions(steps=60, batch_size=6, eval_every=60),
    )
    setting: Setting = (0, 1.0, Sgd(lr=1e4))
    stack, _ = stack_of(case, [setting])
    (told,) = stack.fit(lambda _: None).values()
    with pytest.raises(RunFailed) as failure:
        alone(case, setting)

    assert told == failure.value.reason
