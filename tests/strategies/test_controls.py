from tlrun.strategies.controls import transfer_controls

from problems import problem


def test_transfers_are_held_against_the_source_model_only_where_it_can_answer() -> None:
    assert list(transfer_controls(problem("shared"))) == [
        "scratch", "scratch, total budget", "source_only", "joint, λ=1",
    ]  # fmt: skip
    assert "source_only" not in transfer_controls(problem("split"))
