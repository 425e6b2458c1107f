"""Sealed rows are opened once, for one run, and that is written down before they are seen."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

import tlrun.runs.sealed_evaluation
from tlrun.config.build import build
from tlrun.core.errors import RunBusy, UserError
from tlrun.core.metrics import score
from tlrun.core.task import TaskKey
from tlrun.data.sealed import load_with_sealed, rows_digest
from tlrun.runs.final import Asked, ask, found_before, open_once
from tlrun.runs.outcome import Outcome
from tlrun.runs.sealed_evaluation import Rebuilt
from tlrun.store.found import FoundRun
from tlrun.store.openings import alone, file_of, opening_of
from tlrun.store.rundir import RunDir

from problems import Watcher, config, outcomes_of, sign

SEALED = {"name": "digits", "sealed": 0.3}


def done(runs_dir: Path, **nodes: Any) -> list[Outcome]:
    """A run and its controls."""
    return outcomes_of(
        config(runs_dir, **{"dataset": SEALED, "controls": True, **nodes}), Watcher()
    )


def found(path: Path) -> FoundRun:
    run_dir = RunDir(path.parents[2], f"{path.parents[1].name}/{path.parent.name}", path.name)
    return FoundRun(run_dir, run_dir.record() or {})


def asked(path: Path, **how: bool) -> Asked:
    return ask(found(path), **how)


def test_a_run_and_its_controls_are_scored_on_the_sealed_rows_alone(tmp_path: Path) -> None:
    this, *controls = done(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*/*/*/*") if file.is_file()}
    what = asked(this.path)
    problem, sealed = load_with_sealed(what.arms[""][1].dataset, 0)
    result = open_once(what)
    kept = load_file(this.path / "final.safetensors")
    task = problem.task_keys[TaskKey("target", "digit")]

    assert set(result["controls"]) == {c.name for c in controls}
    assert result["rows"] == {"target": len(sealed["target"])}
    assert result["digest"] == rows_digest({"target": sealed["target"]})
    for name, said in {"": result, **result["controls"]}.items():
        start = f"controls/{name}/" if name else ""
        outputs, labels, rows = (
            kept[f"{start}target/digit{part}"].numpy() for part in ("", "/labels", "/index")
        )
        assert rows.tolist() == sealed["target"].index.tolist()
        assert labels.tolist() == sealed["target"].labels["digit"].tolist()
        found_score = said["metrics"]["target/digit"]["accuracy"]
        assert found_score == said["headline"]["test"] == score("accuracy", task, outputs, labels)
        if name:
            gain = result["headline"]["test"] - found_score
            assert said["gain"] == said["tasks"]["target/digit"]["gain"] == pytest.approx(gain)
            assert abs(gain) * len(rows) <= said["tasks"]["target/digit"]["differing"] + 1e-9
    # nothing that was there has changed
    assert {file: file.read_bytes() for file in before} == before
    assert json.loads((this.path / "final.json").read_text()) == result


def test_a_second_run_is_refused_and_the_first_is_shown_what_was_found(tmp_path: Path) -> None:
    this, *controls = done(tmp_path)
    other = done(tmp_path, seed=1)[0]
    assert found_before(found(this.path)) is None
    result = open_once(asked(this.path))

    assert found_before(found(this.path)) == result
    for refused in (other, controls[0]):
        with pytest.raises(UserError, match=f"opened for digits/.*{this.path.name}") as error:
            asked(refused.path, controls=False)
        assert len(str(error.value).splitlines()) == 1
        assert found_before(found(refused.path)) is None


def test_another_share_or_split_seed_seals_no_opened_row_again(tmp_path: Path) -> None:
    plain = {**SEALED, "shift": "none"}  # which split_seed draws no noise of
    this, *_ = done(tmp_path, dataset=plain)
    open_once(asked(this.path))

    for options in ({"sealed": 0.2}, {"sealed": 0.5}, {"split_seed": 1}, {"test_share": 0.5}):
        (other,) = done(tmp_path, dataset={**plain, **options}, controls=False)
        with pytest.raises(UserError, match="some of them opened for"):
            asked(other.path, controls=False)


def test_two_that_ask_at_once_are_told_apart(tmp_path: Path) -> None:
    this, *_ = done(tmp_path)
    other = done(tmp_path, seed=1)[0]
    one, two = asked(this.path), asked(other.path)
    assert one.digest == two.digest

    def busy(_: str) -> None:
        raise AssertionError

    with (
        alone(tmp_path, one.digest, busy),
        pytest.raises(RunBusy, match=r"process \d+ on .* opens these rows"),
    ):
        open_once(one)
    open_once(one)
    with pytest.raises(UserError, match="expected rows that are still sealed"):
        open_once(two)


def test_the_opening_is_written_down_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this, *_ = done(tmp_path)
    what = asked(this.path)
    evaluate = Rebuilt.evaluate

    def killed(self: Rebuilt, rows: Any) -> Any:
        if len(rows["target"]) == what.counts["target"]:
            raise KeyboardInterrupt
        return evaluate(self, rows)

    with monkeypatch.context() as patched:
        patched.setattr(tlrun.runs.sealed_evaluation.Rebuilt, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            open_once(what)
    opening = opening_of(tmp_path, what.digest)
    assert opening is not None
    assert opening.run.endswith(this.path.name)
    assert not (this.path / "final.json").exists()
    again = asked(this.path)
    assert again.before == opening
    assert open_once(again)["opened"] == opening.opened
    with pytest.raises(UserError, match="still sealed"):
        asked(done(tmp_path, seed=1)[0].path, controls=False)


def test_a_model_that_has_changed_opens_nothing(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    this, *_ = done(tmp_path)
    what = asked(this.path)
    tensors = load_file(this.path / "model.safetensors")
    tensors["heads.*/digit.bias"][0] += 5
    save_file(tensors, this.path / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        open_once(what)
    sign(this.path)
    what = asked(this.path)

    with pytest.raises(UserError, match="expected the predictions that it keeps"):
        open_once(what)
    assert not file_of(tmp_path, what.digest).exists()


def test_several_tasks_are_compared_one_by_one_and_estimators_left_out(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 2)).round(4).tolist()
    lines = [f"{a},{b},{'no' if a < b else 'yes'},{'on' if a + b < 0 else 'off'}" for a, b in rows]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y,z", *lines]))
    told = {"name": "table_csv", "path": str(tmp_path / "t.csv"), "predict": ["y", "z"]}
    this, *_ = done(
        tmp_path / "runs", dataset={**told, "sealed": 0.3}, strategy={"name": "shared_parameters"}
    )
    what = asked(this.path)
    result = open_once(what)

    assert list(what.arms) == ["", "single_task"]
    assert set(what.outside) == set(this.controls) - {"single_task"} > set()
    gains = result["controls"]["single_task"]["tasks"]
    assert set(gains) == set(result["tasks"]) == set(this.result["headline"]["tasks"])
    mean = sum(each["gain"] for each in gains.values()) / len(gains)
    assert result["controls"]["single_task"]["gain"] == pytest.approx(mean)


def test_what_cannot_be_opened_is_refused_in_a_line_and_opens_nothing(tmp_path: Path) -> None:
    binary = {"name": "digits_binary", "sealed": 0.3}
    (plain,) = done(tmp_path, dataset={"name": "digits"}, controls=False)
    (estimator,) = done(tmp_path, dataset=binary, strategy={"name": "linear_model"}, controls=False)
    (alone_,) = done(tmp_path, controls=False)
    (stopped,) = done(tmp_path, seed=2, controls=False)
    record = json.loads((stopped.path / "run.json").read_text())
    (stopped.path / "run.json").write_text(json.dumps(record | {"status": "failed"}))
    (other,) = done(tmp_path, seed=3, controls=False)
    sign(other.path, data="0" * 64)

    for path, message in (
        (plain.path, "expected a run with sealed rows"),
        (estimator.path, "expected a run with a network"),
        (alone_.path, "expected finished runs of its controls"),
        (stopped.path, "expected a finished run"),
    ):
        with pytest.raises(UserError, match=message) as error:
            asked(path)
        assert len(str(error.value).splitlines()) == 1
    with pytest.raises(UserError, match="expected the data that the run had"):
        asked(other.path, controls=False)
    assert list(asked(alone_.path, controls=False).arms) == [""]
    assert not (tmp_path / ".sealed").exists()


def test_an_ordinary_run_of_the_same_data_opens_no_sealed_row(tmp_path: Path) -> None:
    this, *_ = done(tmp_path)
    _, kept = load_with_sealed(build(config(tmp_path, dataset=SEALED)).dataset, 0)
    sealed = set(kept["target"].index.tolist())

    for file in tmp_path.rglob("predictions.safetensors"):
        assert not sealed & set(load_file(file)["target/digit/index"].tolist())
    assert json.loads((this.path / "data.json").read_text())["sealed"]["target"] == len(sealed)
