from pathlib import Path

from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch

from problems import Watcher, config, planned, problem


def test_the_source_is_never_drawn_and_weights_are_the_targets_own() -> None:
    (stage,) = Scratch().stages(problem(), Constant(1.0), 5)

    assert stage.domains == ("target",)
    assert stage.init == "target"
    assert stage.steps == 5


def test_total_budget_is_that_of_both_stages_of_a_transfer() -> None:
    assert Scratch(budget="total").stages(problem(), Constant(1.0), 5)[0].steps == 10


def test_lambda_is_not_part_of_its_identity(tmp_path: Path) -> None:
    nodes = {"strategy": {"name": "scratch"}}
    one, other = (
        planned(
            config(tmp_path, **nodes, lam={"name": "constant", "value": value}), Watcher()
        ).run_dir
        for value in (0.1, 10.0)
    )

    assert one == other
    assert "lam" not in one.name
