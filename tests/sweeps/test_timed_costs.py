from pathlib import Path

import pytest

from tlrun.runs.plan import THIS
from tlrun.runs.remembered import ProblemCache
from tlrun.sweeps import timed_costs
from tlrun.sweeps.costs import Kind, Past, kind_of
from tlrun.sweeps.timed_costs import add_timed, predictions_size

from problems import Watcher, config, performed, planned


def test_a_kind_that_never_ran_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_costs, "BUDGET", 60.0)
    runs_dir = tmp_path / "runs"
    plan = planned(config(runs_dir, strategy={"name": "scratch"}), Watcher())
    kind, past = kind_of(plan), dict[Kind, Past]()
    problems = ProblemCache()

    assert add_timed([plan], {plan.run_dir.path: kind}, past, problems) == {kind}
    assert not runs_dir.exists()
    assert list(past[kind].rates) == ["target"]
    path = performed(plan, THIS, Watcher()).path
    weights = (path / "model.safetensors").stat().st_size
    assert past[kind].weights[0] == pytest.approx(weights, rel=0.2)  # and a head of the file
    predictions = predictions_size(problems.planned(plan.run))
    assert predictions == pytest.approx((path / "predictions.safetensors").stat().st_size, rel=0.2)


def test_what_is_known_is_not_timed_again(tmp_path: Path) -> None:
    plan = planned(config(tmp_path), Watcher())
    kind = kind_of(plan)
    past = {kind: Past()}

    assert add_timed([plan], {plan.run_dir.path: kind}, past, ProblemCache()) == set()
    assert past == {kind: Past()}


def test_large_data_are_not_read_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_costs, "LARGE", 10.0)
    plan = planned(config(tmp_path), Watcher())
    past: dict[Kind, Past] = {}

    assert add_timed([plan], {plan.run_dir.path: kind_of(plan)}, past, ProblemCache()) == set()
    assert past == {}
