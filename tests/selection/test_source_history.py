import json
from pathlib import Path

import pytest
from made_sources import asked

from tlrun.config.build import Run, build
from tlrun.core.problem import HeldOutTest
from tlrun.runs.outcome import Outcome
from tlrun.runs.remembered import ProblemCache
from tlrun.selection.source_basis import FEWEST, Cell
from tlrun.selection.source_history import cells, measured
from tlrun.selection.source_ranking import By, rank

from problems import Watcher, outcomes_of, sign

GAINS = {"twin": 0.3, "far": 0.1, "permuted": -0.2}


def plant(outcome: Outcome, test: float) -> None:
    """Let a finished run have scored `test`."""
    file = outcome.path / "result.json"
    result = json.loads(file.read_text())
    result["headline"]["test"] = test
    file.write_text(json.dumps(result))
    sign(outcome.path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Transfers from three sources, their gains over scratch as planted."""
    home = tmp_path_factory.mktemp("planted")
    for source, gain in GAINS.items():
        for strategy, test in (("parameter_transfer", 0.5 + gain), ("scratch", 0.5)):
            nodes = asked(home, steps=8, sources=(source,), strategy=strategy)
            plant(outcomes_of(nodes, Watcher())[0], test)
    return home


def run_of(folder: Path) -> Run:
    return build(asked(folder, steps=8))


@pytest.mark.parametrize("by", ["likelihood", "features"])
def test_scores_are_those_of_the_ranking_and_gains_those_that_were_planted(
    folder: Path, by: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldOutTest, "open", lambda self: pytest.fail("the test set was opened"))
    screen = Watcher()
    (cell,), unscored = cells(run_of(folder), by, ProblemCache(), screen)
    ranking = rank(run_of(folder), by, ProblemCache(), Watcher())
    scores = {source.name: source.score(by) for source in ranking.sources}

    assert (cell.target, cell.seed, unscored) == ("home", 0, 0)
    assert {name: gain for name, (_, gain) in cell.pairs.items()} == pytest.approx(GAINS)
    if by == "likelihood":
        assert {n: s for n, (s, _) in cell.pairs.items()} == {n: scores[n] for n in GAINS}
    assert [stage.name for _, stage in screen.stages] == ["finished transfers"]


def test_one_seed_is_no_basis(folder: Path) -> None:
    basis = measured(run_of(folder), "likelihood", ProblemCache(), Watcher())

    assert (basis.draws, basis.targets, basis.holds) == (1, 1, False)
    assert basis.lines[0].startswith("no basis: ")


def of_both(folder: Path) -> tuple[list[Cell], int]:
    return cells(run_of(folder), "likelihood", ProblemCache(), Watcher())


def test_without_the_models_of_sources_nothing_is_trained(folder: Path) -> None:
    stages = folder / "runs" / ".stages"
    hidden = stages.rename(folder / "hidden")
    try:
        (cell,), unscored = of_both(folder)
        assert (cell.pairs, unscored) == ({}, FEWEST)
        assert not stages.exists()
    finally:
        hidden.rename(stages)
    assert of_both(folder)[1] == 0


def test_what_lacks_its_scratch_or_its_config_does_not_count(folder: Path) -> None:
    (scratch, *_) = (folder / "runs" / "table_csv" / "scratch").glob("*/run.json")
    text = scratch.read_text()
    scratch.unlink()
    assert of_both(folder) == ([], 0)
    scratch.write_text(text)
    (config, *_) = (folder / "runs" / "table_csv" / "parameter_transfer").glob("*/config.yaml")
    kept = config.read_text()
    for damaged in ("a: [", f"{kept}# reads as before, and is not what it was\n"):
        config.write_text(damaged)
        assert of_both(folder) == ([], 0)
    config.write_text(kept)


def test_a_load_report_of_another_run_does_not_count(folder: Path) -> None:
    (one, other, _) = (folder / "runs" / "table_csv" / "parameter_transfer").glob("*/data.json")
    kept, others = one.read_bytes(), other.read_bytes()
    one.write_bytes(others)
    other.write_bytes(kept)
    assert of_both(folder) == ([], 0)
    one.write_bytes(kept)
    other.write_bytes(others)
    assert of_both(folder)[1] == 0


def test_an_empty_folder_shows_no_progress(tmp_path: Path) -> None:
    screen = Watcher()
    assert cells(build(asked(tmp_path)), "features", ProblemCache(), screen) == ([], 0)
    assert screen.stages == []
