"""Whether a run goes on from an earlier attempt: under its own fingerprint, or marked for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.runs.attempts import NOTHING_BEFORE, earlier_attempt
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import Plan
from tlrun.store.files import read_json, write_json

from problems import Watcher, config, performed, planned

EVERY_STEP = {"seconds": None, "steps": 1}


class Stopping(Watcher):
    """Stops the run in its eighth update: the second of its target stage."""

    def step(self, step: int, terms: Any) -> None:
        super().step(step, terms)
        if self.steps == 8:
            raise KeyboardInterrupt


def asked(runs_dir: Path, **changes: Any) -> Plan:
    return planned(config(runs_dir, **{"checkpoint": EVERY_STEP, **changes}), Watcher())


def attempted(runs_dir: Path, **changes: Any) -> Plan:
    plan = asked(runs_dir, **changes)
    with pytest.raises(KeyboardInterrupt):
        performed(plan, "run", Stopping())
    return plan


def rewrite(plan: Plan, **facts: Any) -> None:
    """Another run.json, as another attempt would have left it."""
    path = plan.run_dir.path / "run.json"
    write_json(path, read_json(path) | facts)


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this is another machine."""
    monkeypatch.setattr("tlrun.store.fingerprint.cpu_capability", lambda: "Another AVX9")


def test_without_one_there_is_nothing(tmp_path: Path) -> None:
    assert earlier_attempt(asked(tmp_path)) is NOTHING_BEFORE


def test_a_finished_run_is_none(tmp_path: Path) -> None:
    performed(asked(tmp_path), "run", Watcher())

    assert earlier_attempt(asked(tmp_path)) is NOTHING_BEFORE


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_one_under_the_same_fingerprint_is_gone_on_with(tmp_path: Path, status: str) -> None:
    plan = attempted(tmp_path)
    rewrite(plan, status=status)

    attempt = earlier_attempt(asked(tmp_path))
    assert (attempt.goes_on, attempt.inexact, list(attempt.keys)) == (True, "", [])


def test_under_another_fingerprint_it_is_refused_in_one_line_that_says_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = attempted(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    elsewhere(monkeypatch)
    watcher = Watcher()
    with pytest.raises(UserError) as refused:
        performed(asked(tmp_path), "run", watcher)

    assert not any("going on" in line for line in watcher.notes)
    (line,) = refused.value.lines
    for words in (str(plan.run_dir.path), "Another AVX9 now", "allow_inexact=true", "rerun=true"):
        assert words in line
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in before.keys() | after.keys():
        if ".locks" not in path.parts:
            assert after.get(path) == before.get(path)


def inexact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Outcome:
    attempted(tmp_path, **changes)
    elsewhere(monkeypatch)
    return performed(asked(tmp_path, allow_inexact=True, **changes), "run", Watcher())


@pytest.mark.parametrize("stages", [True, False])
def test_allowed_it_goes_on_and_is_marked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: bool
) -> None:
    """From the checkpoint, and from the source stage of the other machine, shared or its own."""
    first = inexact(tmp_path, monkeypatch, stages=stages)
    again = performed(asked(tmp_path, stages=stages), "run", Watcher())

    assert "AVX9" in first.differs
    assert again.found
    assert again.differs == first.differs
    record = json.loads((first.path / "run.json").read_text())
    assert "Another AVX9 now" in record["inexact"]
    assert first.inexact == again.inexact == record["inexact"]
    assert len(list(tmp_path.glob(".stages/*"))) == (1 if stages else 0)  # none is made under AVX9


def test_what_was_trained_inexactly_stays_marked_when_it_goes_on_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempted(tmp_path)
    elsewhere(monkeypatch)

    class Later(Watcher):
        def step(self, step: int, terms: Any) -> None:
            if step == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        performed(asked(tmp_path, allow_inexact=True), "run", Later())
    watcher = Watcher()
    outcome = performed(asked(tmp_path), "run", watcher)

    assert "AVX9" in outcome.differs
    assert any("goes on from step 3" in line for line in watcher.notes)


def test_rerun_wants_none_of_it_under_any_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempted(tmp_path)
    elsewhere(monkeypatch)
    watcher = Watcher()
    outcome = performed(asked(tmp_path, rerun=True), "run", watcher)

    assert not outcome.differs
    assert not any("goes on from step" in line for line in watcher.notes)


def test_a_rerun_that_was_stopped_goes_on_itself(tmp_path: Path) -> None:
    attempted(tmp_path, rerun=True)

    assert earlier_attempt(asked(tmp_path, rerun=True)).goes_on


def test_without_checkpoints_another_fingerprint_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = {"seconds": None, "steps": None}
    attempted(tmp_path, checkpoint=never, stages=False)
    elsewhere(monkeypatch)

    assert not performed(asked(tmp_path, stages=False), "run", Watcher()).differs


@pytest.mark.parametrize(
    "facts",
    [
        {"stage_keys": [["../../../elsewhere"]]},
        {"stage_keys": 7},
        {"stage_keys": [[7]]},
        {"fingerprint": "x"},
    ],
)
def test_a_record_of_another_shape_harms_nobody(
    tmp_path: Path, facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = attempted(tmp_path)
    rewrite(plan, **facts)
    elsewhere(monkeypatch)

    assert earlier_attempt(asked(tmp_path)).keys == ()
