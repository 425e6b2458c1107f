"""seeds=auto: looks at more and more seeds, until the results are settled."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import pytest

from tlrun.cli.auto_seeds import auto_seeds
from tlrun.cli.hydra_app import enter
from tlrun.config.preflight import Request, preflight
from tlrun.data.base import Dataset
from tlrun.store.studydir import StudyPlan, studies
from tlrun.sweeps.executors.base import Job, JobResults
from tlrun.sweeps.executors.base import Watcher as JobWatcher
from tlrun.sweeps.looks import Decision

from problems import TINY, Watcher, performed
from properties import assert_one_line_each

ASKED = [*TINY, "strategy=scratch", "seeds=auto"]


@dataclass
class Here:
    """An executor that trains right here. failing: seeds whose runs fail instead. trained: seeds
    of the runs that it was asked for, look by look."""

    failing: set[int] = field(default_factory=set)
    trained: list[list[int]] = field(default_factory=list)

    def prepare(self, dataset: Dataset) -> None:
        pass

    def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
        self.trained.append(sorted(job.plan.run.seed for job in jobs))
        results = JobResults()
        for job in jobs:
            watcher.started(job.title)
            if job.plan.run.seed in self.failing:
                results.failed[job] = "burnt down"
            else:
                performed(job.plan, job.name, Watcher(), wait=True)
            watcher.finished(job.title, results.failed.get(job, ""))
        return results


@dataclass
class Rule:
    """Stops after so many seeds. looks: what it was asked."""

    after: int
    looks: list[tuple[list[str], Path, int]] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)

    def __call__(self, studies: Sequence[StudyPlan], runs_dir: Path, look: int) -> Decision:
        self.looks.append(([study.id for study in studies], runs_dir, look))
        self.finished.append(len(list(runs_dir.glob("digits/*/*/result.json"))))
        return Decision(look >= self.after, f"a gain of {look}")


def request(*more: str, looks: tuple[int, ...] = (1, 2, 4)) -> Request:
    return replace(preflight([*ASKED, *more], multirun=True), looks=looks)


def lines_of_looks(capsys: pytest.CaptureFixture[str]) -> list[str]:
    shown = capsys.readouterr().out.splitlines()
    return [line for line in shown if line.startswith("look ")]


def test_it_goes_on_until_it_is_settled_and_trains_nothing_twice(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor, rule = Here(), Rule(after=2)
    assert auto_seeds(request(), [], rule, lambda _: executor) == 0
    shown = capsys.readouterr().out
    (study,) = studies(here / "runs")

    assert executor.trained == [[0], [1]]
    assert rule.looks == [([study.id], Path("runs"), 1), ([study.id], Path("runs"), 2)]
    assert rule.finished == [1, 2]  # all that it is to judge are there
    assert "look 1 of 3, 1 seeds: go on: a gain of 1\n" in shown
    assert "look 2 of 3, 2 seeds: stop: a gain of 2\n" in shown
    assert shown.count("As a page to mail: ") == 1  # of the last look
    assert "2 jobs, 2 runs" in shown
    assert shown.count("source: 719 train") == 1  # what every look would say of the data


def test_the_last_look_is_the_last_whatever_it_says(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = Here()
    assert auto_seeds(request(), [], Rule(after=99), lambda _: executor) == 0

    assert executor.trained == [[0], [1], [2, 3]]
    assert lines_of_looks(capsys)[-1] == "look 3 of 3, 4 seeds: stop: a gain of 4"


def test_the_plan_is_declared_once_at_the_first_look_with_the_seeds_of_all(here: Path) -> None:
    met: list[bytes] = []

    class Reading(Here):
        def run(self, jobs: Sequence[Job], watcher: JobWatcher) -> JobResults:
            (file,) = (here / "runs" / ".studies").iterdir()
            met.append(file.read_bytes())
            return super().run(jobs, watcher)

    auto_seeds(request(), ["--config-dir", "x y"], Rule(after=99), lambda _: Reading())
    (study,) = studies(here / "runs")

    assert len(met) == 3
    assert len(set(met)) == 1
    assert (study.seeds, study.auto, study.looks) == ((0, 1, 2, 3), True, (1, 2, 4))
    assert (study.runs, study.finished_before) == (1, 0)
    typed = "backbone=mlp 'backbone.hidden=[8]' trainer.steps=4 trainer.batch_size=8"
    assert study.command == (f"tl-run --config-dir 'x y' -m {typed} strategy=scratch seeds=auto")


def test_the_same_command_finds_every_look(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    auto_seeds(request(), [], Rule(after=2), lambda _: Here())
    first, executor = lines_of_looks(capsys), Here()
    auto_seeds(request(), [], Rule(after=2), lambda _: executor)

    assert executor.trained == []
    assert lines_of_looks(capsys) == first


def test_a_run_that_fails_ends_it_with_exit_code_1(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor, rule = Here(failing={1}), Rule(after=99)
    assert auto_seeds(request(), [], rule, lambda _: executor) == 1
    shown = capsys.readouterr()

    assert executor.trained == [[0], [1]]
    assert [look for _, _, look in rule.looks] == [1]
    assert "1 trained now" not in shown.out
    assert "1 runs failed" in shown.err
    assert "burnt down" in shown.err


def test_a_mistake_that_only_the_data_can_tell_has_exit_code_2(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request("dataset.labels_per_class=900")
    assert auto_seeds(asked, [], Rule(after=1), lambda _: Here()) == 2

    assert_one_line_each(capsys.readouterr().err, "dataset.labels_per_class: expected at most")
    assert list(here.iterdir()) == []


def test_whoever_carries_out_a_look_is_handed_that_look_alone(here: Path) -> None:
    handed: list[Request] = []

    def elsewhere(part: Request) -> Here:
        handed.append(part)
        return Here()

    auto_seeds(request(), [], Rule(after=2), elsewhere)

    assert [len(part.jobs) for part in handed] == [1, 2]
    assert [o for part in handed for o in part.overrides if "seed" in o] == [
        "++seed=0",
        "++seed=0,1",
    ]


def test_a_request_without_looks_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="without looks"):
        auto_seeds(request(looks=()), [], Rule(after=1))


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Rule:
    """The rule that the command line uses, and looks at one and two seeds."""
    stand_in = ModuleType("tlrun.report.looks")
    stand_in.settled = Rule(after=99)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tlrun.report.looks", stand_in)
    monkeypatch.setattr("tlrun.config.seeds.LOOKS", (1, 2))
    found: Rule = stand_in.settled
    return found


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=basic"]], ids=["ours", "hydras"])
def test_the_command_line_looks_by_the_rule_of_the_report(
    here: Path, rule: Rule, capsys: pytest.CaptureFixture[str], launcher: list[str]
) -> None:
    assert enter([*ASKED, "-m", *launcher]) == 0
    (study,) = studies(here / "runs")

    assert rule.finished == [1, 2]
    assert [line[:14] for line in lines_of_looks(capsys)] == ["look 1 of 2, 1", "look 2 of 2, 2"]
    assert study.auto
    assert study.seeds == (0, 1)
