import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.config.build import Run, build
from tlrun.core.errors import RunFailed, UserError
from tlrun.core.problem import Problem
from tlrun.core.unread import described
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.runs.plan import THIS, plan, plan_with_controls
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import perform, train
from tlrun.store import fingerprint, problems
from tlrun.store.entries import entries
from tlrun.store.problems import HOME

from problems import Watcher, config, outcomes_of

STRATEGY = {"name": "scratch"}


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that a test has just made count as old."""
    monkeypatch.setattr(problems, "SETTLED", -1e9)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seed of every problem that is read of a table, in order."""
    seeds: list[int] = []
    load = TableCsv.load

    def counted(self: TableCsv, seed: int) -> Problem:
        seeds.append(seed)
        return load(self, seed)

    monkeypatch.setattr(TableCsv, "load", counted)
    return seeds


def write_table(file: Path, last: int = 0) -> None:
    rows = [f"{k / 8},{k * 7 % 11},{'ab'[k % 2]},{'st'[k // 20]}" for k in range(39)]
    file.write_text("\n".join(["x,y,label,where", *rows, f"4.9,{last},b,t"]) + "\n")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_table(file := tmp_path / "table.csv")
    return file


def nodes(table: Path, **options: Any) -> dict[str, Any]:
    dataset = {"name": "table_csv", "path": str(table), "predict": ["label"], "task": "where",
               "target": "t", **options}  # fmt: skip
    return config(table.parent / "runs", dataset=dataset, strategy=STRATEGY)


def run(table: Path, **options: Any) -> Run:
    return build(nodes(table, **options))


def known(asked: Run) -> Problem:
    """The problem of a run, for a plan, in a process of its own."""
    cache = ProblemCache()
    problem = cache.planned(asked)
    cache.remember()
    return problem


def test_a_problem_is_read_once(table: Path, reads: list[int]) -> None:
    asked = run(table)
    read = known(asked)
    again = known(asked)

    assert reads == [0]
    assert described(again) == described(read)
    known(replace(asked, seed=1))
    assert reads == [0, 1]


def test_whoever_touches_an_array_has_the_data_read_once(table: Path, reads: list[int]) -> None:
    known(run(table))
    cache = ProblemCache()
    problem = cache.planned(run(table))
    read = cache.load(run(table).dataset, 0)

    assert reads == [0, 0]
    assert (problem.domains["t"].train.array == read.domains["t"].train.array).all()
    assert reads == [0, 0]


def write_with_its_time_put_back(table: Path) -> None:
    status = table.stat()
    write_table(table, last=9)
    os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert table.stat().st_size == status.st_size


def put_a_copy_in_its_place(table: Path) -> None:
    shutil.copy2(table, other := table.with_name("other"))
    other.replace(table)


def touch(table: Path) -> None:
    os.utime(table, (1, 1))


def truncate_the_memory(table: Path) -> None:
    (kept,) = entries(table.parent / "runs", HOME)
    os.truncate(kept.path / "problem.json", 100)


def edit_the_memory(table: Path) -> None:
    (kept,) = entries(table.parent / "runs", HOME)
    file = kept.path / "problem.json"
    file.write_text(file.read_text().replace('"t"', '"u"'))


def write_the_memory_of_another_version(table: Path) -> None:
    (kept,) = entries(table.parent / "runs", HOME)
    content = (kept.path / "problem.json").read_text().replace('"validated"', '"once"')
    kept.write({"problem.json": content.encode()})


@pytest.mark.parametrize("change", [
    write_with_its_time_put_back, put_a_copy_in_its_place, touch, truncate_the_memory,
    edit_the_memory, write_the_memory_of_another_version,
])  # fmt: skip
def test_whatever_is_in_doubt_is_read(
    table: Path, reads: list[int], change: Callable[[Path], None]
) -> None:
    known(run(table))
    change(table)
    found = known(run(table))

    assert reads == [0, 0]
    assert described(found) == described(run(table).dataset.load(0))


@pytest.mark.parametrize(
    "library", ["numpy", "scipy", "scikit-learn", "torch", "torchvision", "pyarrow"]
)
def test_another_version_of_a_library_has_the_data_read(
    table: Path, reads: list[int], library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(run(table))
    version = metadata.version
    monkeypatch.setattr(
        "importlib.metadata.version", lambda name: "0" if name == library else version(name)
    )
    fingerprint.versions.cache_clear()
    known(run(table))
    fingerprint.versions.cache_clear()

    assert reads == [0, 0]


@pytest.mark.parametrize("name", ["_sources", "cpu_capability"])
def test_another_code_or_processor_has_the_data_read(
    table: Path, reads: list[int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(run(table))
    monkeypatch.setattr(fingerprint, name, lambda: "another")
    known(run(table))

    assert reads == [0, 0]


@pytest.mark.parametrize("options", [{"test_share": 0.4}, {"labels": 8}, {"inputs": ["x"]}])
def test_other_options_have_the_data_read(
    table: Path, reads: list[int], options: dict[str, Any]
) -> None:
    known(run(table))
    known(run(table, **options))

    assert reads == [0, 0]


def test_a_file_that_has_just_changed_is_read_again(
    table: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "SETTLED", 10.0)
    known(run(table))
    known(run(table))

    assert reads == [0, 0]


def test_a_file_that_changes_while_it_is_read_is_read_again(
    table: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load = TableCsv.load

    def changing(self: TableCsv, seed: int) -> Problem:
        problem = load(self, seed)
        write_table(table, last=9)
        return problem

    with monkeypatch.context() as patched:
        patched.setattr(TableCsv, "load", changing)
        known(run(table))
    known(run(table))

    assert reads == [0, 0]


@pytest.mark.parametrize("changed", [False, True])
def test_files_are_looked_at_before_the_first_seed_and_after_the_last(
    table: Path, reads: list[int], changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    files = TableCsv.files

    def counted(self: TableCsv) -> Sequence[Path]:
        looks.append(table)
        return files(self)

    monkeypatch.setattr(TableCsv, "files", counted)
    cache, asked = ProblemCache(), run(table)
    for seed in range(3):
        cache.planned(replace(asked, seed=seed))
    if changed:
        write_table(table, last=9)
    cache.remember()
    assert len(looks) == 2
    for seed in range(3):
        known(replace(asked, seed=seed))

    assert reads == [0, 1, 2] * (2 if changed else 1)


def raising(_: TableCsv) -> list[Path]:
    raise RuntimeError("whatever a stranger's method raises")


@pytest.mark.parametrize("files", [None, raising, lambda _: None, lambda _: [], lambda _: [1]])
def test_a_data_set_that_does_not_name_its_files_is_read_each_time(
    table: Path, reads: list[int], files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TableCsv, "files", files)
    known(run(table))
    known(run(table))

    assert reads == [0, 0]


def test_a_table_that_is_not_there_is_told_as_ever(table: Path) -> None:
    known(run(table))
    table.unlink()

    with pytest.raises(UserError, match=r"dataset\.path"):
        known(run(table))


def test_a_finished_run_is_found_with_the_notes_it_had_and_without_its_data(
    table: Path, reads: list[int]
) -> None:
    asked = nodes(table) | {"controls": True}
    first, again = Watcher(), Watcher()
    outcomes = outcomes_of(asked, first)
    reads.clear()
    found = outcomes_of(asked, again)

    assert reads == []
    assert again.notes == first.notes
    assert all(outcome.found for outcome in found)
    assert [replace(outcome, found=False) for outcome in found] == outcomes


@pytest.mark.parametrize("change", [write_with_its_time_put_back, write_table])
def test_changed_data_are_never_answered_with_the_old_run(
    table: Path, change: Callable[..., None]
) -> None:
    write_table(table, last=5)
    (before,) = outcomes_of(nodes(table), Watcher())
    change(table)
    (after,) = outcomes_of(nodes(table), Watcher())

    assert not after.found
    assert after.path != before.path


@pytest.mark.parametrize("remembered", [True, False])
def test_data_that_change_after_planning_fail_the_run_and_are_forgotten(
    table: Path, remembered: bool
) -> None:
    asked = run(table)
    if remembered:
        known(asked)
    planned = plan(asked, ProblemCache(), Watcher())
    write_table(table, last=9)

    with pytest.raises(RunFailed, match=r"dataset=table_csv: .* again"):
        train(planned, THIS, ProblemCache(), Watcher())

    assert not planned.run_dir.path.exists()
    assert list(entries(table.parent / "runs", HOME)) == []
    arms = plan_with_controls(asked, cache := ProblemCache(), Watcher())
    assert arms[THIS].run_dir.path != planned.run_dir.path
    assert not perform(arms[THIS], THIS, cache, Watcher()).found


def test_a_folder_that_cannot_be_written_is_no_failure(table: Path, reads: list[int]) -> None:
    (table.parent / "runs").mkdir()
    (table.parent / "runs" / ".cache").write_text("no folder")
    known(run(table))
    known(run(table))

    assert reads == [0, 0]


class Noisy(TableCsv):
    """A stranger's: it reads in a way of its own, and inherits which files its base reads."""

    def load(self, seed: int) -> Problem:
        return super().load(seed)


class Told(Noisy):
    """It says itself which files it reads."""

    def files(self) -> list[Path]:
        return [Path(self.path)]


@pytest.mark.parametrize(("cls", "times"), [(Noisy, 2), (Told, 1)])
def test_a_class_that_reads_in_its_own_way_has_to_say_itself_what_it_reads(
    table: Path, reads: list[int], cls: type[TableCsv], times: int
) -> None:
    asked = run(table)
    options = {each.name: getattr(asked.dataset, each.name) for each in fields(TableCsv)}
    asked = replace(asked, dataset=cls(**options))
    for _ in range(2):
        known(asked)

    assert len(reads) == times


def test_a_problem_that_json_does_not_give_back_as_it_was_is_not_remembered(
    table: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that numpy made compare equal to plain ones, and are others to an id."""
    load = TableCsv.load

    def named_by_numpy(self: TableCsv, seed: int) -> Problem:
        problem = load(self, seed)
        domains = {}
        for name, domain in problem.domains.items():
            (task,) = domain.tasks
            named = replace(task, classes=tuple(map(np.str_, task.classes)))
            domains[name] = replace(domain, tasks=(named,))
        return replace(problem, domains=domains)

    monkeypatch.setattr(TableCsv, "load", named_by_numpy)
    identities = {known(run(table)).identity for _ in range(3)}

    assert len(identities) == 1
    assert len(reads) == 3
