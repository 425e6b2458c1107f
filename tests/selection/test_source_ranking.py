from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from image_sets import put_mnist, put_usps
from made_sources import SOURCES, asked

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.problem import HeldOutTest, Problem
from tlrun.core.task import Task
from tlrun.runs.remembered import ProblemCache
from tlrun.selection.source_ranking import By, Ranking, rank

from problems import Watcher, config, peers, split


def ranked(tmp_path: Path, by: By | None = None, **changes: Any) -> Ranking:
    return rank(build(asked(tmp_path, **changes)), by, ProblemCache(), Watcher())


def test_the_twin_is_first_and_the_permuted_last_and_no_test_row_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldOutTest, "open", lambda self: pytest.fail("the test set was opened"))
    for seed in range(3):
        ranking = ranked(tmp_path, seed=seed)

        assert ranking.by == "likelihood"
        assert (ranking.sources[0].name, ranking.sources[-1].name) == ("twin", "permuted")
        assert {source.name for source in ranking.sources} == {*SOURCES}
        assert (ranking.labels, ranking.chosen) == (30, ("sources", ["twin"]))
        scores = [source.score("likelihood") for source in ranking.sources]
        assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert not list((tmp_path / "runs").glob("[!.]*"))


def test_by_features_nothing_is_trained_and_labels_count_nothing(tmp_path: Path) -> None:
    ranking = ranked(tmp_path, "features")

    assert ranking.sources[-1].name == "far"
    assert all(source.likelihood is None for source in ranking.sources)
    assert not (tmp_path / "runs" / ".stages").exists()


def test_labels_that_are_not_bought_change_nothing(tmp_path: Path) -> None:
    """More of the target's rows without labels: the likelihood is of those it has."""
    few, more = ranked(tmp_path, labels=12), ranked(tmp_path, labels=60)

    assert (few.labels, more.labels) == (12, 60)
    assert few.sources[0].name == more.sources[0].name == "twin"
    assert few.sources[0].likelihood != more.sources[0].likelihood


@dataclass(frozen=True)
class Made:
    """Two sources and a target; the second source has a label space of its own."""

    target: str = "target2"
    sources: tuple[str, ...] | None = None

    def load(self, seed: int) -> Problem:
        problem = peers("source", "source", "target")
        other = Task("other", "multiclass", ("d", "e"))
        domains = dict(problem.domains)
        domains["source1"] = replace(
            domains["source1"], tasks=(other,), train=split(seed, 20, (other,))
        )
        kept = (*(self.sources or ("source0", "source1")), self.target)
        return replace(problem, domains={name: domains[name] for name in kept})


def test_with_another_label_space_features_rank(tmp_path: Path) -> None:
    run = replace(build(config(tmp_path)), dataset=Made())
    ranking = rank(run, None, ProblemCache(), Watcher())

    assert ranking.by == "features"
    assert {source.name: source.shared for source in ranking.sources} == {
        "source0": True,
        "source1": False,
    }
    assert [source.likelihood for source in ranking.sources] == [None, None]


def test_likelihood_that_nobody_has_is_refused(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Apart(Made):
        def load(self, seed: int) -> Problem:
            problem = super().load(seed)
            theirs = problem.domains["source1"]
            return replace(
                problem, domains={**problem.domains, "source0": replace(theirs, name="source0")}
            )

    run = replace(build(config(tmp_path)), dataset=Apart())
    with pytest.raises(UserError, match="--by: expected features, found likelihood"):
        rank(run, "likelihood", ProblemCache(), Watcher())


def test_of_a_pair_the_sets_on_disk_are_ranked_and_no_other_is_downloaded(tmp_path: Path) -> None:
    put_usps(tmp_path / "data")
    put_mnist(tmp_path / "data")
    pair = {"name": "pair", "root": str(tmp_path / "data"), "labels_per_class": 2}
    run = build(config(tmp_path / "runs", dataset=pair))
    with pytest.raises(UserError, match="found only one whose files can be read, mnist"):
        rank(run, None, ProblemCache(), Watcher())
    put_mnist(tmp_path / "data", "FashionMNIST/raw")
    ranking = rank(run, None, ProblemCache(), Watcher())

    assert ranking.by == "features"  # clothes are no digits
    assert {source.name: source.shared for source in ranking.sources} == {
        "mnist": True,
        "fashion_mnist": False,
    }
    assert {"svhn", "cifar10", "cifar100"} == {*ranking.left_out}
    likelihood = rank(run, "likelihood", ProblemCache(), Watcher())
    assert [source.name for source in likelihood.sources] == ["mnist", "fashion_mnist"]
    assert likelihood.sources[1].likelihood is None
