from tlrun import core, equation
from tlrun.core import transfer_controls

from problems import problem


def test_what_an_equation_sees_is_known_here_too() -> None:
    for name in ("Lam", "Objective", "Relation", "Step", "Steps"):
        assert getattr(core, name) is getattr(equation, name)
        assert name in core.__all__


def test_transfers_are_held_against_the_source_model_only_where_it_can_answer() -> None:
    assert list(transfer_controls(problem("shared"))) == [
        "scratch", "scratch, total budget", "source_only", "joint, λ=1",
    ]  # fmt: skip
    assert "source_only" not in transfer_controls(problem("split"))
