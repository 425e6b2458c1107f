from dataclasses import replace

from tlrun.strategies.controls import PRETRAINED, transfer_controls

from problems import problem


def test_transfers_are_held_against_the_source_model_only_where_it_can_answer() -> None:
    assert list(transfer_controls(problem("shared"))) == [
        "scratch", "scratch, total budget", PRETRAINED, "source_only", "joint, λ=1",
    ]  # fmt: skip
    assert "source_only" not in transfer_controls(problem("split"))


def test_without_a_source_there_is_nothing_but_scratch() -> None:
    ours = problem()
    alone = replace(ours, domains={"target": ours.domains["target"]})

    assert list(transfer_controls(alone)) == ["scratch"]
