from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.runs.plan import THIS, Plan
from tlrun.runs.remembered import ProblemCache
from tlrun.sweeps.costs import Kind, Past
from tlrun.sweeps.estimate import _Known, elapsed, estimate

from problems import Watcher, config, performed, planned

DURATIONS = st.lists(st.floats(0.0, 100.0), max_size=20)


def plans(tmp_path: Path, seeds: Sequence[int], steps: int = 6, **changes: object) -> list[Plan]:
    trainer = {"name": "trainer", "steps": steps, "batch_size": 16, "eval_every": 4}
    return [
        planned(config(tmp_path, trainer=trainer, seed=seed, **changes), Watcher())
        for seed in seeds
    ]


@given(DURATIONS, st.integers(1, 8))
def test_processes_share_the_work(durations: list[float], processes: int) -> None:
    took = elapsed(durations, processes)

    assert took >= max(durations, default=0.0) - 1e-9
    assert took >= sum(durations) / processes - 1e-9
    assert took <= sum(durations) + 1e-9
    assert elapsed(durations, 1) == pytest.approx(sum(durations))


def test_seconds_go_with_the_steps(tmp_path: Path) -> None:
    performed(plans(tmp_path, [0], strategy={"name": "scratch"})[0], THIS, Watcher())
    costs = []
    for steps in (100, 300, 500):
        missing = plans(tmp_path, [1], steps, strategy={"name": "scratch"})
        left = estimate(missing, ProblemCache(), timing=False)
        (cost,) = left.costs.values()
        assert (cost.basis, left.same) == ("same", 1)
        costs.append(cost.seconds or 0.0)

    assert costs[1] - costs[0] == pytest.approx(costs[2] - costs[1])
    assert costs[0] > 0


def test_a_shared_stage_is_reckoned_once(tmp_path: Path) -> None:
    lams = [{"name": "constant", "value": value} for value in (1.0, 2.0)]
    missing = [plans(tmp_path, [0], lam=lam)[0] for lam in lams]
    empty = estimate(missing, ProblemCache(), timing=False).shared
    performed(missing[0], THIS, Watcher())
    left = estimate(missing[1:], ProblemCache(), timing=False)

    assert (empty.train, empty.kept, empty.uses) == (1, 0, 2)
    assert (left.shared.train, left.shared.kept, left.shared.uses) == (0, 1, 1)
    again = estimate(plans(tmp_path, [1], lam=lams[1]), ProblemCache(), timing=False)
    assert left.seconds() < again.seconds()  # whose seed has no stage yet


def test_without_any_basis_no_number_is_given(tmp_path: Path) -> None:
    left = estimate(plans(tmp_path, [0]), ProblemCache(), timing=False)
    (cost,) = left.costs.values()

    assert (cost.seconds, cost.size, cost.basis) == (None, None, "none")
    assert left.count("none") == 1


def test_another_strategy_is_near(tmp_path: Path) -> None:
    performed(plans(tmp_path, [0], strategy={"name": "scratch"})[0], THIS, Watcher())
    left = estimate(plans(tmp_path, [0]), ProblemCache(), timing=False)
    (cost,) = left.costs.values()

    assert cost.basis == "nearest"
    assert left.same == 0
    assert (cost.seconds or 0.0) > 0
    assert left.size > (cost.size or 0.0)  # and a shared stage


def test_nothing_left_costs_nothing() -> None:
    left = estimate([], ProblemCache())

    assert (left.seconds(), left.elapsed(2), left.size) == (0.0, 0.0, 0.0)


def test_what_has_no_step_is_not_said_to_be_timed() -> None:
    """A linear model of another seed: reckoned from that of the seed which is finished."""
    network, other = (Kind("p", "digits", "b", name, "l", "1", "cpu") for name in ("net", "linear"))
    seconds = Past(rests=[2.0], totals=[2.0])
    known = _Known({}, {network: Past(rates={"s": [0.1]}), other: seconds}, {network})
    cost = known.cost(replace(other, problem="q"), [], in_steps=False)

    assert (cost.seconds, cost.basis) == (2.0, "nearest")
