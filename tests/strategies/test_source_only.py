import pytest

from tlrun.core.errors import UserError
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.source_only import SourceOnly

from problems import problem


def test_it_is_the_source_stage_of_a_transfer_and_nothing_after() -> None:
    assert SourceOnly().stages(problem(), Constant(1.0), 5) == (
        ParameterTransfer().stages(problem(), Constant(1.0), 5)[0],
    )


def test_total_budget_never_draws_the_target() -> None:
    stages = SourceOnly(budget="total").stages(problem(), Constant(1.0), 5)

    assert [stage.domains for stage in stages] == [("source",), ("source",)]
    assert sum(stage.steps for stage in stages) == 10


def test_a_target_with_labels_of_its_own_is_refused() -> None:
    with pytest.raises(
        UserError, match="expected one label space of source and target for source_only"
    ):
        SourceOnly().stages(problem("split"), Constant(1.0), 5)
