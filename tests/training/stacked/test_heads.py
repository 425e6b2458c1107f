import torch
from stacks import SIZE, THREE, TWO, Case, Setting, adam, stack_of

from tlrun.core.task import TaskKey
from tlrun.training.stacked.heads import linear

SETTINGS: list[Setting] = [(seed, lam, adam()) for seed in (0, 2) for lam in (0.5, 1.0)]


def test_every_slot_starts_with_the_head_of_its_seed() -> None:
    case = Case(tasks={"source": (THREE,), "target": (THREE, TWO)})
    stack, _ = stack_of(case, SETTINGS)

    assert [str(head.name) for head in stack.heads] == ["*/kind", "*/sign"]
    for head in stack.heads:
        for (seed, _, _), (tile, slot) in zip(SETTINGS, stack.layout.places, strict=True):
            own = linear(case.model(seed), head.name)
            rows = head.weights[tile, slot]
            assert torch.equal(rows[:, : case.width], own.weight)
            assert torch.equal(rows[:, case.width], own.bias)
            assert not rows[:, case.width + 1 :].any()


def test_a_head_sees_every_domain_that_has_its_task() -> None:
    tasks = {"source": (THREE, SIZE), "target": (TWO, THREE)}
    stack, _ = stack_of(Case(tasks=tasks), SETTINGS)
    seen = {str(head.name): [str(each.key) for each in head.seen] for head in stack.heads}

    assert seen == {
        "*/kind": ["source/kind", "target/kind"],
        "*/size": ["source/size"],
        "*/sign": ["target/sign"],
    }


def test_outputs_are_those_of_a_linear_layer() -> None:
    case = Case(tasks={"source": (THREE,), "target": (THREE, SIZE)}, width=7)
    stack, _ = stack_of(case, SETTINGS)
    z = [family.train["target"].z for family in stack.families]
    answers = dict(stack.outputs("target", z))

    assert sorted(answers) == list(range(len(SETTINGS)))
    for number, outputs in answers.items():
        seed, _, _ = SETTINGS[number]
        model = case.model(seed)
        inputs = torch.from_numpy(case.domains(seed)["target"].train.array)
        assert list(outputs) == ["kind", "size"]
        for task, said in outputs.items():
            alone = model.output(TaskKey("target", task), inputs)
            assert torch.allclose(said, alone, atol=1e-6)
