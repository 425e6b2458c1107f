import torch
from stacks import SIZE, THREE, Case, Setting, adam, stack_of

from tlrun.training.stacked.best import BestHeads
from tlrun.training.stacked.heads import StackedHead
from tlrun.training.state import WHOLE

SETTINGS: list[Setting] = [(0, lam, adam()) for lam in (0.5, 1.0)]


def set_of(head: StackedHead, place: tuple[int, int]) -> set[float]:
    """The different numbers in a slot."""
    return set(head.weights[place].flatten().tolist())


def test_each_run_goes_back_to_the_step_of_its_lowest_loss() -> None:
    stack, _ = stack_of(Case(), SETTINGS)
    (head,), places = stack.heads, stack.layout.places
    best = BestHeads(stack.heads, 2)
    for step, losses in enumerate([(3.0, 1.0), (2.0, 5.0), (2.0, 0.5)]):
        head.weights.fill_(float(step))
        for number, loss in enumerate(losses):
            best.keep(number, places[number], {WHOLE: loss})
    best.take(places)

    assert [set_of(head, place) for place in places] == [{1.0}, {2.0}]


def test_each_head_goes_back_by_itself_where_it_is_chosen_by_itself() -> None:
    case = Case(tasks={"source": (THREE,), "target": (THREE, SIZE)}, task_specific="heads")
    stack, _ = stack_of(case, SETTINGS)
    places, names = stack.layout.places, [str(head.name) for head in stack.heads]
    best = BestHeads(stack.heads, 2)
    for step in range(3):
        for head in stack.heads:
            head.weights.fill_(float(step))
        # the first head is best at first, the second then, the third at last
        losses = {name: float(abs(step - k)) for k, name in enumerate(names)}
        best.keep(0, places[0], losses)
    best.take(places)

    assert [set_of(head, places[0]) for head in stack.heads] == [{0.0}, {1.0}, {2.0}]
    # nothing was kept of the other run, which stays as it is
    assert all(
        torch.equal(h.weights[places[1]], torch.full_like(h.weights[places[1]], 2.0))
        for h in stack.heads
    )


def test_a_loss_that_is_undefined_is_never_the_best() -> None:
    stack, _ = stack_of(Case(), SETTINGS)
    (head,), places = stack.heads, stack.layout.places
    best = BestHeads(stack.heads, 2)
    head.weights.fill_(1.0)
    best.keep(0, places[0], {WHOLE: float("inf")})
    head.weights.fill_(2.0)
    best.take(places)

    assert set_of(head, places[0]) == {2.0}
