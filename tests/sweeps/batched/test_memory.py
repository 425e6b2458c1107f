from pathlib import Path

import pytest
from heads import jobs_of, plan_of

from tlrun.sweeps.batched import memory
from tlrun.sweeps.batched.memory import own_bytes, parts_that_fit, shared_bytes
from tlrun.training.stacked.layout import padded

from problems import data_of


def test_what_a_stack_takes_is_counted_from_shapes(tmp_path: Path) -> None:
    """The digits: φ gives 16 features, and one head has ten rows; the source has 719 examples."""
    trainer = {"name": "trainer", "steps": 60, "batch_size": 16}
    plan = plan_of(tmp_path, dataset={"name": "digits", "val_share": 0.2}, trainer=trainer)
    problem = data_of(plan)
    examples = sum(len(split) for d in problem.domains.values() for split in d.bought)
    pixels = sum(
        split.array.nbytes for domain in problem.domains.values() for split in domain.bought
    )

    assert shared_bytes(plan, problem) == 4 * padded(16) * examples + pixels
    assert own_bytes(plan, problem) == 4 * memory.COPIES * padded(16) * 10


def test_heads_of_their_own_are_counted_each(tmp_path: Path) -> None:
    strategy = {"name": "shared_parameters", "train": "head"}
    plans = [
        plan_of(tmp_path, dataset={"name": "digits_domains"}, strategy={**strategy, "heads": heads})
        for heads in ("shared", "own")
    ]
    shared, own = (own_bytes(plan, data_of(plan)) for plan in plans)

    assert own == len(data_of(plans[0]).domains) * shared


@pytest.mark.parametrize(
    ("room", "sizes"), [(99, []), (110, [1, 1, 1, 1, 1]), (125, [2, 2, 1]), (1000, [5])]
)
def test_runs_are_split_by_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(memory, "MOST", room)
    jobs = jobs_of([plan_of(tmp_path)] * 5)
    parts = parts_that_fit(10, 100, jobs)

    assert [len(part) for part in parts] == sizes
    assert [job for part in parts for job in part] == (jobs if sizes else [])
