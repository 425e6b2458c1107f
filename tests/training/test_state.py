"""A stage that was stopped and taken up again ends as one that was not, to the bit."""

import pytest
import torch
from half_way import CASES, STEPS, STOPS, stopped, unbroken
from torch import Tensor

from tlrun.data.batches import Batches
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import restore, state
from tlrun.strategies.schedules import Constant
from tlrun.strategies.single_task import SingleTask
from tlrun.training.optimizers import Sgd
from tlrun.training.state import TrainState

from problems import Rows, problem
from properties import assert_same_bits


@pytest.mark.parametrize("after", STOPS)
@pytest.mark.parametrize("name", CASES)
def test_taken_up_in_a_new_process_it_ends_with_the_same_bits(name: str, after: int) -> None:
    """Everything is built anew, and filled with what was saved after the step."""
    case = CASES[name]
    whole, rows = unbroken(name)
    _, _, _, before = stopped(case, after)
    weights, saved = before.saved

    stage, model, train_state = case.begun()
    restore(model, weights)
    train_state.load_state_dict(saved)
    rest = Rows()
    torch.manual_seed(99)  # wherever the generators stand now
    case.train(stage, model, train_state, rest)

    assert_same_bits(state(model), state(whole))
    assert before.terms + rest.terms == rows.terms
    assert before.rows + rest.rows == rows.rows
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("after", [3, 4])
@pytest.mark.parametrize("name", CASES)
def test_taken_up_with_the_same_state_and_model_it_ends_with_the_same_bits(
    name: str, after: int
) -> None:
    case = CASES[name]
    whole, rows = unbroken(name)
    stage, model, train_state, before = stopped(case, after)
    rest = Rows()
    torch.manual_seed(99)
    case.train(stage, model, train_state, rest)

    assert_same_bits(state(model), state(whole))
    assert before.terms + rest.terms == rows.terms
    assert before.rows + rest.rows == rows.rows


def test_what_was_saved_is_a_copy_and_taking_it_up_leaves_it_as_it_was() -> None:
    """It can be written while the stage goes on, and read twice."""
    case = CASES["dropout, best"]
    stage, model, train_state, before = stopped(case, 5)
    _, saved = before.saved
    kept = repr(saved)
    case.train(stage, model, train_state, Rows())  # goes on with the tensors themselves
    assert repr(saved) == kept

    stage, model, train_state = case.begun()
    train_state.load_state_dict(saved)
    case.train(stage, model, train_state, Rows())
    assert repr(saved) == kept


def test_what_was_saved_is_plain() -> None:
    """Tensors on the CPU, numbers and None, in dicts, lists and tuples: nothing to be unpickled."""

    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            assert all(type(key) in (str, int) for key in value)
            return [leaf for item in value.values() for leaf in leaves(item)]
        if isinstance(value, list | tuple):
            return [leaf for item in value for leaf in leaves(item)]
        return [value]

    for case in CASES.values():
        found = leaves(stopped(case, 5)[3].saved[1])
        tensors = [leaf for leaf in found if isinstance(leaf, Tensor)]

        assert {type(leaf) for leaf in found} <= {Tensor, int, float, bool, type(None)}
        assert all(t.device.type == "cpu" and not t.requires_grad for t in tensors)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("step", "adam"),
        ("updates", "adam"),
        ("updates", "adamw, linear"),
        ("positions", "adam"),
        ("generators", "dropout"),
        ("best_loss", "best"),
        ("best_weights", "best"),
        ("best_loss", "best of each task"),
        ("best_weights", "best of each task"),
    ],
)
def test_every_part_of_the_state_decides_how_a_stage_ends(part: str, name: str) -> None:
    """So none of them may be lost: here it is, and the stage ends elsewhere."""
    case = CASES[name]
    whole, _ = unbroken(name)
    weights, saved = stopped(case, 9)[3].saved
    stage, model, train_state = case.begun()
    restore(model, weights)
    train_state.load_state_dict(saved | {part: train_state.state_dict()[part]})
    case.train(stage, model, train_state, Rows())

    ended = state(model)
    assert any(not torch.equal(tensor, ended[key]) for key, tensor in state(whole).items())


def test_a_part_of_a_model_that_shares_its_weights_cannot_be_chosen_for_itself() -> None:
    _, model, train_state = CASES["best"].begun()
    with pytest.raises(ValueError, match="expected a φ for each task, found one for all"):
        train_state.keep_if_best({"source/ours": 0.1, "target/ours": 0.2}, model)


def test_on_a_phi_that_is_held_fixed_each_head_can_be_chosen_for_itself() -> None:
    ours = problem(val=True)
    (stage,) = SingleTask(train="head").stages(ours, Constant(1.0), STEPS)
    tasks = ours.tasks_by_domain
    model = draw_model(Mlp((6,)), ours.inputs, tasks, stage.init, 0, stage.task_specific)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, Sgd(), batches)
    train_state.keep_if_best({"source/ours": 0.1}, model)

    assert set(train_state.best_weights) == {"heads.source/ours.weight", "heads.source/ours.bias"}
    model.free("all")
    with pytest.raises(ValueError, match="expected a φ for each task, found one for all"):
        train_state.keep_if_best({"source/ours": 0.05}, model)
