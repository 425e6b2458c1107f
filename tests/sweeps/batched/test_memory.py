from pathlib import Path

import pytest
from heads import jobs_of, plan_of

from tlrun.sweeps.batched import memory
from tlrun.sweeps.batched.memory import Need, need_of
from tlrun.training.stacked.layout import padded, slots_of

from problems import data_of


def test_what_a_stack_takes_is_counted_from_shapes(tmp_path: Path) -> None:
    """The digits: φ gives 16 features, and one head has ten rows; the source has 719 examples."""
    trainer = {"name": "trainer", "steps": 60, "batch_size": 16}
    plan = plan_of(tmp_path, dataset={"name": "digits", "val_share": 0.2}, trainer=trainer)
    problem, slots = data_of(plan), slots_of(10)
    need = need_of(plan, problem)
    trained = sum(len(domain.train) for domain in problem.domains.values())
    validated = sum(len(domain.val) for domain in problem.domains.values() if domain.val)
    pixels = sum(
        split.array.nbytes for domain in problem.domains.values() for split in domain.bought
    )
    said = 4 * validated * slots * 10 * memory.OF_OUTPUTS

    assert need.shared == 4 * padded(16) * (trained + validated) + said + pixels
    weights, outputs = 10 * padded(16) * memory.OF_WEIGHTS, 2 * 16 * 10 * memory.OF_OUTPUTS
    assert need.tile == 4 * slots * (weights + outputs)
    assert need.slots == slots


def test_what_is_never_drawn_takes_nothing(tmp_path: Path) -> None:
    few, many = (
        need_of(plan, data_of(plan))
        for plan in (
            plan_of(tmp_path, trainer={"name": "trainer", "steps": steps, "batch_size": 16})
            for steps in (1, 1000)
        )
    )

    assert few.shared < many.shared
    assert few.tile == many.tile


def test_heads_of_their_own_are_counted_each(tmp_path: Path) -> None:
    strategy = {"name": "shared_parameters", "train": "head"}
    plans = [
        plan_of(tmp_path, dataset={"name": "digits_domains"}, strategy={**strategy, "heads": heads})
        for heads in ("shared", "own")
    ]
    shared, own = (need_of(plan, data_of(plan)).tile for plan in plans)
    domains = len(data_of(plans[0]).domains)
    one = 4 * slots_of(10) * 10 * padded(16) * memory.OF_WEIGHTS

    assert own - shared == (domains - 1) * one


@pytest.mark.parametrize(
    ("room", "sizes"), [(99, []), (110, [2, 2, 1]), (125, [4, 1]), (1000, [5])]
)
def test_runs_are_split_by_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(memory, "MOST", room)
    need, jobs = Need(shared=100, tile=10, slots=2), jobs_of([plan_of(tmp_path)] * 5)
    parts = need.parts(jobs)

    assert [len(part) for part in parts] == sizes
    assert [job for part in parts for job in part] == (jobs if sizes else [])
    assert all(need.of(len(part)) <= room for part in parts)
