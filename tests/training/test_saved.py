"""A stage half-way as tensors and numbers: taken up, it ends with the same bits (test_state.py
says of which parts); what is not of such a stage is refused."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from half_way import CASES, STEPS, Case, Stopping, stopped, unbroken
from safetensors.torch import load, save

from tlrun.models.model import state
from tlrun.training.saved import Saved, saved, take_up

from problems import Rows
from properties import assert_same_bits


def half_way(case: Case, after: int = 3) -> tuple[Saved, Stopping]:
    """What is saved of a case after some step, as a file gives it back."""
    _, model, train_state, recorder = stopped(case, after)
    tensors, numbers = saved(model, train_state)
    return Saved(load(save(tensors)), numbers), recorder


@pytest.mark.parametrize("after", [1, 4, STEPS])
@pytest.mark.parametrize("name", CASES)
def test_taken_up_from_tensors_and_numbers_it_ends_with_the_same_bits(
    name: str, after: int
) -> None:
    case = CASES[name]
    whole, rows = unbroken(name)
    before, recorder = half_way(case, after)

    stage, model, train_state = case.begun()
    take_up(before, model, train_state)
    rest = Rows()
    torch.manual_seed(99)
    case.train(stage, model, train_state, rest)

    assert_same_bits(state(model), state(whole))
    assert recorder.rows + rest.rows == rows.rows


def without(name: str) -> Any:
    return lambda before: before.tensors.pop(name)


def with_tensor(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    return lambda before: before.tensors.update({name: change(before.tensors[name])})


def with_numbers(**numbers: Any) -> Callable[[Saved], None]:
    return lambda before: before.numbers.update(numbers)


WEIGHT = "model/heads.*/digit.weight"
WRONG: Mapping[str, Callable[[Saved], Any]] = {
    "a count too few": without("counts/0"),
    "a moment too few": without("moments/mean/1"),
    "a moment of another shape": with_tensor("moments/square/0", lambda t: t[:1]),
    "a moment of another type": with_tensor("moments/square/0", lambda t: t.double()),
    "one too many": lambda before: before.tensors.update({"moments/other/0": torch.zeros(1)}),
    "a best weight of no model": lambda before: before.tensors.update({"best/w": torch.zeros(1)}),
    "no step": with_numbers(step=None),
    "a step that is no number": with_numbers(step=3.0),
    "no positions": with_numbers(positions=None),
    "other domains": with_numbers(positions={"elsewhere": 1}),
    "a loss that is none": with_numbers(best_loss={"*": "low"}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_of_another_stage_is_refused_and_changes_nothing(wrong: str) -> None:
    case = CASES["best"] if "best" in wrong else CASES["adam"]
    before, _ = half_way(case)
    WRONG[wrong](before)
    _, model, train_state = case.begun()
    untouched = saved(model, train_state)

    with pytest.raises(ValueError, match=r"missing|expected|none of this stage's"):
        take_up(before, model, train_state)

    tensors, numbers = saved(model, train_state)
    assert_same_bits(tensors, untouched.tensors)
    assert numbers == untouched.numbers


def test_the_generator_of_another_kind_of_device_is_left_as_it_is() -> None:
    case = CASES["dropout"]
    before, _ = half_way(case)
    before.tensors["generators/cuda:0"] = before.tensors.pop("generators/cpu")
    _, model, train_state = case.begun()
    untouched = train_state.generators["cpu"]

    take_up(before, model, train_state)

    assert train_state.generators.keys() == {"cpu"}
    assert torch.equal(train_state.generators["cpu"], untouched)


def test_what_is_saved_is_a_copy() -> None:
    stage, model, train_state = CASES["best"].begun()
    kept = saved(model, train_state)
    first = {name: tensor.clone() for name, tensor in kept.tensors.items()}
    CASES["best"].train(stage, model, train_state, Rows())

    assert_same_bits(kept.tensors, first)
    assert kept.numbers["step"] == 0
