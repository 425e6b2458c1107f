from tlrun.cli.completion_values import names_of, option_keys, values_of
from tlrun.config.registry import GROUPS, names


def test_the_options_are_those_of_the_name_that_is_chosen() -> None:
    chosen = {"strategy": "task_relation"}

    assert "strategy.relation" in option_keys("strategy", chosen, None)
    assert "strategy.structure" not in list(option_keys("strategy", chosen, None))
    assert {"strategy.relation", "strategy.structure"} <= set(option_keys("strategy", {}, None))
    assert list(option_keys("lam", {}, None)) == ["lam.value"]
    assert list(option_keys("seed", {}, None)) == []


def test_the_values_are_what_the_class_lists() -> None:
    assert list(values_of("trainer.select", {}, None)) == ["last", "best"]
    assert list(values_of("optimizer.nesterov", {}, None)) == ["true", "false"]
    assert "cuda" in values_of("device", {}, None)
    assert "inf" in values_of("λ", {}, None)
    assert list(values_of("trainer.steps", {}, None)) == []


def test_the_names_are_those_of_the_group() -> None:
    for group in GROUPS:
        assert names_of(group, None) == names(group)
    assert names_of("seed", None) == ()
