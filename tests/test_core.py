import torch

from tlrun.core import Step, Steps, transfer_controls

from problems import problem


def step(role: str, **losses: float) -> Step:
    scalars = {name: torch.tensor(value) for name, value in losses.items()}
    return Step(role, torch.zeros(1, 1), {}, scalars)  # type: ignore[arg-type]


def test_loss_sums_the_tasks_and_domains_of_a_role() -> None:
    steps = Steps(a=step("source", x=1.0, y=2.0), b=step("source", x=4.0), c=step("target", x=8.0))

    assert steps.loss("source") == torch.tensor(7.0)
    assert steps.loss("target") == torch.tensor(8.0)


def test_an_undrawn_role_is_a_plain_zero() -> None:
    loss = Steps(a=step("target", x=8.0)).loss("source")

    assert loss == 0.0
    assert isinstance(loss, float)


def test_transfers_are_held_against_the_source_model_only_where_it_can_answer() -> None:
    assert list(transfer_controls(problem("shared"))) == [
        "scratch", "scratch, total budget", "source_only", "joint, λ=1",
    ]  # fmt: skip
    assert "source_only" not in transfer_controls(problem("split"))
