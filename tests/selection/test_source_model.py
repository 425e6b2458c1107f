from pathlib import Path

import pytest
import torch
from made_sources import asked
from waiting import stopped

from tlrun.config.build import build
from tlrun.core.errors import Terminated, UserError
from tlrun.core.problem import HeldOutTest
from tlrun.models.model import state
from tlrun.runs.outcome import load_run
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.trained_model import load_model
from tlrun.selection.source_model import source_model

from problems import Watcher, config, outcomes_of


def test_it_is_the_model_of_source_only_and_a_transfer_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = asked(tmp_path, sources=("twin",))
    run, problems, screen = build(nodes), ProblemCache(), Watcher()
    problem = problems.load(run.dataset, run.seed)

    assert source_model(run, problem, problems, screen, "twin", train=False) is None
    with monkeypatch.context() as patched:
        patched.setattr(HeldOutTest, "open", lambda self: pytest.fail("the test set was opened"))
        model = source_model(run, problem, problems, screen, "twin", train=True)
    assert model is not None
    assert [(name, stage.name) for name, stage in screen.stages] == [("twin", "source")]
    assert not list((tmp_path / "runs").glob("[!.]*"))
    (alone,) = outcomes_of({**nodes, "strategy": {"name": "source_only"}}, Watcher())
    (transfer,) = outcomes_of(nodes, Watcher())
    kept = state(load_model(alone.path))
    assert all(torch.equal(kept[name], tensor) for name, tensor in state(model).items())
    for outcome in (alone, transfer):
        record = (outcome.path / "run.json").read_text()
        assert '"found": true' in record
        assert load_run(outcome.path).seed == 0
    found = source_model(run, problem, problems, Watcher(), "twin", train=False)
    assert found is not None


def test_a_damaged_stage_is_none(tmp_path: Path) -> None:
    run, problems = build(asked(tmp_path, sources=("twin",))), ProblemCache()
    problem = problems.load(run.dataset, run.seed)
    source_model(run, problem, problems, Watcher(), "twin", train=True)
    for file in (tmp_path / "runs" / ".stages").rglob("model.safetensors"):
        file.write_bytes(b"x")

    assert source_model(run, problem, problems, Watcher(), "twin", train=False) is None


def test_another_label_space_has_no_answer(tmp_path: Path) -> None:
    run = build(config(tmp_path, dataset={"name": "digits", "classes": "split"}))
    problems = ProblemCache()
    problem = problems.load(run.dataset, run.seed)

    with pytest.raises(UserError, match="one label space"):
        source_model(run, problem, problems, Watcher(), "source", train=True)


def test_a_signal_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, problems = build(asked(tmp_path, sources=("twin",))), ProblemCache()
    problem = problems.load(run.dataset, run.seed)
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    monkeypatch.setattr("tlrun.selection.source_model.StageRunner.run_stage", stopped)
    with pytest.raises(Terminated):
        source_model(run, problem, problems, Watcher(), "twin", train=True)

    assert list((tmp_path / "t").iterdir()) == []
