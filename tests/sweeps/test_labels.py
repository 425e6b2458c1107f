from hypothesis import given
from hypothesis import strategies as st

from tlrun.sweeps.labels import labels

COMMON = ("dataset=digits", "trainer.steps=5")


def test_a_job_is_called_by_what_sets_it_apart() -> None:
    sets = [
        (*COMMON, "strategy=joint", "seed=0"),
        (*COMMON, "strategy=fused", "strategy.first.name=x", "seed=0"),
        (*COMMON, "strategy=joint", "dataset.shift=noise"),
    ]

    assert labels(sets) == ["joint", "fused first=x", "joint shift=noise"]


def test_seed_lambda_and_what_decides_no_run_tell_none_apart() -> None:
    told = ["seed", "lam.value", "runs_dir", "threads", "sweep.jobs", "verdict.alpha", "rerun"]

    assert labels([[f"{key}={value}" for key in told] for value in (1, 2)]) == ["", ""]


def test_of_no_jobs_and_of_one_there_is_nothing_to_tell() -> None:
    assert labels([]) == []
    assert labels([["strategy=joint", "seed=0"]]) == [""]


SETS = st.lists(st.sampled_from(["strategy=a", "strategy=b", "dataset.x=1"]), unique=True)


@given(st.lists(SETS, max_size=5))
def test_a_label_is_the_jobs_own_wherever_it_stands(sets: list[list[str]]) -> None:
    called = labels(sets)

    assert labels(sets[::-1]) == called[::-1]
    for one, label in zip(sets, called, strict=True):
        assert (label == "") == all(set(one) <= set(other) for other in sets)
